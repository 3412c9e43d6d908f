import type { ModelConfig } from "../model/config.ts";
import type { LoraConfig } from "../model/lora.ts";
import { parameterCount } from "../model/parameters.ts";
import type { Environment } from "./environment.ts";
import { commandWithoutFolders, withoutFolders } from "./plain-paths.ts";
import type { Recipe } from "./run-directory.ts";
import type { SftSummary } from "./sft-summary.ts";
import type { Measurement, Summary } from "./summary.ts";

/**
 * The card of a model that is exported or uploaded: what it is, how it came about, what it scored, and how to run it. Paths of
 * this machine are left out.
 */

/** What a card says of the run that made a model. */
export interface CardRun {
  readonly recipe: Recipe;
  readonly environment: Environment | null;
  /** null where the run has not ended. */
  readonly summary: Summary | SftSummary | null;
}

export interface CardFacts {
  readonly name: string;
  /** null of an adapter whose base is not at hand. */
  readonly config: ModelConfig | null;
  readonly to: "hf" | "gguf" | "onnx" | "adapter";
  /** "bfloat16", "Q8_0": what the weights are written in. */
  readonly type: string;
  /** Name of the GGUF file, where it is one. */
  readonly file?: string;
  /** The adapter that is merged into the base, or stands alone; null where there is none. */
  readonly adapter: LoraConfig | null;
  /** Id on the hub of the model that was trained, or converted; null where it is none. */
  readonly base: string | null;
  /** Lines on the licence from the base's own card. */
  readonly licence: readonly string[];
  readonly run: CardRun | null;
  readonly version: string;
}

export function exportCard(facts: CardFacts): string {
  const { name, run } = facts;
  return [
    frontMatter(facts),
    `# ${name}\n`,
    `${origin(facts)}\n`,
    ...(run?.summary ? ["kind" in run.summary ? losses(run.summary) : scores(run.summary)] : []),
    ...(run ? [training(run)] : []),
    `## Use\n\n${usage(facts)}`,
  ].join("\n");
}

const libraries = { hf: "transformers", gguf: "llama-cpp-python", onnx: "transformers.js", adapter: "peft" } as const;

function frontMatter(facts: CardFacts): string {
  const { to, base, licence } = facts;
  const lines = [
    ...licence,
    ...(base === null ? [] : [`base_model: ${base}`, `base_model_relation: ${relation(facts)}`]),
    `library_name: ${libraries[to]}`,
    "pipeline_tag: text-generation",
    "tags:",
    ...["autodidact", ...(to === "gguf" ? ["gguf"] : [])].map((tag) => `- ${tag}`),
  ];
  return `---\n${lines.join("\n")}\n---`;
}

/** A conversion is what the hub calls a quantisation of its base, whatever its type. */
function relation({ run, to, adapter }: CardFacts): string {
  if (to === "adapter") return "adapter";
  return run === null && adapter === null ? "quantized" : "finetune";
}

const formats = {
  hf: "safetensors",
  gguf: "GGUF",
  onnx: "ONNX with key-value cache",
  adapter: "PEFT's format",
} as const;

function origin({ base, run, adapter, config, type, to, version }: CardFacts): string {
  const from = base ?? withoutFolders(textOf(run?.recipe.model) ?? "a local model");
  const made =
    run === null ? `Converted from ${from}` : `Trained from ${from} with autodidact ${run.summary?.version ?? version}`;
  const size =
    config === null ? "" : `: ${config.architectures[0]}, ${parameterCount(config).toLocaleString("en")} parameters`;
  return `${made}${size}. ${adapter === null ? "" : adapterText(adapter, to)}Weights in ${formats[to]}, ${type}.`;
}

function adapterText({ rank, alpha, rslora, targetModules }: LoraConfig, to: CardFacts["to"]): string {
  const what = to === "adapter" ? "A LoRA adapter without its base" : "A LoRA adapter has been merged in";
  return `${what}: rank ${rank}, alpha ${alpha}${rslora ? ", rsLoRA" : ""}, on ${targetModules.join(", ")}. `;
}

