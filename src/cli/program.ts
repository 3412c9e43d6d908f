import { AutodidactError } from "../errors.ts";
import { nearest } from "../issues.ts";
import { version } from "../run/environment.ts";
import { type CommandTable, type Context, UsageError } from "./command.ts";
import { commands as ours } from "./commands.ts";

export type Surroundings = Pick<Context, "stdin" | "stdout" | "stderr" | "env" | "cwd" | "signal">;

/**
 * Runs one command line and gives the exit code: 0 done, 1 failed, 2 not understood, 130 after Ctrl-C (143 after
 * SIGTERM). Never throws and never exits, so tests can call it.
 */
export async function runCommandLine(
  argv: readonly string[],
  around: Surroundings,
  commands: CommandTable = ours,
): Promise<number> {
  const json = argv.includes("--json");
  try {
    await dispatch(argv, around, commands);
  } catch (error) {
    // A command that was told to stop may leave by throwing the signal's abort.
    if (!(around.signal.aborted && isAbort(error, around.signal))) {
      around.stderr.write(json ? jsonError(error) : textError(error));
      return error instanceof UsageError ? 2 : 1;
    }
  }
  return around.signal.aborted ? (typeof around.signal.reason === "number" ? around.signal.reason : 130) : 0;
}

async function dispatch(argv: readonly string[], around: Surroundings, commands: CommandTable): Promise<void> {
  const { name, rest } = firstWords(argv, commands);
  if (name === undefined || name === "--help" || name === "-h" || (name === "help" && rest.length === 0)) {
    around.stdout.write(overview(commands));
    return;
  }
  if (name === "--version" || name === "-v") {
    around.stdout.write(`${version}\n`);
    return;
  }
  const wanted = name === "help" ? firstWords(rest, commands).name! : name;
  const family = familyOf(wanted, commands);
  if (family !== null && (name === "help" || ["--help", "-h"].includes(rest[0] ?? "--help"))) {
    around.stdout.write(overview(family));
    return;
  }
  const entry = Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
  if (!entry) throw unknownCommand(wanted, commands);
  const command = await entry.load();
  const parsed = name === "help" ? null : command.parse(rest);
  if (parsed === null) {
    around.stdout.write(command.help(around.stdout.columns));
    return;
  }
  await command.run(parsed.options, {
    ...around,
    json: parsed.json,
    commandLine: ["autodidact", ...argv].map(quote).join(" "),
    result: (value, text) => {
      around.stdout.write(parsed.json ? `${JSON.stringify(value)}\n` : text.endsWith("\n") ? text : `${text}\n`);
    },
  });
}

/** The command's name, one word or two (`task list`), and what stands behind it. */
function firstWords(argv: readonly string[], commands: CommandTable): { name: string | undefined; rest: string[] } {
  const [first, second, ...others] = argv;
  const isPair = second !== undefined && !second.startsWith("-") && familyOf(first!, commands) !== null;
  return isPair ? { name: `${first} ${second}`, rest: others } : { name: first, rest: argv.slice(1) };
}

/** The commands of two words that begin with this one; null where there are none. */
function familyOf(word: string, commands: CommandTable): CommandTable | null {
  const found = Object.entries(commands).filter(([name]) => name.startsWith(`${word} `));
  return found.length > 0 ? Object.fromEntries(found) : null;
}

function overview(commands: CommandTable): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "Usage: autodidact <command> [options]",
    "",
    "Teaches a small language model to reason by reinforcement, on this machine.",
    "",
    "Commands:",
    ...lines,
    "",
    "autodidact <command> --help shows the options of one; --version the version.",
    "",
  ].join("\n");
}

function unknownCommand(name: string, commands: CommandTable): UsageError {
  const names = Object.keys(commands);
  const near = nearest(name, names);
  const hint = near.length > 0 ? `did you mean ${near.join(" or ")}?` : `there are ${names.join(", ")};`;
  return new UsageError("COMMAND_UNKNOWN", `${name}: no such command; ${hint} see: autodidact --help`);
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}

function textError(error: unknown): string {
  if (error instanceof AutodidactError) return `${error.code}: ${error.message}\n`;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${stack}\n\nThis is a bug in autodidact ${version}, not in what you typed. Please report it with the lines above.\n`;
}

function jsonError(error: unknown): string {
  const known = error instanceof AutodidactError;
  const message = error instanceof Error ? error.message : String(error);
  const stack = !known && error instanceof Error ? { stack: error.stack } : {};
  return `${JSON.stringify({ error: { code: known ? error.code : "BUG", message, ...stack } })}\n`;
}

/** Words with anything a shell would read are put in single quotes. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
