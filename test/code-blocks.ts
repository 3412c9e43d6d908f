import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandTable } from "../src/cli/command.ts";
import { root } from "./imports.ts";

/** A fenced block of a Markdown page. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Line of the page on which the text begins, from 1. */
  readonly line: number;
}

export function codeBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; language: string; line: number; lines: string[] } | null = null;
  markdown.split(/\r?\n/).forEach((line, i) => {
    const fence = line.match(/^\s*(`{3,}|~{3,})\s*([\w-]*)/);
    if (!open && fence) open = { fence: fence[1]!, language: fence[2]!, line: i + 2, lines: [] };
    else if (open && fence && fence[2] === "" && fence[1]!.startsWith(open.fence)) {
      blocks.push({ language: open.language, text: open.lines.join("\n"), line: open.line });
      open = null;
    } else open?.lines.push(line);
  });
  return blocks;
}

/** What is wrong with a page's blocks, one line each: "README.md:12: ...". */
export async function problems(page: string, markdown: string, commands: CommandTable): Promise<string[]> {
  const blocks = codeBlocks(markdown);
  const found: string[] = typeErrors(
    page,
    blocks.filter(({ language }) => language === "ts"),
  );
  for (const block of blocks) {
    switch (block.language) {
      case "ts":
      case "text":
      case "mermaid":
        break;
      case "json":
        try {
          JSON.parse(block.text);
        } catch (error) {
          found.push(`${page}:${block.line}: ${(error as Error).message}`);
        }
        break;
      case "sh":
        for (const [line, words] of shellLines(block)) {
          const problem = await checkCommand(words, commands);
          if (problem) found.push(`${page}:${line}: ${problem}`);
        }
        break;
      default:
        found.push(`${page}:${block.line}: block of language "${block.language}"; use ts, sh, json, text or mermaid`);
    }
  }
  return found;
}

/** Compiles the blocks as files of this package, so that they import "autodidact" as a user does. */
function typeErrors(page: string, blocks: readonly Block[]): string[] {
  if (blocks.length === 0) return [];
  // Inside the repository: an import of "autodidact" finds the package.json above it.
  const folder = join(root, "dist", `code-blocks-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    for (const block of blocks) writeFileSync(join(folder, `line-${block.line}.ts`), `${block.text}\n`);
    const settings = {
      extends: "../../tsconfig.json",
      compilerOptions: {
        noEmit: true,
        incremental: false,
        composite: false,
        tsBuildInfoFile: null,
        noUnusedLocals: false,
        moduleDetection: "force",
        rootDir: "../..",
      },
      include: ["./*.ts"],
      exclude: [],
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
    execFileSync(process.execPath, [tsc, "-p", folder, "--pretty", "false"], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
    });
    return [];
  } catch (error) {
    const output = (error as { stdout?: string }).stdout;
    if (!output) throw error;
    return output
      .split("\n")
      .filter((line) => /error TS\d+/.test(line))
      .map((line) =>
        line.replace(
          /^(?:.*[\\/])?line-(\d+)\.ts\((\d+),\d+\)/,
          (_, start, at) => `${page}:${Number(start) + Number(at) - 1}`,
        ),
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Commands of a shell block with their lines; comments, prompts and continuation lines understood. */
function shellLines(block: Block): [number, string[]][] {
  const commands: [number, string[]][] = [];
  let pending = "";
  let start = block.line;
  block.text.split("\n").forEach((line, i) => {
    if (pending === "") start = block.line + i;
    if (line.endsWith("\\")) {
      pending += `${line.slice(0, -1)} `;
      return;
    }
    for (const part of (pending + line).split(/\s(?:&&|\|\|?|;)\s/)) {
      const words = shellWords(part.trim().replace(/^\$ /, ""));
      if (words.length > 0) commands.push([start, words]);
    }
    pending = "";
  });
  return commands;
}

/** Words as a shell splits them: quotes are taken off, a comment ends the line. */
function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const [match, double, single, bare] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']+)/g)) {
    if (bare?.startsWith("#")) break;
    words.push(double ?? single ?? bare ?? match);
  }
  return words;
}

/** null where the command is fine, or not ours to check. */
async function checkCommand(words: readonly string[], commands: CommandTable): Promise<string | null> {
  const [first, second, ...rest] = words;
  if (first === "npx" && second === "autodidact") return checkCommand(words.slice(1), commands);
  if (first === "npm") return checkNpm(words.slice(1), commands);
  if (first !== "autodidact") return null;
  if (second === undefined || second === "--help" || second === "--version") return null;
  const pair = `${second} ${rest[0]}`;
  const [name, argv] = Object.hasOwn(commands, pair) ? [pair, rest.slice(1)] : [second, rest];
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!entry) return `autodidact ${name}: no such command`;
  try {
    (await entry.load()).parse(argv);
    return null;
  } catch (error) {
    return `autodidact ${name}: ${(error as Error).message}`;
  }
}

async function checkNpm(words: readonly string[], commands: CommandTable): Promise<string | null> {
  const scripts = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> })
    .scripts;
  const dashes = words.indexOf("--");
  const [verb, name] = dashes < 0 ? words : words.slice(0, dashes);
  if (["ci", "cit", "install", "i", "install-ci-test"].includes(verb ?? "")) return null;
  const script = verb === "run" ? name : ["test", "start"].includes(verb ?? "") ? verb : undefined;
  if (script === undefined) return `npm ${verb ?? ""}: not a command that this repository uses`;
  const text = scripts[script];
  if (text === undefined) return `npm run ${script}: package.json has no such script`;
  const ours = text.match(/cli\/main\.js ([\w-]+)(.*)$/);
  if (!ours || dashes < 0) return null;
  return checkCommand(["autodidact", ours[1]!, ...shellWords(ours[2]!), ...words.slice(dashes + 1)], commands);
}
