import type { Completion } from "../engine/engine.ts";
import type { Policy } from "../model/policy.ts";
import { renderChat } from "../tokenizer/chat.ts";
import { encodeText } from "../tokenizer/plain-text.ts";
import type { Backend, Generated, GenerateRequest, Prompt } from "./backend.ts";

/**
 * The engine that also trains. Its random numbers are keyed, so that sample i of a request is the same whatever else is
 * asked. It takes no notice of the signal: close it to end its work.
 */
export function embeddedBackend({ engine, tokenizer, endTokens = tokenizer.endTokens }: Policy): Backend {
  const encode = (prompt: Prompt): Int32Array =>
    "text" in prompt
      ? encodeText(tokenizer, prompt.text)
      : tokenizer.encode(
          renderChat(tokenizer, prompt.messages, {
            addGenerationPrompt: true,
            ...(prompt.variables && { variables: prompt.variables }),
          }),
        );
  const generated = (
    { samples }: GenerateRequest,
    completions: readonly Completion[],
    wanted: boolean | undefined,
  ): Generated[] =>
    samples.map((sample) => {
      const { tokens, logprobs, finish } = completions[sample]!;
      const text = tokenizer.decode(tokens, { skipSpecial: true });
      return { sample, text, tokens: tokens.length, finish, logprobs: wanted ? logprobs : null, tokenIds: tokens };
    });
  return {
    name: engine.name,
    room: (prompts) =>
      engine.config.max_position_embeddings - prompts.reduce((most, one) => Math.max(most, encode(one).length), 0),
    async generate(requests, options) {
      const { maxTokens, temperature, topP, topK, stop, onAnswer, onProgress } = options;
      const told = new Set<number>();
      const tell = (request: number, completions: readonly Completion[]): Generated[] => {
        const answers = generated(requests[request]!, completions, options.logprobs);
        if (!told.has(request)) for (const answer of answers) onAnswer?.(request, answer);
        told.add(request);
        return answers;
      };
      const completions = await engine.sample(
        // A sample's number is its place in the group: those before it are made and thrown away.
        requests.map(({ prompt, samples, key }) => ({
          prompt: encode(prompt),
          count: Math.max(...samples) + 1,
          key,
        })),
        {
          maxTokens,
          temperature,
          endTokens,
          ...(topP !== undefined && { topP }),
          ...(topK !== undefined && { topK }),
          ...(stop && stop.length > 0 && { stop }),
          ...(onProgress && { onProgress }),
          ...(onAnswer && { onCompletions: tell }),
        },
      );
      return completions.map((group, i) => tell(i, group));
    },
    close: () => engine.close(),
  };
}
