import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AutodidactError } from "../errors.ts";
import { isFile, openTask } from "./load-task.ts";

/** Far from any node_modules: `autodidact` must be found all the same. */
let folder: string;
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return name;
};
before(() => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-task-"));
  mkdirSync(join(folder, "parts"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const body = `{
  name: "toy",
  problems: () => [{ id: "1", prompt: "?", level: 1 }],
  rewards: { accuracy: { weight: 1, verify: () => ({ reward: 1, reason: "correct" }) } },
  gold: () => "yes",
}`;

/** For assert.rejects: the code, and the message's words. */
const refuses =
  (code: string, ...words: (string | RegExp)[]) =>
  (error: unknown): true => {
    assert.ok(error instanceof AutodidactError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words)
      assert.ok(typeof word === "string" ? error.message.includes(word) : word.test(error.message), error.message);
    return true;
  };

test("names are tasks that ship, paths are files", () => {
  for (const file of ["a.ts", "a.js", "a.mjs", "a.mts", "a.cjs", "./a", "b/a", "a.ts#sum", "..\\a"])
    assert.ok(isFile(file), file);
  for (const name of ["countdown", "gcd-lcm", "24"]) assert.ok(!isFile(name), name);
});

test("a task that ships, by name; another name is refused with those that there are", async () => {
  assert.equal((await openTask("countdown", folder)).name, "countdown");
  assert.equal((await openTask("gcd-lcm", folder)).name, "gcd-lcm");
  await assert.rejects(openTask("cuontdown", folder), refuses("TASK_UNKNOWN", "cuontdown", "countdown"));
});

test("TypeScript with types, imports in its manner, and the package that runs", async () => {
  write("parts/two.ts", "export const two: number = 2;\n");
  write("parts/index.ts", 'export * from "./two.js";\n');
  const file = write(
    "typed.ts",
    `import { AutodidactError, defineTask, type Problem } from "autodidact";
import { two } from "./parts/two.js";
import { two as again } from "./parts/two.ts";
import { two as third } from "./parts/index.js";
interface Mine extends Problem { readonly n: number }
export const sameClass: typeof AutodidactError = AutodidactError;
export default defineTask<Mine>({
  name: "typed " + (two + again + third),
  problems: () => [{ id: "1", prompt: "?", level: 1, n: two! }],
  rewards: { accuracy: { weight: 1, verify: (_answer, { n }: Mine) => ({ reward: n as number, reason: "correct" }) } },
  gold: () => "yes",
} satisfies Parameters<typeof defineTask<Mine>>[0]);
`,
  );
  const task = await openTask(`./${file}`, folder);
  assert.equal(task.name, "typed 6");
  const module = (await import(`file://${join(folder, file)}`)) as { sameClass: unknown };
  assert.equal(module.sameClass, AutodidactError, "one class of errors, wherever the file lies");
});

test("enums, which make code, work as well", async () => {
  const task = await openTask(
    write("enum.ts", `enum Kind { One = "one" }\nexport default { ...${body}, name: Kind.One };\n`),
    folder,
  );
  assert.equal(task.name, "one");
});

test("a default export, the only task, the only function, or the export that is named", async () => {
  assert.equal(
    (await openTask(write("default.mjs", `export const other = 1;\nexport default ${body};`), folder)).name,
    "toy",
  );
  assert.equal(
    (await openTask(write("only.mjs", `export const helper = () => 1;\nexport const toy = ${body};`), folder)).name,
    "toy",
  );
  assert.equal((await openTask(write("function.mjs", `export default async () => (${body});`), folder)).name, "toy");
  assert.equal((await openTask(write("maker.mjs", `export function make() { return ${body}; }`), folder)).name, "toy");
  const two = write("two.mjs", `export const a = ${body};\nexport const b = { ...a, name: "b" };`);
  assert.equal((await openTask(`${two}#b`, folder)).name, "b");
  await assert.rejects(openTask(two, folder), refuses("TASK_FILE", "it exports a, b", "two.mjs#a"));
  await assert.rejects(openTask(`${two}#c`, folder), refuses("TASK_FILE", "no export c", "a, b"));
  await assert.rejects(
    openTask(write("none.mjs", "export const n = 1;"), folder),
    refuses("TASK_FILE", "export default defineTask"),
  );
});

test("a file that throws is told with file, line and remedy", async () => {
  for (const [name, text, line, ...words] of [
    ["throws.ts", 'const a: number = 1;\n\nthrow new Error("boom " + a);\n', 3, "Error: boom 1"],
    ["syntax.ts", "const a: number = 1;\nconst b: = 2;\n", 2, "SyntaxError"],
    [
      "deep.ts",
      "function f(): never {\n  throw new TypeError('deep');\n}\nexport default f();\n",
      2,
      "TypeError: deep",
    ],
    ["later.mjs", "export default () => {\n  throw new Error('later');\n};\n", 2, "export default threw", "later"],
    ["rejects.mjs", "export default async () => {\n\n  throw 5;\n};\n", null, "5"],
  ] as const)
    await assert.rejects(
      openTask(write(name, text), folder),
      refuses(
        "TASK_FILE",
        line === null ? `${name}: ` : `${name}:${line}: `,
        ...words,
        `autodidact task check ${name}`,
      ),
    );
  await assert.rejects(
    openTask(write("lost.ts", 'import "./nowhere.ts";\n'), folder),
    refuses("TASK_FILE", "lost.ts", "nowhere"),
  );
  await assert.rejects(openTask("./absent.ts", folder), refuses("TASK_FILE_MISSING", "absent.ts"));
  await assert.rejects(openTask("./parts", folder), refuses("TASK_FILE_MISSING", "parts"));
});

test("what is missing from a task is told by field, with what stands there instead", async () => {
  const file = write(
    "invalid.mjs",
    'export default { name: "", prolbems: () => [], rewards: { acuracy: {}, format: { weight: "1", verify: () => 0 } }, gold: "x" };',
  );
  await assert.rejects(
    openTask(file, folder),
    refuses(
      "TASK_INVALID",
      "invalid.mjs: name: ",
      "problems: is missing; give a function (there is prolbems)",
      'gold: is "x"',
      "rewards.accuracy: is missing",
      "there is acuracy, format",
      'rewards.format.weight: is "1"',
      "rewards.acuracy.verify: is missing",
    ),
  );
  await assert.rejects(
    openTask(write("number.mjs", "export default 5;"), folder),
    refuses("TASK_INVALID", "the task is 5"),
  );
  await assert.rejects(
    openTask(write("null.mjs", "export default () => null;"), folder),
    refuses("TASK_INVALID", "the task is null"),
  );
});
