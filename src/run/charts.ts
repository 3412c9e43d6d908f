import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { EvaluationLine, GrpoLine } from "./records.ts";
import { percentText } from "./report-words.ts";
import type { Measurement } from "./summary.ts";

/**
 * The charts of a report as SVG text, drawn on the server. Colours are the page's CSS variables, so that one drawing
 * serves light and dark; `title` channels become tooltips that need no script.
 */

const { document } = parseHTML("<!doctype html><html><body></body></html>");

const base = "var(--base)";
const trained = "var(--trained)";
const faint = "var(--faint)";
const percent = {
  domain: [0, 1] as number[],
  tickFormat: (share: number) => percentText(share),
  tickSize: 0,
  grid: true,
  label: null,
  ticks: 5,
};

/** An axis that begins at zero; the card above names its unit. */
const plain: Plot.ScaleOptions = { grid: true, label: null, zero: true, nice: true, ticks: 5, tickSize: 0 };

function draw(label: string, options: Plot.PlotOptions): string {
  const svg = Plot.plot({
    document: document as unknown as Document,
    width: 460,
    height: 230,
    marginLeft: 44,
    marginRight: 16,
    marginTop: 14,
    marginBottom: 36,
    ariaLabel: label,
    ...options,
    style: { fontFamily: "inherit", fontSize: "11.5px", background: "none", overflow: "visible" },
  });
  svg.setAttribute("role", "img");
  return svg.outerHTML;
}

interface LevelPoint {
  readonly level: number;
  /** Level moved sideways a little, so that before and after stand beside each other. */
  readonly x: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly title: string;
}

function levelPoints(measurement: Measurement, name: string, shift: number): LevelPoint[] {
  return measurement.byLevel.map(({ level, pass1, pass1Interval: [low, high], problems }) => ({
    level,
    x: level + shift,
    value: pass1,
    low,
    high,
    title: `${name}, level ${level}: ${percentText(pass1, 1)} (${percentText(low, 1)} to ${percentText(high, 1)}), ${problems} problems`,
  }));
}

const levelAxis = (measurement: Measurement): Plot.ScaleOptions => {
  const levels = measurement.byLevel.map(({ level }) => level);
  return {
    domain: [Math.min(...levels) - 0.5, Math.max(...levels) + 0.5],
    ticks: levels,
    tickFormat: (level: number) => `${level}`,
    tickSize: 0,
    label: "difficulty level",
    labelAnchor: "center",
    labelArrow: "none",
  };
};

/** pass@1 by level, base and trained, with 95 % intervals. */
export function passByLevel(before: Measurement, after: Measurement): string {
  const series: [LevelPoint[], string][] = [
    [levelPoints(before, "base", -0.1), base],
    [levelPoints(after, "trained", 0.1), trained],
  ];
  return draw("Share of right answers by difficulty level, base and trained, with 95 % intervals", {
    width: 940,
    height: 320,
    x: levelAxis(before),
    y: percent,
    marks: series.flatMap(([points, color]) => [
      Plot.ruleX(points, { x: "x", y1: "low", y2: "high", stroke: color, strokeWidth: 2, strokeOpacity: 0.55 }),
      Plot.line(points, { x: "x", y: "value", stroke: color, strokeOpacity: 0.28, strokeWidth: 1.5 }),
      Plot.dot(points, { x: "x", y: "value", fill: color, r: 5.5, title: "title" }),
      Plot.text(points, {
        x: "x",
        y: "value",
        text: (point: LevelPoint) => percentText(point.value),
        dx: color === base ? -10 : 10,
        textAnchor: color === base ? "end" : "start",
        fill: color,
        stroke: "var(--card)",
        strokeWidth: 5,
        fontWeight: 600,
      }),
    ]),
  });
}

