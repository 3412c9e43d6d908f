import { join } from "node:path";
import { AutodidactError } from "../errors.ts";
import { readRun } from "./reader.ts";
import { collectReport } from "./report-data.ts";
import { reportHtml } from "./report-html.ts";
import { reportMarkdown } from "./report-markdown.ts";
import { writeWhole } from "./run-directory.ts";
import { sftReportHtml, sftReportMarkdown } from "./sft-report.ts";

/** Writes report.html and report.md of a finished run and gives their paths. Throws REPORT_UNFINISHED. */
export async function writeReport(path: string): Promise<{ html: string; markdown: string }> {
  const run = await readRun(path);
  const paths = { html: join(path, "report.html"), markdown: join(path, "report.md") };
  if (run.sftSummary) {
    const report = { summary: run.sftSummary, metrics: run.metrics.filter((line) => line.kind === "sft") };
    await writeWhole(paths.html, sftReportHtml(report));
    await writeWhole(paths.markdown, sftReportMarkdown(report));
    return paths;
  }
  if (!run.summary) {
    throw new AutodidactError(
      "REPORT_UNFINISHED",
      `${join(path, "summary.json")}: is not there, the run has not ended; finish it with --resume`,
    );
  }
  const data = await collectReport(run, run.summary);
  await writeWhole(paths.html, reportHtml(data));
  await writeWhole(paths.markdown, reportMarkdown(data));
  return paths;
}
