import type { LlamaContext, LlamaContextSequence, LlamaModel, Token } from "node-llama-cpp";
import { chooseToken } from "../engine/choose-token.ts";
import { AutodidactError } from "../errors.ts";
import { hashKey, random } from "../random.ts";
import { type ChatFormat, renderChat } from "../tokenizer/chat.ts";
import type { Backend, Generated, GenerateOptions, GenerateRequest, Prompt } from "./backend.ts";

/**
 * GGUF files, quantised ones too, by llama.cpp through `node-llama-cpp`: for models that are too large for the embedded
 * engine. The package is loaded here and nowhere else, since most users do without it.
 */
export interface LlamaCppOptions {
  /** The GGUF file; of a model in several parts the first one. */
  readonly path: string;
  /** Sequences that are decoded side by side; each takes memory for its own cache. @default 8 */
  readonly sequences?: number | undefined;
  /** Threads to compute with. @default as many as the machine has for arithmetic */
  readonly threads?: number | undefined;
}

/** Likeliest tokens that top-p chooses among. At any usual temperature what lies behind them has no weight. */
const candidates = 1000;

/** @throws AutodidactError LLAMA_CPP_MISSING, LLAMA_CPP_MODEL */
export async function llamaCppBackend({ path, sequences = 8, threads }: LlamaCppOptions): Promise<Backend> {
  const { getLlama } = await library();
  let last = "";
  const llama = await getLlama({
    // What is not there is said; nothing is compiled or downloaded.
    build: "never",
    skipDownload: true,
    progressLogs: false,
    logger: (level, message) => {
      if (level === "error" || level === "fatal") last = message.trim();
    },
    ...(threads !== undefined && { maxThreads: threads }),
  }).catch((cause: unknown) => {
    throw new AutodidactError(
      "LLAMA_CPP_MISSING",
      `node-llama-cpp: has no binary for this machine (${messageOf(cause)}); see: npx node-llama-cpp inspect gpu`,
      { cause },
    );
  });
  let model: LlamaModel;
  try {
    model = await llama.loadModel({ modelPath: path });
  } catch (cause) {
    await llama.dispose();
    throw new AutodidactError(
      "LLAMA_CPP_MODEL",
      `${path}: llama.cpp cannot load it: ${messageOf(cause)}${last === "" ? "" : ` (${last})`}; give a GGUF file of a model that fits into memory`,
      { cause },
    );
  }
  const format = chatFormat(model);
  const encode = (prompt: Prompt): Token[] => {
    if ("messages" in prompt) {
      const { messages, variables } = prompt;
      return model.tokenize(
        renderChat(format, messages, { addGenerationPrompt: true, ...(variables && { variables }) }),
        true,
      );
    }
    // Plain text begins with the beginning-of-text token, once; a chat template has written its own.
    const plain = model.tokenize(prompt.text, true);
    const { bos, shouldPrependBosToken } = model.tokens;
    return shouldPrependBosToken && bos !== null && plain[0] !== bos ? [bos, ...plain] : plain;
  };
  let context: LlamaContext | null = null;
  /** A context with room for `length` tokens in each sequence; fewer sequences where memory is short. */
  const contextFor = async (length: number, wanted: number): Promise<LlamaContext> => {
    if (context !== null && context.contextSize >= length && context.totalSequences >= wanted) return context;
    await context?.dispose();
    context = null;
    for (let count = wanted; ; count = Math.floor(count / 2)) {
      try {
        context = await model.createContext({
          contextSize: length,
          sequences: count,
          failedCreationRemedy: false,
          ...(threads !== undefined && { threads }),
        });
        return context;
      } catch (cause) {
        if (count > 1) continue;
        throw new AutodidactError(
          "LLAMA_CPP_MODEL",
          `${path}: no memory for a context of ${length} tokens (${messageOf(cause)}); lower --max-tokens, or take a smaller model`,
          { cause },
        );
      }
    }
  };
  return {
    name: `llama.cpp/${llama.gpu === false ? "cpu" : llama.gpu}`,
    room: (prompts) => model.trainContextSize - prompts.reduce((most, one) => Math.max(most, encode(one).length), 0),
    async generate(requests, options) {
      const prompts = requests.map(({ prompt }) => encode(prompt));
      checkLengths(prompts, options.maxTokens, model.trainContextSize, path);
      const work = requests.flatMap(({ samples }, request) => samples.map((sample) => ({ request, sample })));
      const longest = prompts.reduce((most, prompt) => Math.max(most, prompt.length), 0);
      const { onAnswer, onProgress, signal } = options;
      const found = requests.map(() => new Map<number, Generated>());
      let [next, finished, tokens] = [0, 0, 0];
      /** What ended one sequence ends the others. */
      let failure: { readonly error: unknown } | null = null;
      const using = await contextFor(longest + options.maxTokens, Math.min(sequences, Math.max(1, work.length)));
      // Neighbours share a prompt: what a sequence has read of it stays.
      const sequence = async (): Promise<void> => {
        const own = using.getSequence();
        try {
          for (let at = next++; at < work.length && failure === null; at = next++) {
            const { request, sample } = work[at]!;
            const answer = await answerOf(own, model, prompts[request]!, requests[request]!, sample, options, () => {
              if (failure !== null) throw failure.error;
              onProgress?.({ finished, total: work.length, tokens: ++tokens });
            });
            found[request]!.set(sample, answer);
            finished++;
            onAnswer?.(request, answer);
            onProgress?.({ finished, total: work.length, tokens });
          }
        } catch (error) {
          failure ??= { error };
        } finally {
          await own.dispose();
        }
      };
      await Promise.all(Array.from({ length: using.totalSequences }, sequence));
      signal?.throwIfAborted();
      if (failure !== null) throw (failure as { error: unknown }).error;
      return requests.map(({ samples }, i) => samples.map((sample) => found[i]!.get(sample)!));
    },
    async close() {
      await context?.dispose();
      await model.dispose();
      await llama.dispose();
    },
  };
}

