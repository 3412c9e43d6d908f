import type { Advantaged } from "../advantage.ts";
import type { Group } from "../rollout/rollout.ts";
import type { GrpoStep } from "../trainers/step.ts";
import { clean, columns, type Line, span, wrap } from "./spans.ts";

const cellWidth = 22;
const mostLines = 9;

/**
 * One group, opened: every answer's mark, reward, advantage and length side by side, then the best and the worst in
 * full. This is the whole of GRPO to look at: answers to one problem are graded against each other.
 */
export function groupLines(group: Group<Advantaged>, width: number): Line[] {
  const { problem, rollouts } = group;
  const inner = Math.max(20, Math.min(width - 4, 100));
  const mean = rollouts.reduce((sum, { reward }) => sum + reward, 0) / Math.max(1, rollouts.length);
  const lines: Line[] = [
    [span(`  One problem, ${rollouts.length} answers`, "bold"), span(`  level ${problem.level}`, "gray")],
    ...shown(problem.prompt, inner, 4).map((text) => [span(`  ${text}`)]),
    [span("    grade  advantage  tokens", "gray")],
  ];
  const perRow = Math.max(1, Math.min(4, Math.floor((width - 2) / cellWidth)));
  for (let i = 0; i < rollouts.length; i += perRow) {
    lines.push([span("  "), ...rollouts.slice(i, i + perRow).flatMap((rollout) => cell(rollout))]);
  }
  const ranked = [...rollouts].sort((a, b) => b.reward - a.reward);
  const [best, worst] = [ranked[0], ranked.at(-1)];
  if (!best || !worst) return lines;
  if (best.advantage === null) {
    lines.push([
      span(`  All were graded alike (${best.reward.toFixed(2)}): nothing to learn from this group.`, "gray"),
    ]);
    return [...lines, ...opened("one of them", best, inner)];
  }
  const lesson = `The mean grade is ${mean.toFixed(2)}. Answers above it become more likely, answers below it less.`;
  return [
    ...lines,
    ...wrap(lesson, inner).map((text) => [span(`  ${text}`, "gray")]),
    ...opened("best", best, inner),
    ...opened("worst", worst, inner),
  ];
}

const right = (rollout: Advantaged): boolean => (rollout.rewards.accuracy ?? rollout.reward) >= 1;

export const signed = (value: number | null): string =>
  value === null ? "–" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

function cell(rollout: Advantaged): Line {
  const good = right(rollout);
  const figures = `${rollout.reward.toFixed(2)} ${signed(rollout.advantage).padStart(6)} ${String(rollout.tokens.length).padStart(5)}`;
  return [span(good ? "✓ " : "✗ ", good ? "green" : "red"), span(figures.padEnd(cellWidth - 2))];
}

function opened(name: string, rollout: Advantaged, width: number): Line[] {
  const cut = rollout.finish === "length" ? ", cut off by the token limit" : "";
  const advantage = rollout.advantage === null ? "" : `  advantage ${signed(rollout.advantage)}`;
  return [
    [
      span(`  ${right(rollout) ? "✓" : "✗"} ${name}`, right(rollout) ? "green" : "red"),
      span(`  ${clean(rollout.reason)}${advantage}${cut}`, "gray"),
    ],
    ...shown(rollout.text, width - 4, mostLines).map((text) => [span("  │ ", "gray"), span(text)]),
  ];
}

/** Text of others, wrapped and bounded; what is left out is counted. */
function shown(text: string, width: number, most: number): string[] {
  const lines = wrap(clean(text).trim(), width);
  if (lines.length <= most) return lines;
  const rest = lines.length - most + 1;
  return [...lines.slice(0, most - 1), `… ${rest} more lines`].map((line) => (columns(line) > width ? "…" : line));
}

/** Steps between two groups that are shown. */
const groupEvery = 10;

/** The group of a step that is to be shown; null in most steps. */
export const shownGroup = ({ index, groups }: GrpoStep): Group<Advantaged> | null =>
  index % groupEvery === 1 ? tellingGroup(groups) : null;

/** The group that shows most: mixed, and as near as possible to half right; null where all are constant. */
export function tellingGroup(groups: readonly Group<Advantaged>[]): Group<Advantaged> | null {
  let found: Group<Advantaged> | null = null;
  let nearest = Number.POSITIVE_INFINITY;
  for (const group of groups) {
    if (group.rollouts.every(({ advantage }) => advantage === null)) continue;
    const distance = Math.abs(group.rollouts.filter(right).length / group.rollouts.length - 0.5);
    if (distance < nearest) [found, nearest] = [group, distance];
  }
  return found;
}
