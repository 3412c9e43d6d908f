import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { importsOf, root, sources } from "./imports.ts";

/** Lines of code in src/: tests, generated files, blank lines and comments left out. Raising it is a decision: say in the commit what it bought. */
const budget = 35500;
const longest = 400;
/** Generated files, and tables of operators that are better read as one. */
const mayBeLong = [/^src\/engine\/onnx_pb\.ts$/, /^src\/autodiff\/(operators|rules)[\w-]*\.ts$/];
const generated = /^src\/engine\/onnx_pb\.ts$/;

/** Where Node's own modules may be used; everything else must run in a browser. */
const nodeFiles = [
  /^src\/engine\/onnxruntime[\w-]*\.ts$/,
  /^src\/engine\/[\w-]*worker[\w-]*\.ts$/,
  /^src\/run\//,
  /^src\/cli\//,
  /^src\/checkpoint\/(files|model-directory|adapter-directory|weight-files|trainer-state)\.ts$/,
  /^src\/datasets\/(files|hub-cache)\.ts$/,
  /^src\/gguf\/files\.ts$/,
  /^src\/hub\/(cache|download|lock|model|settings|upload)\.ts$/,
  /^src\/code\/(pool|start-process|worker|worker-thread|python-sandbox|javascript-sandbox)\.ts$/,
];

/** Every part may import itself and these; model/config.ts holds the field names of a checkpoint and nothing else. */
const floor = ["errors", "issues", "random", "model/config"];

/** Parts whose imports are named one by one; the others may import anything but cli and run. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  issues: [],
  random: [],
  autodiff: [],
  tokenizer: [],
  // Text and numbers only: a task, a verifier or a corpus never sees a tensor.
  tasks: ["rewards/expression"],
  rewards: ["tasks", "rollout/rollout"],
  families: ["tasks", "rewards/expression", "verifiers", "code"],
  code: ["tasks/task"],
  maths: ["tasks/task"],
  verifiers: ["tasks/task", "maths", "code", "endpoint"],
  endpoint: [],
  backends: ["endpoint", "engine/engine", "engine/choose-token", "model/policy", "tokenizer"],
  gguf: ["checkpoint", "engine/engine", "model", "tokenizer"],
  hub: ["endpoint/post", "checkpoint/files"],
  datasets: ["tasks/task", "maths", "code/tests", "verifiers", "hub"],
  check: ["tasks", "rewards", "rollout/rollout"],
  advantage: ["rewards", "rollout/rollout"],
  corpus: ["tasks", "tokenizer", "rewards/expression"],
  losses: ["autodiff", "engine/engine", "tasks", "rollout/rollout", "rewards", "advantage"],
  optimizer: ["autodiff", "engine/engine"],
  rollout: ["tasks/task", "rewards", "model/policy", "tokenizer", "engine/engine"],
  eval: ["tasks/task", "rewards", "rollout", "verifiers/words", "model/policy", "engine/engine"],
  trainers: ["tasks/task", "rewards", "rollout", "advantage", "losses", "optimizer", "eval", "model", "engine/engine"],
  recipe: ["losses/objective", "optimizer/schedule", "rewards/verification", "trainers/diagnostics", "model"],
  checkpoint: ["engine/engine", "model", "tokenizer"],
  model: ["autodiff", "engine/engine", "tokenizer"],
  engine: ["autodiff", "model", "losses", "optimizer"],
  plan: ["autodiff", "engine", "model", "losses", "optimizer", "recipe", "trainers/sft"],
  export: ["checkpoint", "model", "engine/onnx_pb", "tokenizer", "gguf"],
};
/** Two parts read by nobody; src/index.ts, the package's front, gathers all. */
const tops = ["cli", "run"];

