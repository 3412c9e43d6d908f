import * as charts from "./charts.ts";
import { html, type Markup, raw } from "./html.ts";
import type { AnswerLine } from "./records.ts";
import type { Example, ReportData, WordHistory } from "./report-data.ts";
import { wordWindow } from "./report-data.ts";
import { reportStyle } from "./report-style.ts";
import * as words from "./report-words.ts";
import type { Measurement, Summary } from "./summary.ts";

const { percentText } = words;

/** report.html: one file, no script, nothing fetched. */
export function reportHtml(data: ReportData): string {
  const { summary } = data;
  const title = words.headline(data);
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${raw(reportStyle)}</style>
<main>
<p class="kicker">autodidact ${summary.version} · ${summary.model === undefined ? "" : `${summary.model} · `}seed ${summary.seed} · ${summary.steps} ${summary.steps === 1 ? "step" : "steps"}</p>
<h1>${title}</h1>
${hero(data)}
${words.story(data).map((sentence) => html`<p class="lead">${sentence}</p>\n`)}
${levels(data)}
${families(data)}
${curves(data)}
${thinking(data)}
${voting(data)}
${errors(data)}
${graders(data)}
${data.examples.length > 0 ? examples(data.examples) : raw("")}
${fine(data)}
<footer>Written by autodidact ${summary.version} from the files beside this page; summary.json has these figures for programs.</footer>
</main>
</html>
`.text;
}

function hero({ summary: { before, after, seconds } }: ReportData): Markup {
  return html`<div class="hero">
<div class="from"><b>${percentText(before.pass1)}</b><small>base, 95 % interval<br>${words.intervalText(before)}</small></div>
<div class="arrow" aria-hidden="true">→</div>
<div class="to"><b>${percentText(after.pass1)}</b><small>trained, 95 % interval<br>${words.intervalText(after)}</small></div>
<div class="facts">
${fact(words.factor(before.meanLength, after.meanLength), "answer length")}
${fact(words.factor(before.reflectiveWordsPerResponse, after.reflectiveWordsPerResponse), "reflective words")}
${after.majority16 === null ? raw("") : fact(percentText(after.majority16), "vote of 16")}
${fact(words.duration(seconds.reinforce ?? seconds.total ?? 0), seconds.reinforce === undefined ? "in all" : "of training")}
</div>
</div>`;
}

const fact = (value: string, label: string): Markup => html`<div><b>${value}</b><small>${label}</small></div>`;

const baseKey = raw('<span class="key" style="--k:var(--base)">base</span>');
const trainedKey = raw('<span class="key" style="--k:var(--trained)">trained</span>');

function card(title: string, text: Markup | string, chart: string): Markup {
  return html`<figure class="card"><h3>${title}</h3><p>${text}</p>${raw(chart)}</figure>`;
}

function levels({ summary }: ReportData): Markup {
  const { before } = summary;
  const [title, interval, figures] = words.hasLevels(summary)
    ? [", by difficulty", "Whiskers are 95 % intervals:", levelCharts(summary)]
    : ["", "A 95 % interval is", table(words.overall(summary))];
  return html`<h2>Before and after${title}</h2>
<p class="note">${before.problems} held-out problems, ${before.samplesPerProblem} answers to each, temperature ${before.temperature}. ${interval} the range in which the true share plausibly lies.</p>
${figures}`;
}

function levelCharts({ before, after }: Summary): Markup {
  return html`${card("Share of right answers", html`${baseKey}${trainedKey}`, `<div class="wide">${charts.passByLevel(before, after)}</div>`)}
<div class="grid">
${card("Gain by level", "Percentage points won on each level.", charts.gainByLevel(before, after))}
${card("Answer length by level", html`Mean tokens of an answer. ${baseKey}${trainedKey}`, charts.lengthByLevel(before, after))}
</div>`;
}

function families({ summary }: ReportData): Markup {
  const byFamily = words.byFamily(summary);
  if (byFamily === null) return raw("");
  return html`<h2>Before and after, by family</h2>
${table(byFamily)}`;
}

/** The first column names the row. */
function table([head, rows]: words.Table): Markup {
  const line = (tag: "th" | "td", [first, ...rest]: readonly string[]): Markup =>
    html`<tr><${raw(tag)}>${first}</${raw(tag)}>${rest.map((cell) => html`<${raw(tag)} class="n">${cell}</${raw(tag)}>`)}</tr>\n`;
  return html`<div class="card"><table>${line("th", head)}${rows.map((row) => line("td", row))}</table></div>`;
}

function curves(data: ReportData): Markup {
  const { metrics, evaluations } = data;
  if (metrics.length < 2) return raw(""); // one step makes no curve
  const held = raw('<span class="key" style="--k:var(--ink)">held-out</span>');
  const line = raw('<span class="key line" style="--k:var(--trained)">training</span>');
  const kinds = raw(
    '<span class="key" style="--k:var(--trained)">all right</span><span class="key" style="--k:var(--mixed)">mixed</span><span class="key" style="--k:var(--base)">all wrong</span>',
  );
  return html`<h2>How it went, step by step</h2>
<p class="note">The strong line is the mean of the last five steps, the faint one each step.</p>
<div class="grid">
${card("Share of right answers", html`${line}${held}`, charts.passCurve(metrics, evaluations))}
${card("Answer length", words.onlyAccuracy(data) ? "Mean tokens of an answer. Nothing rewarded it." : "Mean tokens of an answer.", charts.lengthCurve(metrics))}
${metrics.some((one) => one.reflectiveWordsPerResponse > 0) ? card("Reflective words", "Words such as “wait”, for each answer.", charts.wordsCurve(metrics)) : raw("")}
${card("What the groups were worth", html`Only mixed groups teach. ${kinds}`, charts.groupsCurve(metrics))}
${card("Entropy", "Nats for each token: how undecided the model is. Near zero, it has stopped trying new things.", charts.entropyCurve(metrics))}
${card("Cut off by the token limit", `Share of answers that ran out of room. High values mean that the limit is the ceiling.${loops(data)}`, charts.truncatedCurve(metrics))}
</div>`;
}

/** A weak model's long answers often go round in circles until the limit. */
function loops({ summary: { before, after } }: ReportData): string {
  if (before.loopShare === null || after.loopShare === null) return "";
  return ` Held-out answers that end in a loop: ${percentText(before.loopShare, 1)} before, ${percentText(after.loopShare, 1)} after.`;
}

function thinking({ words: list }: ReportData): Markup {
  const used = list.filter((one) => one.firstStep !== null || one.baseRate > 0);
  const unused = list.filter((one) => !used.includes(one)).map(({ word }) => word);
  if (used.length === 0) return raw("");
  const row = (one: WordHistory): Markup =>
    html`<tr><td>${one.word}</td><td class="n">${words.number(100 * one.baseRate, 1)}</td><td class="n">${words.number(100 * one.finalRate, 1)}</td><td class="n">${one.firstStep ?? "never"}</td><td class="n${raw(one.doubledStep === null ? "" : " up")}">${one.doubledStep ?? "never"}</td></tr>`;
  return html`<h2>Words of second thought</h2>
<p class="note">Uses in 100 answers. “First used” is the first step with the word in any answer; “doubled” the first at which its rate over ${wordWindow} steps is more than twice the base's. ${unused.length > 0 ? `Never used: ${unused.join(", ")}.` : ""}</p>
<div class="card"><table><tr><th>word</th><th class="n">base</th><th class="n">last ${wordWindow} steps</th><th class="n">first used, step</th><th class="n">doubled, step</th></tr>
${used.map(row)}</table></div>`;
}

function voting(data: ReportData): Markup {
  const { before, after } = data.summary;
  const table = words.passAtK(data);
  const chart =
    before.majority16 === null || !words.hasLevels(data.summary)
      ? raw("")
      : card(
          "One answer, and the vote of 16",
          html`Solid: one answer. Ring: the most common of 16 answers. ${baseKey}${trainedKey}`,
          charts.voteByLevel(before, after),
        );
  return html`<h2>More than one try</h2>
<p class="note">${voteSentence("base", before)} ${voteSentence("trained", after)} pass@k is the chance that at least one of k answers is right, with its 95 % interval.</p>
<div class="grid">${chart}
<div class="card"><h3>pass@k</h3><table><tr><th>answers k</th><th class="n">base</th><th class="n">trained</th></tr>
${table.map(({ k, before, after }) => html`<tr><td>${k}</td><td class="n">${before}</td><td class="n">${after}</td></tr>`)}</table></div>
</div>`;
}

function voteSentence(name: string, { pass1, majority16 }: Measurement): string {
  if (majority16 === null) return "";
  return `The ${name} model solves ${percentText(pass1, 1)} with one answer and ${percentText(majority16, 1)} by the vote of 16.`;
}

function errors(data: ReportData): Markup {
  const list = words.reasons(data);
  if (list.length === 0) return raw("");
  const top = Math.max(...list.flatMap(({ before, after }) => [before, after]), 0.01);
  const bar = (share: number, color: string): Markup =>
    html`<td class="barcell"><span class="bar" style="width:${((share / top) * 100).toFixed(1)}%;--k:var(--${raw(color)})"></span></td><td class="n">${percentText(share, 1)}</td>`;
  return html`<h2>Why answers were right or wrong</h2>
<p class="note">The verifier's reason code for each answer. ${baseKey}${trainedKey}</p>
<div class="card"><table><tr><th>reason</th><th></th><th class="n">base</th><th></th><th class="n">trained</th></tr>
${list.map((one) => html`<tr><td>${one.reason}</td>${bar(one.before, "base")}${bar(one.after, "trained")}</tr>`)}</table></div>`;
}

function graders(data: ReportData): Markup {
  const list = words.graders(data);
  if (list.length === 0) return raw("");
  return html`<h2>What each grader says</h2>
<p class="note">Mean of each reward part over the held-out answers. A strict and a lenient grader side by side tell a gain in form from a gain in reasoning.</p>
<div class="card"><table><tr><th>part</th><th class="n">weight</th><th class="n">base</th><th class="n">trained</th></tr>
${list.map(([name, weight, before, after]) => html`<tr><td>${name}</td><td class="n">${weight}</td><td class="n">${before}</td><td class="n">${after}</td></tr>`)}</table></div>`;
}

function examples(list: readonly Example[]): Markup {
  return html`<h2>The same problems, before and after</h2>
<p class="note">The first held-out problem of each level and the first answer to it; chosen by that rule, not by how they turned out.</p>
${list.map(
  ({
    before,
    after,
  }) => html`<div class="card"><h3>Level ${before.level} <span class="note">${before.problem}</span></h3>
<pre class="prompt">${before.prompt}</pre>
<div class="pair">${answer("base", before, "")}${answer("trained", after, "after")}</div></div>`,
)}`;
}

function answer(name: string, line: AnswerLine, kind: "" | "after"): Markup {
  const right = (line.rewards.accuracy ?? line.reward) >= 1;
  const mark = html`<span class="mark ${right ? "right" : "wrong"}">${right ? "✓" : "✗"} ${line.reason}</span>`;
  return html`<div class="answer ${kind}"><header><span>${name}</span>${mark}<span>reward ${words.number(line.reward, 2)} · ${line.tokens} tokens${line.finish === "length" ? ", cut off" : ""}</span></header><pre>${line.text}</pre></div>`;
}

function fine(data: ReportData): Markup {
  const { objective, machine, command, seed, steps } = data.summary;
  const rows = (list: readonly (readonly [string, string])[]): Markup =>
    html`<dl>${list.map(([field, value]) => html`<dt>${field}</dt><dd>${value}</dd>`)}</dl>`;
  const novelty = words.novelty(data);
  const copied =
    novelty === null
      ? raw("")
      : html`<h2>Solutions it cannot have copied</h2>
<p>${novelty}</p>
`;
  return html`${copied}<h2>What was maximised</h2>
<pre class="block">${objective.text}</pre>
${rows(words.objectiveFields(data))}
<h2>Where and how long</h2>
${rows([
  ["machine", `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB memory`],
  ["system", `${machine.system}, Node ${machine.node}, engine ${machine.engine}`],
  ["seed", String(seed)],
  ["steps", String(steps)],
  ...words.phases(data).map(([phase, seconds]) => [`time: ${phase}`, words.duration(seconds)] as const),
  ...words.planned(data.summary.seconds.reinforce, data.summary),
])}
<h2>Do it again</h2>
<pre class="block">${command}</pre>
<p class="note">Same seed and same machine give the same figures, byte for byte.</p>`;
}