function scores({ before, after }: Summary): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const pass = ({ pass1, pass1Interval: [low, high] }: Pick<Measurement, "pass1" | "pass1Interval">): string =>
    `${percent(pass1)} (${percent(low)} to ${percent(high)})`;
  const rows: [string, string, string][] = [["pass@1 (95 % interval)", pass(before), pass(after)]];
  const row = (label: string, of: (one: Measurement) => number | null, text: (value: number) => string): void => {
    const [first, second] = [of(before), of(after)];
    if (first !== null && second !== null) rows.push([label, text(first), text(second)]);
  };
  row("majority@16", (one) => one.majority16, percent);
  row(
    "tokens of an answer",
    (one) => one.meanLength,
    (value) => value.toFixed(0),
  );
  row("answers cut off", (one) => one.truncatedShare, percent);
  for (const [i, level] of after.byLevel.entries()) {
    const first = before.byLevel[i];
    if (after.byLevel.length > 1 && first?.level === level.level)
      rows.push([`pass@1, level ${level.level}`, pass(first), pass(level)]);
  }
  for (const [i, family] of (after.byFamily ?? []).entries()) {
    const first = before.byFamily?.[i];
    if (first?.family === family.family) rows.push([`pass@1, ${family.family}`, pass(first), pass(family)]);
  }
  return `## Scores

On ${after.problems} held-out problems, ${after.samplesPerProblem} answers to each, temperature ${after.temperature}, at most ${after.maxTokens} tokens.

| | before | after |
|---|---|---|
${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}
`;
}

function losses({ loss }: SftSummary): string {
  const text = (value: number | null): string => (value === null ? "" : value.toFixed(4));
  const heldOut = `| kept-out documents | ${text(loss.heldOutBefore)} | ${text(loss.heldOutAfter)} |\n`;
  return `## Loss

Cross-entropy, nats for each learned token; on training documents of the first update and of the last ten.

| | before | after |
|---|---|---|
${loss.heldOutAfter === null ? "" : heldOut}| training documents | ${text(loss.first)} | ${text(loss.last)} |
`;
}

function training({ recipe, summary, environment }: CardRun): string {
  const task = (summary && "task" in summary ? summary.task : undefined) ?? textOf(recipe.task);
  const facts = [
    ...(task === undefined ? [] : [`- Task: ${withoutFolders(task)}`]),
    ...(summary && "kind" in summary ? dataFacts(summary) : []),
    ...(summary
      ? [`- Updates: ${summary.steps}`]
      : typeof recipe.steps === "number"
        ? [`- Updates planned: ${recipe.steps}`]
        : []),
    ...(typeof recipe.seed === "number" ? [`- Seed: ${recipe.seed}`] : []),
    ...(environment ? [`- Machine: ${machineText(environment)}`] : []),
    ...(summary?.seconds.total === undefined ? [] : [`- Time: ${Math.round(summary.seconds.total)} s`]),
  ];
  const objective = summary && "objective" in summary ? `\nObjective:\n\n${fenced("", summary.objective.text)}\n` : "";
  const command = summary && commandWithoutFolders(summary.command);
  const again = command === null ? "" : `\nThe command that repeats it:\n\n${fenced("sh", command)}\n`;
  const plain = (_: string, value: unknown): unknown => (typeof value === "string" ? withoutFolders(value) : value);
  return `## Training

${facts.join("\n")}
${objective}${again}
<details><summary>Recipe</summary>

${fenced("json", JSON.stringify(recipe, plain, 2))}

</details>
`;
}

function dataFacts({ data, rows, epochs, tokens }: SftSummary): string[] {
  const kept = rows.heldOut === 0 ? "" : `, ${rows.heldOut} kept out`;
  return [
    `- Data: ${data.map(withoutFolders).join(", ")}; ${rows.train} documents trained on${kept}`,
    `- Passes: ${Number(epochs.toFixed(2))}, ${tokens.toLocaleString("en")} learned tokens`,
  ];
}

function machineText({ cpu, cores, memoryGiB, system, node, engine }: Environment): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, ${engine}`;
}

function usage({ to, name, file }: CardFacts): string {
  const quoted = JSON.stringify(name);
  const texts = {
    hf: `from transformers import pipeline\n\ngenerate = pipeline("text-generation", ${quoted})\ngenerate([{"role": "user", "content": "..."}])`,
    adapter: `from peft import PeftModel\n\nmodel = PeftModel.from_pretrained(base, ${quoted})`,
    gguf: `llama-cli -m '${file}'`,
    onnx: `import { pipeline } from "@huggingface/transformers";\n\nconst generate = await pipeline("text-generation", ${quoted});\nawait generate([{ role: "user", content: "..." }]);`,
  } as const;
  const languages = { hf: "python", adapter: "python", gguf: "sh", onnx: "js" } as const;
  return `${fenced(languages[to], texts[to])}\n`;
}

/** A code block, its fence longer than any run of backticks in the text. */
function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
