import type { CommandTable } from "./command.ts";

/**
 * Every command: its line in the list, and the file that declares it, loaded only when it is called, so that `--help`
 * starts no engine. A test keeps each summary equal to its declaration's.
 */
export const commands: CommandTable = {
  report: {
    summary: "write report.html and report.md of a finished run again",
    load: async () => (await import("./report.ts")).report,
  },
};