/** Difference in pass@1 by level. */
export function gainByLevel(before: Measurement, after: Measurement): string {
  const gains = after.byLevel.map(({ level, pass1 }) => ({
    level,
    gain: pass1 - (before.byLevel.find((one) => one.level === level)?.pass1 ?? Number.NaN),
  }));
  const top = Math.max(0.1, ...gains.map(({ gain }) => gain));
  const bottom = Math.min(0, ...gains.map(({ gain }) => gain));
  return draw("Gain in share of right answers by difficulty level", {
    x: levelAxis(before),
    y: { ...percent, domain: [bottom * 1.15, top * 1.15], label: null },
    marks: [
      Plot.rectY(gains, {
        x1: (one: { level: number }) => one.level - 0.28,
        x2: (one: { level: number }) => one.level + 0.28,
        y: "gain",
        fill: trained,
        fillOpacity: 0.85,
        rx: 3,
      }),
      Plot.text(gains, {
        x: "level",
        y: "gain",
        text: (one: { gain: number }) => `${one.gain < 0 ? "−" : "+"}${Math.abs(one.gain * 100).toFixed(0)}`,
        dy: -9,
        fill: trained,
        fontWeight: 600,
      }),
      Plot.ruleY([0], { stroke: faint }),
    ],
  });
}

/** Mean answer length by level, base and trained. */
export function lengthByLevel(before: Measurement, after: Measurement): string {
  return draw("Mean answer length in tokens by difficulty level, base and trained", {
    x: levelAxis(before),
    y: plain,
    marks: [before, after].flatMap((measurement, i) => {
      const color = i === 0 ? base : trained;
      return [
        Plot.line(measurement.byLevel, { x: "level", y: "meanLength", stroke: color, strokeWidth: 2 }),
        Plot.dot(measurement.byLevel, {
          x: "level",
          y: "meanLength",
          fill: color,
          r: 4,
          title: (one: { level: number; meanLength: number }) =>
            `level ${one.level}: ${one.meanLength.toFixed(0)} tokens`,
        }),
      ];
    }),
  });
}

/** One answer against the vote of sixteen, by level. Solid: one answer. Hollow: the vote. */
export function voteByLevel(before: Measurement, after: Measurement): string {
  return draw("Share of problems solved by one answer and by the most common of 16, by difficulty level", {
    x: levelAxis(before),
    y: percent,
    marks: [before, after].flatMap((measurement, i) => {
      const color = i === 0 ? base : trained;
      const points = measurement.byLevel.map((one) => ({ ...one, x: one.level + (i === 0 ? -0.08 : 0.08) }));
      const voted = points.filter((one) => one.majority16 !== null);
      return [
        Plot.link(voted, {
          x1: "x",
          x2: "x",
          y1: "pass1",
          y2: "majority16",
          stroke: color,
          strokeWidth: 2,
          strokeOpacity: 0.45,
        }),
        Plot.dot(points, { x: "x", y: "pass1", fill: color, r: 4 }),
        Plot.dot(voted, { x: "x", y: "majority16", stroke: color, fill: "var(--card)", strokeWidth: 2, r: 4.5 }),
      ];
    }),
  });
}

const stepAxis: Plot.ScaleOptions = { label: "step", labelAnchor: "center", labelArrow: "none", ticks: 6, tickSize: 0 };

/** A training curve: each step faintly, the mean of the last 5 steps strongly. */
function curve<L extends { readonly step: number }>(
  label: string,
  lines: readonly L[],
  value: (line: L) => number,
  y: Plot.ScaleOptions,
  extra: Plot.Markish[] = [],
  size: Pick<Plot.PlotOptions, "width" | "height"> = {},
): string {
  const points = lines
    .map((line) => ({ step: line.step, value: value(line) }))
    .filter((one) => Number.isFinite(one.value));
  const window = { k: 5, anchor: "end", reduce: "mean" } as const;
  return draw(label, {
    ...size,
    x: stepAxis,
    y,
    marks: [
      Plot.ruleY([0], { stroke: faint }),
      Plot.line(points, { x: "step", y: "value", stroke: trained, strokeOpacity: 0.28, strokeWidth: 1.2 }),
      Plot.line(points, Plot.windowY(window, { x: "step", y: "value", stroke: trained, strokeWidth: 2 })),
      ...extra,
    ],
  });
}

