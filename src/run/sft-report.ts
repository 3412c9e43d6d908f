import { lossCurve } from "./charts.ts";
import { html, raw, visible } from "./html.ts";
import type { MetricsLine } from "./records.ts";
import { reportStyle } from "./report-style.ts";
import { duration, number, planned } from "./report-words.ts";
import type { SftSummary } from "./sft-summary.ts";

/** report.html and report.md of a run of supervised fine-tuning. */

export type SftLine = Extract<MetricsLine, { kind: "sft" }>;

export interface SftReport {
  readonly summary: SftSummary;
  readonly metrics: readonly SftLine[];
}

const nats = (loss: number | null): string => (loss === null ? "–" : number(loss, 3));
/** e^loss: among how many tokens the model is undecided, as it were. */
const perplexity = (loss: number | null): string => (loss === null ? "–" : number(Math.exp(loss), 2));

function headline({ summary: { loss, rows } }: SftReport): string {
  const { heldOutBefore, heldOutAfter } = loss;
  if (heldOutBefore === null || heldOutAfter === null)
    return `Loss went from ${nats(loss.first)} to ${nats(loss.last)} on ${number(rows.train, 0)} documents`;
  return `Loss on kept-out documents ${heldOutAfter < heldOutBefore ? "fell" : "went"} from ${nats(heldOutBefore)} to ${nats(heldOutAfter)}`;
}

function story({ summary }: SftReport): string {
  const { rows, epochs, steps, tokens, loss, model } = summary;
  const overfit =
    loss.heldOutAfter !== null && loss.heldOutBefore !== null && loss.heldOutAfter > loss.heldOutBefore
      ? " It rose: the model has learnt these rows by heart rather than what they have in common; fewer epochs or a lower learning rate help."
      : "";
  return `The language model ${model} learned to say what stands in ${number(rows.train, 0)} documents, about ${epochs} ${epochs === 1 ? "time" : "times"} each, in ${number(steps, 0)} updates of ${number(tokens / steps, 0)} learned tokens. ${number(rows.heldOut, 0)} documents were kept out to measure on.${overfit}`;
}

function figures({ summary }: SftReport): [string, string][] {
  const { rows, loss, seconds, machine, seed, data } = summary;
  return [
    ["data", data.join(", ")],
    ["rows read", number(rows.rows, 0)],
    ["left out as too long", number(rows.dropped, 0)],
    ["cut as too long", number(rows.cut, 0)],
    ["training loss, first and last", `${nats(loss.first)}, ${nats(loss.last)}`],
    ["held-out loss, before and after", `${nats(loss.heldOutBefore)}, ${nats(loss.heldOutAfter)}`],
    ["held-out perplexity, before and after", `${perplexity(loss.heldOutBefore)}, ${perplexity(loss.heldOutAfter)}`],
    ["seed", String(seed)],
    ["machine", `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB memory`],
    ["system", `${machine.system}, Node ${machine.node}, engine ${machine.engine}`],
    ...Object.entries(seconds).map(([phase, time]): [string, string] => [`time: ${phase}`, duration(time)]),
    ...planned(seconds.learn, summary),
  ];
}

export function sftReportHtml(report: SftReport): string {
  const { summary, metrics } = report;
  const title = headline(report);
  const keys = raw(
    '<span class="key line" style="--k:var(--trained)">training</span><span class="key" style="--k:var(--ink)">held-out</span>',
  );
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(reportStyle)}</style>
<main>
<p class="kicker">autodidact ${summary.version} · ${summary.model} · seed ${summary.seed} · ${summary.steps} updates</p>
<h1>${title}</h1>
<p class="lead">${story(report)}</p>
<h2>Loss, update by update</h2>
<p class="note">Cross-entropy in nats for each learned token. The strong line is the mean of the last five updates.</p>
<figure class="card"><p>${keys}</p><div class="wide">${raw(lossCurve(metrics, summary.loss.heldOutBefore))}</div></figure>
<h2>Figures</h2>
<dl>${figures(report).map(([field, value]) => html`<dt>${field}</dt><dd>${value}</dd>`)}</dl>
<h2>Do it again</h2>
<pre class="block">${summary.command}</pre>
<p class="note">Same seed and same machine give the same figures, byte for byte.</p>
<footer>Written by autodidact ${summary.version} from the files beside this page; summary.json has these figures for programs.</footer>
</main>
</html>
`.text;
}

export function sftReportMarkdown(report: SftReport): string {
  const cell = (text: string): string =>
    visible(text)
      .replace(/\s*\n\s*/g, " ")
      .replace(/[\\|<>`*_[\]]/g, "\\$&");
  const held = report.metrics.filter((line) => line.heldOutLoss !== undefined);
  return [
    `# ${headline(report)}`,
    cell(story(report)),
    "## Figures",
    ["| | |", "|---|---|", ...figures(report).map(([field, value]) => `| ${field} | ${cell(value)} |`)].join("\n"),
    ...(held.length === 0
      ? []
      : [
          "## Held-out loss",
          [
            "| update | training | held-out |",
            "|---|---|---|",
            ...held.map((line) => `| ${line.step} | ${nats(line.loss)} | ${nats(line.heldOutLoss!)} |`),
          ].join("\n"),
        ]),
    "## Do it again",
    `\`\`\`\`text\n${visible(report.summary.command)}\n\`\`\`\``,
    "",
  ].join("\n\n");
}
