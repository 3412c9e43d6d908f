import { PassThrough } from "node:stream";
import { runCommandLine } from "../src/cli/program.ts";

export interface InProcessOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Runs a command line inside the test's own process, which is faster than a process for each. */
export async function inProcess(
  argv: readonly string[],
  { cwd, env = {}, stdin = "" }: InProcessOptions,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const texts = { stdout: "", stderr: "" };
  const stream = (name: "stdout" | "stderr"): PassThrough => {
    const through = new PassThrough();
    through.setEncoding("utf8").on("data", (chunk: string) => {
      texts[name] += chunk;
    });
    return through;
  };
  const input = new PassThrough();
  input.end(stdin);
  const code = await runCommandLine(argv, {
    stdin: input,
    stdout: stream("stdout"),
    stderr: stream("stderr"),
    env,
    cwd,
    signal: new AbortController().signal,
  });
  await new Promise((resolve) => setImmediate(resolve));
  return { code, ...texts };
}
