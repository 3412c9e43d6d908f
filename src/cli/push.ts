import { createInterface } from "node:readline/promises";
import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { type Context, defineCommand } from "./command.ts";
import { outPath, viewFor } from "./run-options.ts";
import { clean } from "./spans.ts";

export const push = defineCommand({
  name: "push",
  summary: "upload a model, an adapter or a GGUF file to the Hugging Face hub",
  description:
    "Shows what would be uploaded, asks, and uploads it as one commit; the repository is made where it isn't there. Only files of a model go: weights, configuration, tokenizer, model card, which is made from the run where a run has trained the model. Nothing is ever uploaded unasked: without a terminal --yes is needed. HF_TOKEN, or the token that hf auth login stored, must be one that may write; HF_ENDPOINT names another hub.",
  examples: [
    { command: "autodidact push runs/zero --to owner/name --dry-run", what: "what would be uploaded" },
    { command: "autodidact push runs/zero --to owner/name --private", what: "into a private repository" },
    {
      command: "autodidact push runs/grpo --to owner/name --base HuggingFaceTB/SmolLM2-135M-Instruct",
      what: "an adapter, its base by the id that others find it under",
    },
    {
      command: 'autodidact push exports/countdown-q8.gguf --to owner/name --message "8 bits" --yes',
      what: "one file, without a question",
    },
  ],
  options: z.object({
    to: z
      .string()
      .regex(/^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/, "must be OWNER/NAME")
      .describe("repository on the hub")
      .meta({ value: "OWNER/NAME" }),
    base: z
      .string()
      .min(1)
      .optional()
      .describe("id on the hub of the model below an adapter, where the adapter names one of this machine")
      .meta({ value: "OWNER/NAME" }),
    private: z.boolean().default(false).describe("make the repository private; a public one is refused"),
    revision: z
      .string()
      .regex(/^\w[\w.-]*(\/\w[\w.-]*)*$/, "must be the name of a branch")
      .default("main")
      .describe("branch, made where it isn't there")
      .meta({ value: "BRANCH" }),
    message: z.string().min(1).max(500).optional().describe("title of the commit").meta({ value: "TEXT" }),
    yes: z.boolean().default(false).describe("don't ask"),
    dryRun: z.boolean().default(false).describe("print what would be uploaded and stop"),
  }),
  positionals: z.object({ path: z.string().min(1).describe("run, model or adapter directory, or .gguf file") }),
  async run(options, context) {
    const { planPush } = await import("../run/push.ts");
    const { bytesText } = await import("../hub/bytes-text.ts");
    const plan = await planPush(outPath(context, options.path), options);
    const { to, revision, yes, dryRun } = options;
    const where = `${to}${revision === "main" ? "" : `, branch ${revision}`}${options.private ? ", private" : ""}`;
    const lines = [
      `${plan.kind} for ${where}: ${plan.files.length} ${plan.files.length === 1 ? "file" : "files"}, ${bytesText(plan.bytes)}`,
      ...plan.files.map(({ name, size }) => `  ${bytesText(size).padStart(8)}  ${clean(name)}`),
      ...(plan.files.some(({ name }) => name === "README.md")
        ? []
        : ["  no model card: write a README.md beside it, or let autodidact export make one"]),
      ...(plan.leftOut.length > 0 ? [`  stays here: ${plan.leftOut.map(clean).join(", ")}`] : []),
    ];
    const files = plan.files.map(({ name, size }) => ({ name, size }));
    const result = { kind: plan.kind, to, revision, private: options.private, files, bytes: plan.bytes };
    if (dryRun) return context.result({ ...result, leftOut: plan.leftOut }, lines.join("\n"));
    context.stderr.write(`${lines.join("\n")}\n`);
    if (!yes) await confirm(context, to);

    const { upload } = await import("../hub/upload.ts");
    const view = viewFor(context, 0);
    try {
      let phase = "";
      let told = 0;
      const { commit, url, created } = await upload(
        {
          id: to,
          files: plan.files,
          private: options.private,
          revision,
          message: options.message ?? `Upload of ${plan.kind === "adapter" ? "an" : "a"} ${plan.kind} with autodidact`,
        },
        {
          env: context.env,
          signal: context.signal,
          onUpload(progress) {
            const now = performance.now();
            if (progress.phase !== phase) {
              phase = progress.phase;
              view.phase(phase === "hashing" ? "Hashing large files" : `Uploading to ${to}`);
            } else if (now - told < 200) return;
            told = now;
            const { bytes, size, file } = progress;
            view.progress(size === 0 ? 1 : bytes / size, `${bytesText(bytes)} of ${bytesText(size)}  ${clean(file)}`);
          },
        },
      );
      view.close();
      context.result(
        { ...result, commit, url, created },
        `${created ? `${to} was made. ` : ""}Uploaded as commit ${commit}: ${clean(url)}`,
      );
    } finally {
      view.close();
    }
  },
});

/** @throws PUSH_UNCONFIRMED where nobody can be asked, or the answer is no */
async function confirm({ stdin = process.stdin, stderr, signal }: Context, to: string): Promise<void> {
  const isTerminal = (stdin as { readonly isTTY?: boolean }).isTTY === true && stderr.isTTY === true;
  if (!isTerminal) {
    throw new AutodidactError("PUSH_UNCONFIRMED", `nothing was uploaded to ${to}: nobody can be asked here; add --yes`);
  }
  const asking = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await asking.question(`Upload this to ${to}? [y/N] `, { signal });
    if (!/^y(es)?$/i.test(answer.trim()))
      throw new AutodidactError("PUSH_UNCONFIRMED", `nothing was uploaded to ${to}: the answer was no`);
  } finally {
    asking.close();
  }
}