async function library(): Promise<typeof import("node-llama-cpp")> {
  try {
    return await import("node-llama-cpp");
  } catch (cause) {
    const missing = /MODULE_NOT_FOUND$/.test((cause as NodeJS.ErrnoException).code ?? "");
    throw new AutodidactError(
      "LLAMA_CPP_MISSING",
      missing
        ? "backend llama.cpp: the package node-llama-cpp is not installed; npm install node-llama-cpp"
        : `backend llama.cpp: node-llama-cpp cannot be loaded (${messageOf(cause)}); install it again`,
      { cause },
    );
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

/** The chat template in the file's own header, rendered as that of any other model. */
function chatFormat({ fileInfo, tokens }: LlamaModel): ChatFormat {
  const { chat_template: template } = fileInfo.metadata.tokenizer ?? {};
  return {
    config: {
      ...(typeof template === "string" && { chat_template: template }),
      bos_token: tokens.bosString,
      eos_token: tokens.eosString,
    },
  };
}

function checkLengths(prompts: readonly Token[][], maxTokens: number, positions: number, path: string): void {
  prompts.forEach((prompt, i) => {
    if (prompt.length === 0) throw new AutodidactError("SAMPLE_PROMPT", `prompt ${i}: has no token; give at least one`);
    if (prompt.length + maxTokens > positions)
      throw new AutodidactError(
        "SAMPLE_LENGTH",
        `prompt ${i}: has ${prompt.length} tokens; with maxTokens ${maxTokens} that exceeds the ${positions} positions of ${path}; lower maxTokens to ${Math.max(0, positions - prompt.length)}`,
      );
  });
}

async function answerOf(
  sequence: LlamaContextSequence,
  model: LlamaModel,
  prompt: readonly Token[],
  { key }: GenerateRequest,
  sample: number,
  { maxTokens, temperature, topP = 1, topK = 0, stop = [], logprobs: wanted = false, signal }: GenerateOptions,
  onToken: () => void,
): Promise<Generated> {
  signal?.throwIfAborted();
  // The last token has to be read again, for the distribution behind it.
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  const from = Math.min(sequence.nextTokenIndex, prompt.length - 1);
  // llama.cpp cuts by top-p before the temperature, everybody else behind it: then the choice is made here.
  const ours = topP < 1 && temperature > 0;
  const stream = random(...key, sample);
  const evaluated = sequence.evaluateWithMetadata(
    prompt.slice(from),
    { probabilities: ours, confidence: wanted && !ours },
    {
      temperature: ours ? 1 : temperature,
      topK: ours ? (topK > 0 ? topK : candidates) : topK,
      topP: 1,
      minP: 0,
      seed: hashKey([...key, sample]) & 0x7fffffff,
      yieldEogToken: true,
    },
  );
  const tokens: Token[] = [];
  const logprobs: number[] = [];
  const longestStop = stop.reduce((most, text) => Math.max(most, text.length), 0);
  let finish: Generated["finish"] = "length";
  let replaced: Token | undefined;
  for (;;) {
    const { value, done } = replaced === undefined ? await evaluated.next() : await evaluated.next(replaced);
    if (done) break;
    const { probabilities, confidence } = value as {
      readonly probabilities?: Map<Token, number>;
      readonly confidence?: number;
    };
    let { token } = value;
    if (ours) {
      const among = [...probabilities!];
      const logits = Float32Array.from(among, ([, probability]) => Math.log(probability));
      const choice = chooseToken(logits, 0, among.length, { temperature, topP }, stream.next);
      token = among[choice.token]![0];
      replaced = token;
      logprobs.push(choice.logprob);
    } else if (wanted) logprobs.push(Math.log(confidence!));
    tokens.push(token);
    onToken();
    signal?.throwIfAborted();
    // Every token is at least one character of a stop text, so that so many last tokens hold it.
    const tail = longestStop === 0 ? "" : model.detokenize(tokens.slice(-longestStop - 1), false);
    if (model.isEogToken(token) || stop.some((text) => tail.includes(text))) {
      finish = "stop";
      break;
    }
    if (tokens.length === maxTokens) break;
  }
  await evaluated.return();
  return {
    sample,
    text: model.detokenize(tokens, false, prompt.slice(-8)),
    tokens: tokens.length,
    finish,
    logprobs: wanted ? logprobs : null,
    tokenIds: tokens,
  };
}
