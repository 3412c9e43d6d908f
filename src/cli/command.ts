import { CommanderError, Option, Command as Parser } from "commander";
import type { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { explain, fromText, type OptionShape, optionShape } from "./option.ts";

/** A command line that cannot be understood: exit code 2, where a command that failed gives 1. */
export class UsageError extends AutodidactError {}

/** Where a command's words go, and how it hears that it should stop. */
export interface Context {
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  /** @default the process's own */
  readonly stdin?: NodeJS.ReadableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths on the command line start here. */
  readonly cwd: string;
  /** True with --json: stdout carries nothing but the result. */
  readonly json: boolean;
  /** Aborted by Ctrl-C or SIGTERM: save, clean up and return. */
  readonly signal: AbortSignal;
  /** The line that repeats this command, every option spelt out as it was given. */
  readonly commandLine: string;
  /** Writes the command's result: `value` as one JSON line with --json, `text` otherwise. */
  result(value: unknown, text: string): void;
}

export interface Example {
  readonly command: string;
  readonly what: string;
}

type Shape = z.core.$ZodLooseShape;
type Merged<O extends Shape, P extends Shape> = z.output<z.ZodObject<O>> & z.output<z.ZodObject<P>>;

/** One declaration from which the types, the parser, the checks and the help of a command follow. */
export interface CommandDeclaration<O extends Shape, P extends Shape> {
  readonly name: string;
  /** A few words for the list of commands. */
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly Example[];
  /**
   * Options by camelCase name; each field carries `.describe()`, and where wanted `.default()` and
   * `.meta({ short, value })`. Booleans take `--x` and `--no-x`, arrays take the flag again and again.
   */
  readonly options: z.ZodObject<O>;
  /** Arguments by position, in the order of the fields; an array takes all that are left. */
  readonly positionals?: z.ZodObject<P>;
  run(options: Merged<O, P>, context: Context): Promise<void>;
}

/** A declared command, its option types forgotten. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionShape[];
  readonly positionals: readonly OptionShape[];
  /** The help text. */
  help(width?: number): string;
  /** Options checked, null when help was asked for. Throws UsageError; runs nothing. */
  parse(
    argv: readonly string[],
  ): { readonly options: Readonly<Record<string, unknown>>; readonly json: boolean } | null;
  /** Runs with options that `parse` gave. */
  run(options: Readonly<Record<string, unknown>>, context: Context): Promise<void>;
}

/** A line of the command table: enough for the list, and how to load the rest. */
export interface CommandEntry {
  readonly summary: string;
  load(): Promise<Command>;
}
export type CommandTable = Readonly<Record<string, CommandEntry>>;

/**
 * Declares a command.
 *
 * @example
 * ```ts
 * defineCommand({
 *   name: "greet",
 *   summary: "say hello",
 *   description: "Says hello to somebody.",
 *   examples: [{ command: "autodidact greet --times 2 Ada", what: "twice" }],
 *   options: z.object({ times: z.int().min(1).default(1).describe("how often") }),
 *   positionals: z.object({ who: z.string().describe("whom to greet") }),
 *   async run({ who, times }, context) {
 *     context.result({ who, times }, `hello ${who}\n`.repeat(times));
 *   },
 * });
 * ```
 */
export function defineCommand<O extends Shape, P extends Shape = Record<never, never>>(
  declaration: CommandDeclaration<O, P>,
): Command {
  const { name, summary } = declaration;
  const options = Object.entries(declaration.options.shape).map(([field, schema]) => optionShape(field, schema));
  const positionals = Object.entries(declaration.positionals?.shape ?? {}).map(([field, s]) => optionShape(field, s));
  // safeExtend keeps the refinements of the options, such as "a needs b".
  const schema: z.ZodType = declaration.positionals
    ? (declaration.options as z.ZodObject).safeExtend(declaration.positionals.shape as z.core.$ZodLooseShape)
    : declaration.options;
  return {
    name,
    summary,
    options,
    positionals,
    help: (width) => parser(declaration, options, positionals, width).helpInformation(),
    parse(argv) {
      const typed = parser(declaration, options, positionals);
      try {
        typed.parse([...argv], { from: "user" });
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
        if (error.code === "commander.helpDisplayed" || error.code === "commander.help") return null;
        throw usage(error, name);
      }
      const given: Record<string, unknown> = {};
      const values = typed.opts<Record<string, unknown>>();
      for (const shape of options) {
        if (values[shape.field] !== undefined) given[shape.field] = fromText(shape, values[shape.field]);
      }
      positionals.forEach((shape, i) => {
        const value: unknown = typed.processedArgs[i];
        if (value !== undefined) given[shape.field] = fromText(shape, value);
      });
      const result = schema.safeParse(given);
      if (!result.success) throw refusal(result.error, given, name, options, positionals);
      return { options: result.data as Record<string, unknown>, json: values.json === true };
    },
    run: (parsed, context) => declaration.run(parsed as Merged<O, P>, context),
  };
}

