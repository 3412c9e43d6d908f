import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./imports.ts";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface AutodidactOptions {
  readonly cwd: string;
  /** Sends `signal` as soon as `when` gives true; asked every millisecond or so. */
  readonly interrupt?: { readonly signal: NodeJS.Signals; readonly when: (seconds: number) => boolean };
  /** Largest file that the process may write, in the shell's blocks (`ulimit -f`). */
  readonly fileLimit?: number;
}

/** Runs the built command line as a user does, in a process of its own. */
export async function autodidact(
  args: readonly string[],
  { cwd, interrupt, fileLimit }: AutodidactOptions,
): Promise<Ended> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const program = [process.execPath, join(root, "dist/src/cli/main.js"), ...args];
  const limited = ["/bin/sh", "-c", `ulimit -f ${fileLimit} && exec "$@"`, "sh", ...program];
  const [command, ...rest] = (fileLimit === undefined ? program : limited) as [string, ...string[]];
  const child = spawn(command, rest, {
    cwd,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    // For what hangs. A small run takes minutes where the machine is old and others work on it too.
    timeout: 600_000,
    killSignal: "SIGKILL",
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      texts[name] += chunk;
    });
  const watch =
    interrupt &&
    setInterval(() => {
      if (!interrupt.when(seconds())) return;
      clearInterval(watch);
      child.kill(interrupt.signal);
    }, 1);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (...end) => resolve(end));
  });
  clearInterval(watch);
  return { code, signal, ...texts, seconds: seconds() };
}

/** The newest checkpoint of a run that is behind `step` or a later one; older ones are deleted. */
export function newestCheckpoint(run: string, step: number): string | undefined {
  const folder = join(run, "checkpoints");
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => /^step-\d+$/.test(name) && Number(name.slice(5)) >= step);
  const newest = names.sort().at(-1);
  return newest && join(folder, newest);
}
