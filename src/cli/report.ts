import { resolve } from "node:path";
import { z } from "zod";
import { defineCommand } from "./command.ts";

export const report = defineCommand({
  name: "report",
  summary: "write report.html and report.md of a finished run again",
  description:
    "Writes report.html and report.md of a finished run again, from the files in its directory. The figures do not change; the page is that of this version.",
  examples: [{ command: "autodidact report runs/zero", what: "the report of a run" }],
  options: z.object({}),
  positionals: z.object({ run: z.string().min(1).describe("directory of the run") }),
  async run({ run }, context) {
    const { writeReport } = await import("../run/report.ts");
    const paths = await writeReport(resolve(context.cwd, run));
    context.result(paths, `${paths.html}\n${paths.markdown}`);
  },
});
