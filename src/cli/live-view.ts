import type { EvalReport } from "../eval/report.ts";
import type { GrpoMetrics } from "../trainers/step.ts";
import { bar, type Line, lineColumns, render, type Style, span, sparkline, wrap } from "./spans.ts";
import type { Drawing, View } from "./view-contract.ts";
import { groupLines, shownGroup } from "./view-group.ts";
import { evaluationText, percent, timeLeft, timeText } from "./view-text.ts";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
// Terminals that know these draw what is between them at once; the others pass over them.
const beginFrame = "\u001b[?2026h";
const endFrame = "\u001b[?2026l";
const eraseLine = "\u001b[K";
const eraseBelow = "\u001b[J";

type Plotted = Pick<GrpoMetrics, "pass1" | "lengthMean" | "reflectiveWordsPerResponse">;

interface Curve {
  readonly name: string;
  readonly values: number[];
  readonly text: (value: number) => string;
  /** Top of the scale; undefined: the highest value so far. */
  readonly high?: number;
}

/**
 * The view on a terminal. What has happened scrolls up as ordinary lines; the last lines, the ones that change, are
 * drawn over in place. Lines are cut to the window, so that the number of rows to go up is known.
 */
export function liveView({ stream, totalSteps: known, color, now }: Drawing): View {
  let totalSteps = known;
  const curves: Record<string, Curve> = {
    pass1: { name: "right answers", values: [], text: percent, high: 1 },
    length: { name: "answer length", values: [], text: (value) => `${value.toFixed(0)} tokens` },
    words: { name: "reflective words", values: [], text: (value) => value.toFixed(2) },
    loss: { name: "loss", values: [], text: (value) => value.toFixed(3) },
  };
  const starts: Record<string, number> = {};
  let doing = "";
  let why = "";
  let detail = "";
  let fraction: number | null = null;
  /** The present phase is made of steps, and a fraction is one of a step. */
  let stepping = false;
  let phaseBegan = now();
  let stepsDone = 0;
  const seconds: number[] = [];
  let lastStepAt = now();
  let drawn: Line[] = [];
  let finished = false;
  let closed = false;

  const width = (): number => Math.max(20, (stream.columns ?? 80) - 1);
  const rows = (): number => Math.max(4, (stream.rows ?? 24) - 1);

  function left(): string {
    if (seconds.length === 0 || stepsDone >= totalSteps) return "";
    const recent = seconds.slice(-10);
    const each = recent.reduce((sum, one) => sum + one, 0) / recent.length;
    const since = Math.min(each, (now() - lastStepAt) / 1000);
    return `${timeText(each * (totalSteps - stepsDone) - since)} left`;
  }

  function plot({ pass1, lengthMean, reflectiveWordsPerResponse }: Plotted): void {
    curves.pass1!.values.push(pass1);
    curves.length!.values.push(lengthMean);
    curves.words!.values.push(reflectiveWordsPerResponse);
  }

  function startAt({ pass1, meanLength, reflectiveWordsPerResponse }: EvalReport): void {
    Object.assign(starts, { pass1: pass1.value, length: meanLength, words: reflectiveWordsPerResponse });
  }

  function curveLines(): Line[] {
    return Object.entries(curves).flatMap(([key, { name, values, text, high }]) => {
      if (values.length === 0) return [];
      const start = starts[key];
      const after = `  ${text(values.at(-1)!)}${start === undefined ? "" : `  (base ${text(start)})`}`;
      const label = `  ${name.padEnd(17)} `;
      const room = Math.max(0, Math.min(60, width() - label.length - after.length));
      const curve = sparkline(values, room, 0, high ?? Math.max(...values));
      return [[span(label, "gray"), span(curve, "cyan"), span(after)]];
    });
  }

  function live(): Line[] {
    if (finished) return [];
    const wide = width();
    const bySteps = stepping || fraction === null;
    const share = bySteps ? stepsDone / Math.max(1, totalSteps) : fraction!;
    const tail = bySteps
      ? `step ${stepsDone} of ${totalSteps}  ${left()}`
      : `${percent(fraction!)}  ${fraction! < 0.02 ? "" : `${timeText(timeLeft(phaseBegan, now(), fraction!))} left`}`;
    const barWidth = Math.max(4, Math.min(40, wide - tail.length - 6));
    const [done, open] = bar(share, barWidth);
    const lines: Line[] = [
      [],
      [span(`  ${doing}`, "bold"), span(why ? `  ${why}` : "", "gray")],
      [span("  "), span(done, "cyan"), span(open, "gray"), span(`  ${tail}`)],
    ];
    if (detail) lines.push([span(`  ${detail}${stepping && fraction ? `  ${percent(fraction)}` : ""}`, "gray")]);
    const drawnCurves = curveLines();
    if (drawnCurves.length > 0) lines.push([], ...drawnCurves);
    lines.push([]);
    return lines.slice(0, rows());
  }

  /** Writes lines that stay, then the live ones anew. */
  function draw(staying: readonly Line[] = []): void {
    if (closed) return;
    const wide = width();
    // After the window was made narrower, the terminal has folded what was drawn: count the rows it takes now.
    const up = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(lineColumns(line) / (wide + 1))), 0);
    const text = (line: Line): string => `${render(line, wide, color)}${eraseLine}\n`;
    drawn = live();
    const back = up > 0 ? `\u001b[${up}A\r` : "";
    const kept = staying.map(text).join("");
    stream.write(`${beginFrame}${hideCursor}${back}${kept}${drawn.map(text).join("")}${eraseBelow}${endFrame}`);
    drawn = drawn.map((line) => [span(render(line, wide, false))]);
  }

  /** Text that stays is wrapped; only what is drawn over is cut. */
  const said = (text: string, style?: Style): Line[] =>
    wrap(text, width() - 2).map((line) => [span(`  ${line}`, style)]);

  const restore = (): void => {
    if (!closed) stream.write(showCursor);
  };
  const onResize = (): void => draw();
  stream.on?.("resize", onResize);
  process.once("exit", restore);
  // The time that is left goes down between steps, too.
  const timer = setInterval(() => draw(), 1000);
  timer.unref();

  const view: View = {
    phase(text, reason = "", steps) {
      totalSteps = steps ?? totalSteps;
      [doing, why, detail, fraction] = [text, reason, "", null];
      [stepping, phaseBegan] = [steps !== undefined, now()];
      draw();
    },
    progress(share, text) {
      [fraction, detail] = [share, text];
      draw();
    },
    step(step) {
      fraction = null;
      detail = "";
      stepsDone = step.index;
      seconds.push(step.kind === "grpo" ? step.timing.total : step.seconds);
      lastStepAt = now();
      if (step.kind === "sft") {
        curves.loss!.values.push(step.loss);
        draw();
        return;
      }
      plot(step.metrics);
      const staying: Line[] = step.warnings.flatMap((warning) => said(`warning: ${warning}`, "yellow"));
      const group = shownGroup(step);
      if (group) staying.push([], ...groupLines(group, width()), []);
      draw(staying);
    },
    past(steps, before) {
      for (const line of steps) {
        if (line.kind === "grpo") plot(line);
        else curves.loss!.values.push(line.loss);
      }
      stepsDone = steps.at(-1)?.step ?? 0;
      if (before) startAt(before);
      draw();
    },
    evaluation(report, label) {
      if (/before|base/.test(label)) startAt(report);
      [fraction, detail] = [null, ""];
      draw([[span(`  ${label}  `, "bold"), span(evaluationText(report))]]);
    },
    note: (text) => draw(said(text)),
    done(lines) {
      finished = true;
      draw([[], ...curveLines(), [], ...lines.flatMap((text) => said(text))]);
      view.close();
    },
    close() {
      if (closed) return;
      clearInterval(timer);
      stream.off?.("resize", onResize);
      process.off("exit", restore);
      stream.write(showCursor);
      closed = true;
    },
  };
  return view;
}
