import type { Llama, Token } from "node-llama-cpp";

export interface LlamaCpp {
  tokenize(text: string): number[];
  /** What greedy decoding appends to a prompt, end tokens included. */
  greedy(prompt: readonly number[], maxTokens: number): Promise<number[]>;
  /** The likeliest token behind each place of a text. */
  likeliest(tokens: readonly number[]): Promise<number[]>;
  close(): Promise<void>;
}

let llama: Promise<Llama> | undefined;

/** A GGUF file in llama.cpp itself, on the CPU. Nothing is built or downloaded. */
export async function llamaCpp(path: string, options: { vocabularyOnly?: boolean } = {}): Promise<LlamaCpp> {
  const { getLlama, LlamaLogLevel } = await import("node-llama-cpp");
  llama ??= getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    logLevel: LlamaLogLevel.disabled,
    maxThreads: 1,
  });
  const model = await (await llama).loadModel({
    modelPath: path,
    vocabOnly: options.vocabularyOnly ?? false,
    useMmap: false,
  });
  return {
    tokenize: (text) => model.tokenize(text, true),
    async greedy(prompt, maxTokens) {
      const context = await model.createContext({ contextSize: prompt.length + maxTokens });
      const tokens: number[] = [];
      const answer = context.getSequence().evaluate(prompt as Token[], { temperature: 0, yieldEogToken: true });
      for await (const token of answer) if (tokens.push(token) === maxTokens) break;
      await context.dispose();
      return tokens;
    },
    async likeliest(tokens) {
      const context = await model.createContext({ contextSize: tokens.length });
      const asked = { generateNext: { token: true, options: { temperature: 0 } } };
      const found = await context.getSequence().controlledEvaluate(tokens.map((token) => [token as Token, asked]));
      await context.dispose();
      return found.map((one) => one?.next.token ?? -1);
    },
    close: () => model.dispose(),
  };
}

/** Lets go of llama.cpp, which otherwise keeps the process alive. */
export async function closeLlamaCpp(): Promise<void> {
  await (await llama)?.dispose();
}
