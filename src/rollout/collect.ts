import type { Completion, SampleProgress } from "../engine/engine.ts";
import type { Asking, Policy } from "../model/policy.ts";
import type { Key } from "../random.ts";
import type { Problem } from "../tasks/task.ts";
import { renderChat } from "../tokenizer/chat.ts";
import { encodeText } from "../tokenizer/plain-text.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Group } from "./rollout.ts";

export interface RolloutOptions {
  /** G, answers a problem. */
  readonly groupSize: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly stop?: readonly string[];
  /** Names the random numbers; a problem's samples draw from (...key, problem id, sample). */
  readonly key: readonly Key[];
  /** Stamped on each rollout. */
  readonly policyVersion: number;
  readonly onProgress?: (progress: SampleProgress) => void;
  /** Called once with each group, its place in the list of problems beside it, as soon as its last answer has ended. */
  readonly onGroup?: (group: Group, index: number) => void;
}

/** G sampled outputs o_i for each question q. */
export async function rolloutGroups(
  policy: Policy,
  problems: readonly Problem[],
  options: RolloutOptions,
): Promise<Group[]> {
  const { engine, tokenizer, asking } = policy;
  const { groupSize, key, policyVersion, onProgress, onGroup, ...sampling } = options;
  const prompts = problems.map((problem) => promptTokens(policy, problem));
  const requests = problems.map((problem, i) => ({
    prompt: prompts[i]!,
    count: groupSize,
    key: [...key, problem.id],
  }));
  const groups = new Array<Group | undefined>(problems.length).fill(undefined);
  const groupOf = (i: number, completions: readonly Completion[]): Group => {
    const known = groups[i];
    if (known !== undefined) return known;
    const rollouts = completions.map(({ tokens, logprobs, finish }, sample) => ({
      sample,
      text: tokenizer.decode(tokens, { skipSpecial: true }),
      tokens,
      logprobs,
      finish,
      policyVersion,
    }));
    const group: Group = { problem: problems[i]!, promptTokens: prompts[i]!, rollouts };
    groups[i] = group;
    onGroup?.(group, i);
    return group;
  };
  const completions = await engine.sample(requests, {
    ...(asking?.stop && { stop: asking.stop }),
    ...sampling,
    endTokens: policy.endTokens ?? tokenizer.endTokens,
    ...(onProgress && { onProgress }),
    ...(onGroup && { onCompletions: groupOf }),
  });
  // An engine that does not tell when a request has ended gives its groups here.
  return completions.map((answers, i) => groupOf(i, answers));
}

/** The question as the model reads it. */
export function promptTokens(
  { tokenizer, asking = {} }: Pick<Policy, "tokenizer" | "asking">,
  problem: Problem,
): Int32Array {
  const text = promptText(tokenizer, problem.prompt, asking);
  return asking.template === undefined ? tokenizer.encode(text) : encodeText(tokenizer, text);
}

/** The same as text: through the chat template, or where `template` is given through that. */
export function promptText(tokenizer: Tokenizer, prompt: string, { system, template, chatVariables }: Asking): string {
  // A function, so that "$&" in a question is text.
  if (template !== undefined) return template.replace("{prompt}", () => prompt);
  const messages = [
    ...(system === undefined ? [] : [{ role: "system", content: system }]),
    { role: "user", content: prompt },
  ];
  return renderChat(tokenizer, messages, {
    addGenerationPrompt: true,
    ...(chatVariables && { variables: chatVariables }),
  });
}