/** pass@1 on the training problems of each step, and on held-out problems where they were measured. */
export function passCurve(lines: readonly GrpoLine[], evaluations: readonly EvaluationLine[]): string {
  const points = evaluations.map(({ step, pass1 }) => ({ step, ...pass1 }));
  return curve("Share of right answers over steps", lines, (line) => line.pass1, percent, [
    Plot.ruleX(points, { x: "step", y1: "low", y2: "high", stroke: "var(--ink)", strokeWidth: 1.5 }),
    Plot.dot(points, {
      x: "step",
      y: "value",
      fill: "var(--ink)",
      r: 4,
      title: (one: { step: number; value: number }) => `held-out, after step ${one.step}: ${percentText(one.value, 1)}`,
    }),
  ]);
}

export const lengthCurve = (lines: readonly GrpoLine[]): string =>
  curve("Mean answer length over steps", lines, (line) => line.lengthMean, plain);

export const wordsCurve = (lines: readonly GrpoLine[]): string =>
  curve("Reflective words per answer over steps", lines, (line) => line.reflectiveWordsPerResponse, plain);

export const entropyCurve = (lines: readonly GrpoLine[]): string =>
  curve("Entropy over steps", lines, (line) => line.entropy, plain);

export function truncatedCurve(lines: readonly GrpoLine[]): string {
  const top = Math.max(0.05, ...lines.map((line) => line.truncatedShare).filter(Number.isFinite));
  return curve("Share of truncated answers over steps", lines, (line) => line.truncatedShare, {
    ...percent,
    domain: [0, top * 1.05],
  });
}

/** Shares of groups that were all wrong, mixed (the ones that teach) and all right. */
export function groupsCurve(lines: readonly GrpoLine[]): string {
  const kinds = ["all right", "mixed", "all wrong"] as const;
  const shares = lines.flatMap((line) => [
    { step: line.step, kind: "all right", share: line.groupsAllRight },
    { step: line.step, kind: "mixed", share: line.groupsMixed },
    { step: line.step, kind: "all wrong", share: line.groupsAllWrong },
  ]);
  return draw("Shares of groups that were all right, mixed and all wrong, over steps", {
    x: stepAxis,
    y: { ...percent, grid: false },
    color: { domain: [...kinds], range: [trained, "var(--mixed)", base] },
    marks: [
      Plot.areaY(
        shares,
        Plot.stackY(
          { order: ["all wrong", "mixed", "all right"] },
          { x: "step", y: "share", fill: "kind", fillOpacity: 0.75 },
        ),
      ),
    ],
  });
}

/** Training loss, and the loss on kept-out documents where it was measured; `before` is that of the model as it was. */
export function lossCurve(
  lines: readonly { readonly step: number; readonly loss: number; readonly heldOutLoss?: number | undefined }[],
  before: number | null,
): string {
  const held = [
    ...(before === null ? [] : [{ step: 0, value: before }]),
    ...lines.flatMap(({ step, heldOutLoss }) => (heldOutLoss === undefined ? [] : [{ step, value: heldOutLoss }])),
  ];
  const marks = [
    Plot.line(held, { x: "step", y: "value", stroke: "var(--ink)", strokeOpacity: 0.35, strokeWidth: 1.2 }),
    Plot.dot(held, {
      x: "step",
      y: "value",
      fill: "var(--ink)",
      r: 4,
      title: (one: { step: number; value: number }) => `held-out, after update ${one.step}: ${one.value.toFixed(4)}`,
    }),
  ];
  return curve("Loss over updates", lines, (line) => line.loss, plain, marks, { width: 940, height: 320 });
}