function parser<O extends Shape, P extends Shape>(
  declaration: CommandDeclaration<O, P>,
  options: readonly OptionShape[],
  positionals: readonly OptionShape[],
  width?: number,
): Parser {
  const command = new Parser(`autodidact ${declaration.name}`)
    .description(declaration.description)
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({ writeOut: () => {}, writeErr: () => {}, ...(width ? { getOutHelpWidth: () => width } : {}) });
  for (const shape of positionals) {
    const label = shape.repeated ? `${shape.field}...` : shape.field;
    command.argument(shape.required ? `<${label}>` : `[${label}]`, shape.description);
  }
  for (const shape of options) addOption(command, shape);
  command.option("--json", "print the result as JSON, and errors as JSON on stderr");
  command.helpOption("-h, --help", "show this help");
  // helpInformation() leaves out text added by addHelpText, so the examples ride at its end.
  const plain = command.helpInformation.bind(command);
  command.helpInformation = (context) => `${plain(context)}${exampleText(declaration.examples)}`;
  return command;
}

function addOption(command: Parser, shape: OptionShape): void {
  const short = shape.short ? `-${shape.short}, ` : "";
  if (shape.kind === "boolean") {
    // Both spellings are taken; the help shows the one that changes something.
    const on = new Option(`${short}${shape.flag}`, shape.description);
    const off = new Option(`--no-${shape.flag.slice(2)}`, shape.description);
    command.addOption(shape.defaultValue === true ? on.hideHelp() : on);
    command.addOption(shape.defaultValue === true ? off : off.hideHelp());
    // Without this, commander would make `true` the default of every flag that has a --no form.
    command.setOptionValue(shape.field, undefined);
    return;
  }
  const notes: string[] = [];
  if (shape.choices) notes.push(`one of ${shape.choices.join(", ")}`);
  const empty = Array.isArray(shape.defaultValue) && shape.defaultValue.length === 0;
  if (shape.defaultValue !== undefined && !empty) notes.push(`default ${show(shape.defaultValue)}`);
  if (shape.required) notes.push("required");
  if (shape.repeated) notes.push("may be repeated");
  const text = notes.length > 0 ? `${shape.description} (${notes.join("; ")})` : shape.description;
  const option = new Option(`${short}${shape.flag} <${shape.choices ? "CHOICE" : shape.value}>`, text);
  if (shape.repeated) option.argParser((value: string, all: string[] | undefined) => [...(all ?? []), value]);
  command.addOption(option);
}

function exampleText(examples: readonly Example[]): string {
  if (examples.length === 0) return "";
  return `\nExamples:\n${examples.map(({ command, what }) => `  # ${what}\n  ${command}\n`).join("")}`;
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** commander's own complaint with our code and remedy. */
function usage(error: CommanderError, name: string): UsageError {
  const codes: Record<string, string> = {
    "commander.unknownOption": "OPTION_UNKNOWN",
    "commander.optionMissingArgument": "OPTION_VALUE_MISSING",
    "commander.missingArgument": "ARGUMENT_MISSING",
    "commander.excessArguments": "ARGUMENT_EXCESS",
  };
  const text = error.message
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ")
    .replace(/\.$/, "");
  return new UsageError(codes[error.code] ?? "USAGE", `${text}; see: autodidact ${name} --help`);
}

/** Every refused option in one message, one line each. */
function refusal(
  error: z.ZodError,
  given: Readonly<Record<string, unknown>>,
  name: string,
  options: readonly OptionShape[],
  positionals: readonly OptionShape[],
): UsageError {
  const lines = error.issues.map((issue) => {
    const field = String(issue.path[0] ?? "");
    const option = options.find((shape) => shape.field === field);
    const shape = option ?? positionals.find((one) => one.field === field);
    if (!shape) return issue.message;
    const label = option ? shape.flag : `<${shape.field}>`;
    if (given[field] === undefined) return `${label} is required: ${shape.description}`;
    const position = issue.path[1];
    const value = given[field];
    const bad = Array.isArray(value) && typeof position === "number" ? value[position] : value;
    const remedy = shape.defaultValue === undefined ? "" : `; leave it out for ${show(shape.defaultValue)}`;
    return `${label} ${show(bad)}: ${explain(issue, shape)}${remedy}`;
  });
  const code = error.issues.every((issue) => given[String(issue.path[0])] === undefined && issue.path.length > 0)
    ? "OPTION_MISSING"
    : "OPTION_INVALID";
  return new UsageError(code, `${lines.join("\n")}\nsee: autodidact ${name} --help`);
}