const files = sources("src");
/** "src/tasks/countdown.ts" -> "tasks", "src/random.ts" -> "random". */
const partOf = (file: string): string => file.split("/")[1]!.replace(/\.ts$/, "");
const within = (file: string, place: string): boolean => {
  const inside = file.replace(/^src\//, "").replace(/\.ts$/, "");
  return inside === place || inside.startsWith(`${place}/`);
};
const lineCount = (file: string): number => readFileSync(join(root, file), "utf8").trimEnd().split("\n").length;
/** Neither blank nor comment: explaining a thing must cost nothing. */
const codeLines = (file: string): number =>
  readFileSync(join(root, file), "utf8")
    .replace(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, "")
    .split("\n")
    .filter((line) => !/^\s*(\/\/.*)?$/.test(line)).length;

describe("architecture", () => {
  test("there is something to look at, and imports are seen", () => {
    assert.ok(files.length > 20);
    assert.deepEqual(
      importsOf("src/cli/option.ts").map(({ specifier, kind }) => [specifier, kind]),
      [
        ["zod", "value"],
        ["../issues.ts", "value"],
      ],
    );
    const seen = importsOf("src/run/records.ts").map(({ file, kind }) => `${file} ${kind}`);
    assert.ok(seen.includes("src/advantage.ts type") && seen.includes("null value"), seen.join(", "));
    assert.ok(
      importsOf("src/cli/commands.ts").some(({ file, kind }) => file === "src/cli/report.ts" && kind === "dynamic"),
    );
  });

  test("every import of ours names a file that is there", () => {
    const all = new Set(files);
    const lost = files.flatMap((file) =>
      importsOf(file).flatMap((one) => (one.file && !all.has(one.file) ? [`${file} -> ${one.specifier}`] : [])),
    );
    assert.deepEqual(lost, []);
  });

  test("no file imports itself through others, types included", () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      const at = path.indexOf(file);
      if (at >= 0) {
        cycles.push([...path.slice(at), file].join(" -> "));
        return;
      }
      if (done.has(file)) return;
      for (const one of importsOf(file)) if (one.file) visit(one.file, [...path, file]);
      done.add(file);
    };
    for (const file of files) if (file !== "src/index.ts") visit(file, []);
    assert.deepEqual(cycles, []);
  });

  test("imports follow the line", () => {
    const wrong = files.flatMap((file) => {
      const part = partOf(file);
      if (part === "index" || part === "cli") return [];
      return importsOf(file).flatMap((one) => {
        if (!one.file || partOf(one.file) === part) return [];
        const target = one.file;
        const known = mayImport[part];
        const allowed = known
          ? [...floor, ...known].some((place) => within(target, place))
          : part === "run"
            ? partOf(target) !== "cli"
            : !tops.includes(partOf(target));
        return allowed && partOf(target) !== "index" ? [] : [`${file} -> ${target}`];
      });
    });
    assert.deepEqual(wrong, []);
  });

  test("Node's modules stay in the file layer", () => {
    const wrong = files.flatMap((file) =>
      nodeFiles.some((place) => place.test(file))
        ? []
        : importsOf(file)
            .filter(({ specifier }) => specifier.startsWith("node:") || specifier === "onnxruntime-node")
            .map(({ specifier }) => `${file} -> ${specifier}`),
    );
    assert.deepEqual(wrong, []);
  });

  test(`no file is longer than ${longest} lines`, () => {
    const long = files.filter((file) => !mayBeLong.some((one) => one.test(file)) && lineCount(file) > longest);
    assert.deepEqual(
      long.map((file) => `${file}: ${lineCount(file)}`),
      [],
    );
  });

  test("no place for things that have no place", () => {
    const vague = /^(utils?|helpers?|common|misc|shared)(\.|$)/;
    assert.deepEqual(
      files.filter((file) => file.split("/").some((part) => vague.test(part)) || vague.test(basename(file))),
      [],
    );
  });

  test(`at most ${budget} lines of code in all`, (t) => {
    const lines: Record<string, number> = {};
    for (const file of files)
      if (!generated.test(file)) lines[partOf(file)] = (lines[partOf(file)] ?? 0) + codeLines(file);
    const total = Object.values(lines).reduce((sum, count) => sum + count, 0);
    const list = Object.entries(lines).sort(([, a], [, b]) => b - a);
    t.diagnostic(`${total} lines of ${budget}: ${list.map(([part, count]) => `${part} ${count}`).join(", ")}`);
    assert.ok(total <= budget, `${total} lines of source; delete some, or raise the budget and say why`);
  });
});
