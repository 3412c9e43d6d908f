import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { type Command, defineCommand } from "./command.ts";
import { commands } from "./commands.ts";
import { runCommandLine } from "./program.ts";

interface Greeting {
  readonly times: number;
  readonly tone: "plain" | "warm";
  readonly shout: boolean;
  readonly bow: boolean;
  readonly with: readonly string[];
  readonly maxTokens?: number | undefined;
  readonly who: string;
}

let last: Greeting | undefined;
const greet: Command = defineCommand({
  name: "greet",
  summary: "say hello",
  description: "Says hello to somebody.",
  examples: [{ command: "autodidact greet --times 2 Ada", what: "twice" }],
  options: z.object({
    times: z.int().min(1).max(9).default(1).meta({ short: "n" }).describe("how often"),
    tone: z.enum(["plain", "warm"]).default("plain").describe("how it sounds"),
    shout: z.boolean().default(false).describe("in capitals"),
    bow: z.boolean().default(true).describe("bow first"),
    with: z.array(z.string().min(1)).default([]).describe("who else says it"),
    maxTokens: z.number().positive().optional().describe("limit"),
  }),
  positionals: z.object({ who: z.string().describe("whom to greet") }),
  async run(options, context) {
    // The declared types arrive here: this line would not compile if they did not.
    last = options satisfies Greeting;
    if (options.who === "bug") throw new RangeError("a bug of ours");
    if (options.who === "nobody") throw new AutodidactError("WHO_MISSING", 'who: "nobody" is nobody; name somebody');
    if (options.who === "forever")
      await new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));
    context.result({ greeting: options.who, line: context.commandLine }, `hello ${options.who}`);
  },
});
const table = { greet: { summary: greet.summary, load: async () => greet } };

async function run(argv: readonly string[], stop = new AbortController()) {
  const written = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") =>
    ({
      write(text: string) {
        written[name] += text;
        return true;
      },
    }) as unknown as NodeJS.WritableStream;
  last = undefined;
  const code = await runCommandLine(
    argv,
    { stdout: sink("stdout"), stderr: sink("stderr"), env: {}, cwd: "/", signal: stop.signal },
    table,
  );
  return { code, ...written };
}

test("options become typed values, defaults included", async () => {
  assert.equal((await run(["greet", "Ada"])).code, 0);
  assert.deepEqual(last, { times: 1, tone: "plain", shout: false, bow: true, with: [], who: "Ada" });
  const { code } = await run(
    "greet -n 3 --tone=warm --shout --no-bow --with Bob --with Cy --max-tokens 1e2 Ada".split(" "),
  );
  assert.equal(code, 0);
  assert.deepEqual(last, {
    times: 3,
    tone: "warm",
    shout: true,
    bow: false,
    with: ["Bob", "Cy"],
    maxTokens: 100,
    who: "Ada",
  });
  await run(["greet", "--no-shout", "--bow", "Ada"]);
  assert.equal(last?.shout, false);
  assert.equal(last?.bow, true);
});

const refused: [string, RegExp][] = [
  ["greet", /^ARGUMENT_MISSING: .*who/],
  ["greet Ada Bob", /^ARGUMENT_EXCESS: /],
  ["greet --tims 3 Ada", /^OPTION_UNKNOWN: .*--tims.*--times/],
  ["greet --times", /^OPTION_VALUE_MISSING: .*--times/],
  [
    "greet --times 0 Ada",
    /^OPTION_INVALID: --times 0: must be at least 1; leave it out for 1\nsee: autodidact greet --help\n$/,
  ],
  ["greet --times 1.5 Ada", /^OPTION_INVALID: --times 1\.5: must be a whole number; leave it out for 1\n/],
  ["greet --times many Ada", /^OPTION_INVALID: --times many: must be a (whole )?number; /],
  ["greet --times= Ada", /^OPTION_INVALID: --times : must be a (whole )?number; /],
  ["greet --tone cold Ada", /^OPTION_INVALID: --tone cold: must be one of plain, warm; leave it out for plain\n/],
  ["greet --max-tokens -1 Ada", /^OPTION_INVALID: --max-tokens -1: must be greater than 0\n/],
  ["greet --with= Ada", /^OPTION_INVALID: --with : must not be empty/],
  ["greet --times 0 --tone cold Ada", /--times 0: .*\n--tone cold: /],
  ["gret Ada", /^COMMAND_UNKNOWN: gret: no such command; did you mean greet\?/],
  ["dance", /^COMMAND_UNKNOWN: dance: no such command; there are greet;/],
];
for (const [line, message] of refused) {
  test(`refused with code 2: autodidact ${line}`, async () => {
    const { code, stdout, stderr } = await run(line.split(" "));
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    assert.equal(last, undefined, "nothing ran");
  });
}

