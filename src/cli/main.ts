#!/usr/bin/env node
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runCommandLine } from "./program.ts";

/** The file that `bin` names. Imported, it does nothing: only being started runs a command. */
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const code = signal === "SIGINT" ? 130 : 143;
    process.on(signal, () => {
      // The first asks the command to save and stop; the second does not wait for it.
      if (stop.signal.aborted) process.exit(code);
      stop.abort(code);
    });
  }
  // `autodidact ... | head` closes our stdout early; that is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  process.exitCode = await runCommandLine(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: stop.signal,
  });
}
