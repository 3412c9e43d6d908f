import { z } from "zod";
import { defineCommand } from "./command.ts";
import { downloadOptions } from "./download-view.ts";
import { clean } from "./spans.ts";

export const sample = defineCommand({
  name: "sample",
  summary: "print completions of a prompt",
  description:
    "Samples completions of a prompt from a model: a directory, a GGUF file, or an id on the Hugging Face hub, which is downloaded once. The prompt goes through the model's chat template unless --raw is given.",
  examples: [
    { command: 'autodidact sample --model models/countdown-base --prompt "2 7 9 make 65" -n 4', what: "four answers" },
    {
      command: 'autodidact sample --model runs/zero/model --prompt "2 7 9 make 65" --temperature 0 --json',
      what: "the likeliest one, with log-probabilities",
    },
    {
      command: 'autodidact sample --model HuggingFaceTB/SmolLM2-135M-Instruct --prompt "What is 17 + 25?"',
      what: "a model of the hub",
    },
  ],
  options: z.object({
    model: z
      .string()
      .min(1)
      .describe("model directory, GGUF file, or OWNER/NAME on the hub, @REVISION behind it if wanted")
      .meta({ value: "MODEL" }),
    prompt: z.string().describe("what the model is asked").meta({ value: "TEXT" }),
    n: z.int().min(1).max(4096).default(1).describe("number of completions").meta({ short: "n", value: "N" }),
    temperature: z.number().min(0).default(1).describe("0 always takes the likeliest token").meta({ value: "T" }),
    topP: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe("keep the likeliest tokens up to this probability")
      .meta({ value: "P" }),
    topK: z.int().min(0).default(0).describe("keep this many tokens; 0 keeps all").meta({ value: "N" }),
    maxTokens: z.int().min(1).default(256).describe("token limit of a completion").meta({ value: "N" }),
    stop: z
      .array(z.string().min(1))
      .default([])
      .describe("text behind which a completion ends")
      .meta({ value: "TEXT" }),
    seed: z.int().min(0).default(1).describe("names the random numbers").meta({ value: "N" }),
    raw: z.boolean().default(false).describe("leave the chat template out"),
    provider: z.enum(["cpu", "webgpu", "cuda"]).default("cpu").describe("execution provider of ONNX Runtime"),
    threads: z.int().min(1).optional().describe("threads to compute with").meta({ value: "N" }),
  }),
  async run(options, context) {
    const { openModel } = await import("../run/open-model.ts");
    const { openPolicy } = await import("../run/open-policy.ts");
    const { renderChat } = await import("../tokenizer/chat.ts");
    const { encodeText } = await import("../tokenizer/plain-text.ts");
    const { unlessStopped } = await import("../run/observer.ts");
    const model = await openModel(options.model, downloadOptions(context));
    const { tokenizer } = model;
    const question = [{ role: "user", content: options.prompt }];
    const prompt = options.raw
      ? encodeText(tokenizer, options.prompt)
      : tokenizer.encode(renderChat(tokenizer, question, { addGenerationPrompt: true }));
    const { engine } = await openPolicy(model, options);
    try {
      const work = engine.sample([{ prompt, count: options.n, key: [options.seed, "sample"] }], {
        maxTokens: options.maxTokens,
        temperature: options.temperature,
        topP: options.topP,
        topK: options.topK,
        ...(options.stop.length > 0 && { stop: options.stop }),
        endTokens: model.endTokens,
      });
      const [completions] = await unlessStopped(context.signal, work);
      const results = completions!.map(({ tokens, logprobs, finish }) => ({
        text: tokenizer.decode(tokens, { skipSpecial: true }),
        tokens: [...tokens],
        logprobs: [...logprobs],
        finish,
      }));
      context.result(results, results.map((result) => clean(result.text)).join("\n"));
    } finally {
      await engine.close();
    }
  },
});
