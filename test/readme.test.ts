import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { defineCommand } from "../src/cli/command.ts";
import { commands } from "../src/cli/commands.ts";
import { codeBlocks, problems } from "./code-blocks.ts";
import { root } from "./imports.ts";

test("README.md: its TypeScript compiles, its commands and options exist, its JSON parses", async () => {
  const text = readFileSync(join(root, "README.md"), "utf8");
  assert.ok(codeBlocks(text).length > 0);
  assert.deepEqual(await problems("README.md", text, commands), []);
});

const count = defineCommand({
  name: "count",
  summary: "count",
  description: "Counts.",
  examples: [],
  options: z.object({ to: z.int().default(3).describe("how far") }),
  async run() {},
});
const table = { count: { summary: "count", load: async () => count } };

const page = `# Page
\`\`\`ts
const three: number = 3;
export const four: string = three;
\`\`\`
\`\`\`ts
import { readFile } from "node:fs/promises";
const text = await readFile("x", "utf8");
console.log(text.length);
\`\`\`
\`\`\`sh
# autodidact nonsense
autodidact count --to 4   # fine
npx autodidact count \\
  --up 4
cd x && autodidact cuont
npm cit
npm run no-such-script
npm start -- --to 3
\`\`\`
\`\`\`json
{ "a": }
\`\`\`
\`\`\`\`text
\`\`\`
anything
\`\`\`\`
\`\`\`python
print()
\`\`\`
`;

test("what is wrong in a page is found, with its line", async () => {
  const found = await problems("page.md", page, table);
  const at = (line: number): string => found.filter((one) => one.startsWith(`page.md:${line}: `)).join("\n");
  assert.match(at(4), /TS2322/);
  assert.match(at(14), /unknown option '--up'/);
  assert.match(at(16), /autodidact cuont: no such command/);
  assert.match(at(18), /no-such-script: package\.json has no such script/);
  // `npm start` is `autodidact zero`, which this table has not.
  assert.match(at(19), /autodidact zero: no such command/);
  assert.match(at(22), /JSON/);
  assert.match(at(29), /block of language "python"/);
  assert.equal(found.length, 7, found.join("\n"));
});

test("README.md maps every part of src/, and its links lead somewhere", () => {
  const text = readFileSync(join(root, "README.md"), "utf8");
  const mapped = [...text.matchAll(/^src\/(\S+) {2,}\S/gm)].map(([, place]) => place!);
  const there = readdirSync(join(root, "src"), { withFileTypes: true })
    .map((one) => (one.isDirectory() ? `${one.name}/` : one.name))
    .filter((name) => !name.endsWith(".test.ts"));
  assert.deepEqual([...mapped].sort(), there.sort());
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path!);
  assert.ok(links.length > 10);
  assert.deepEqual(
    links.filter((path) => !existsSync(join(root, path))),
    [],
  );
});

test("links between documents lead somewhere, and their blocks are sound", async () => {
  const pages = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map((name) => `docs/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".md"));
  assert.ok(pages.length > 15);
  const wrong: string[] = [];
  for (const page of [...pages, "CONTRIBUTING.md"]) {
    const text = readFileSync(join(root, page), "utf8");
    wrong.push(...(await problems(page, text, commands)));
    for (const [, path] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      if (!existsSync(join(root, dirname(page), path!))) wrong.push(`${page}: ${path} is not there`);
    }
  }
  assert.deepEqual(wrong, []);
});