test("a refinement over several options is kept", () => {
  const command = defineCommand({
    name: "x",
    summary: "",
    description: "",
    examples: [],
    options: z
      .object({ low: z.number().describe("low"), high: z.number().describe("high") })
      .refine(({ low, high }) => low < high, { path: ["high"], error: "must be above --low" }),
    positionals: z.object({ file: z.string().optional().describe("file") }),
    async run() {},
  });
  assert.throws(() => command.parse(["--low", "2", "--high", "1"]), {
    code: "OPTION_INVALID",
    message: /^--high 1: must be above --low/,
  });
  assert.throws(() => command.parse(["--high", "1"]), { code: "OPTION_MISSING", message: /^--low is required: low/ });
  assert.deepEqual(command.parse(["--low", "1", "--high", "2", "f"])?.options, { low: 1, high: 2, file: "f" });
});

test("an option without a description does not pass as declared", () => {
  const declare = () =>
    defineCommand({
      name: "x",
      summary: "",
      description: "",
      examples: [],
      options: z.object({ a: z.string() }),
      async run() {},
    });
  assert.throws(declare, /option a has no description/);
});

test("help comes from the declaration", async () => {
  const { code, stdout } = await run(["greet", "--help"]);
  assert.equal(code, 0);
  assert.equal(stdout, (await run(["help", "greet"])).stdout);
  for (const part of [
    "Says hello",
    "<who>",
    "-n, --times <N>",
    "how often (default 1)",
    "one of plain, warm; default plain",
    "--shout",
    "--no-bow",
    "--json",
    "may be repeated",
    "# twice",
    "autodidact greet --times 2 Ada",
  ]) {
    assert.ok(stdout.includes(part), `no "${part}" in\n${stdout}`);
  }
  assert.ok(!stdout.includes("--no-shout") && !stdout.includes("  --bow"));
  const overview = await run(["--help"]);
  assert.match(overview.stdout, /greet {2}say hello/);
  assert.equal(overview.code, 0);
});

test("--json: the result on stdout, errors as JSON on stderr", async () => {
  const good = await run(["greet", "--json", "Ada Lovelace"]);
  assert.deepEqual(JSON.parse(good.stdout), {
    greeting: "Ada Lovelace",
    line: "autodidact greet --json 'Ada Lovelace'",
  });
  const bad = await run(["greet", "--json", "nobody"]);
  assert.equal(bad.code, 1);
  assert.deepEqual(JSON.parse(bad.stderr), {
    error: { code: "WHO_MISSING", message: 'who: "nobody" is nobody; name somebody' },
  });
  const usage = await run(["greet", "--json", "--times", "0", "Ada"]);
  assert.equal(usage.code, 2);
  assert.equal(JSON.parse(usage.stderr).error.code, "OPTION_INVALID");
});

test("an expected error is one line; a bug shows its stack and asks for a report", async () => {
  assert.deepEqual(await run(["greet", "nobody"]), {
    code: 1,
    stdout: "",
    stderr: 'WHO_MISSING: who: "nobody" is nobody; name somebody\n',
  });
  const bug = await run(["greet", "bug"]);
  assert.equal(bug.code, 1);
  assert.match(bug.stderr, /RangeError: a bug of ours\n\s+at .*\n[\s\S]*Please report it/);
});

test("Ctrl-C is 130, SIGTERM 143", async () => {
  for (const code of [130, 143]) {
    const stop = new AbortController();
    setTimeout(() => stop.abort(code), 10);
    assert.deepEqual(await run(["greet", "forever"], stop), { code, stdout: "", stderr: "" });
  }
});

test("the table's summaries are those of the declarations", async () => {
  for (const [name, entry] of Object.entries(commands)) {
    const command = await entry.load();
    assert.deepEqual([command.name, command.summary], [name, entry.summary]);
  }
});
