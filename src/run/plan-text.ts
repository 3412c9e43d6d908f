import { bytesText } from "../hub/bytes-text.ts";
import { type PartName, partNames } from "../plan/memory.ts";
import type { Plan } from "./plan.ts";

const partTexts: Readonly<Record<PartName, string>> = {
  weights: "weights",
  gradients: "gradients",
  optimizer: "optimizer moments",
  snapshots: "frozen copies (start, reference)",
  layerInputs: "inputs of the layers",
  activations: "activations",
  head: "vocabulary, a slice at a time",
  keyValueCache: "key-value cache",
  decoding: "prompts and decode steps",
  process: "program and tokenizer",
  leftover: "freed and not yet given back",
};

const seconds = (value: number): string => (value < 10 ? value.toFixed(value < 1 ? 2 : 1) : value.toFixed(0));
const giga = (value: number): string => (value / 1e9).toFixed(value < 1e10 ? 1 : 0);

/** A plan for the terminal. */
export function planText(plan: Plan): string {
  const { phases, peak, machine, parameters, trained } = plan;
  const lines = [
    `${plan.model}: ${parameters.toLocaleString("en")} parameters, ${trained === parameters ? "all of them" : trained.toLocaleString("en")} trained`,
    ...plan.assumptions.map((text) => `assumed: ${text}`),
    "",
    row(
      "memory, at the busiest moment of",
      phases.map(({ phase }) => phase),
    ),
    ...partNames
      .filter((part) => phases.some(({ parts }) => parts[part] > 0))
      .map((part) =>
        row(
          `  ${partTexts[part]}`,
          phases.map(({ parts }) => (parts[part] > 0 ? bytesText(parts[part]) : "")),
        ),
      ),
    row(
      "  total",
      phases.map(({ total }) => bytesText(total)),
    ),
    "",
    `peak ${bytesText(peak.total)} while ${peak.phase}${expectedText(plan)}; this machine has ${bytesText(machine.memoryBytes)}, ${bytesText(machine.freeBytes)} of it free: ${fitText(plan)}`,
  ];
  if (plan.seconds !== null && plan.speed !== null) {
    const { prefill, decode, scoring, training, update, compile, total, idle } = plan.seconds;
    const { speed, flops } = plan;
    const phase = (name: string, value: number, how = ""): string[] =>
      value > 0 ? [row(`  ${name}`, [seconds(value), how])] : [];
    lines.push(
      "",
      row("seconds a step", ["", ""]),
      ...phase("sampling: prompts", prefill, `${giga(flops.prefill)} GFLOP`),
      ...phase("sampling: answers", decode, decodeText(plan)),
      ...phase("scoring", scoring, `${giga(flops.scoring)} GFLOP at ${giga(speed.forward)}/s`),
      ...phase("training", training, `${giga(flops.training)} GFLOP at ${giga(speed.training)}/s`),
      ...phase("update", update),
      ...phase("compiling graphs", compile),
      row("  total", [seconds(total), spreadText(plan)]),
      ...phase("with no group to learn from", idle ?? 0, "all answers right, or all wrong"),
    );
  }
  if (plan.changes.length > 0)
    lines.push(
      "",
      plan.fits === "no" ? "to make it fit, one of these or several:" : "what would save memory:",
      row("  change", ["peak", plan.seconds === null ? "" : "seconds a step"]),
      ...plan.changes.map(({ option, peakBytes, seconds: time }) =>
        row(`  ${option}`, [bytesText(peakBytes), time === null ? "" : seconds(time)]),
      ),
    );
  return lines.join("\n");
}

function fitText({ fits }: Plan): string {
  if (fits === "yes") return "it fits";
  return fits === "busy" ? "it fits once other programs give theirs back" : "it does not fit";
}

function expectedText({ peak, expectedBytes }: Plan): string {
  return expectedBytes < 0.98 * peak.total
    ? ` at most, ${bytesText(expectedBytes)} with answers as the time assumes`
    : "";
}

/** How much the machine's own speed changed while it was measured. */
function spreadText({ seconds: step, speed }: Plan): string {
  const { least, most } = speed!.spread;
  return `${seconds(least * step!.total)} to ${seconds(most * step!.total)} as the machine's speed changed while measured`;
}

function decodeText({ speed }: Plan): string {
  const full = speed!.decode.at(-1);
  return full === undefined ? "" : `${(full.seconds * 1000).toFixed(0)} ms a token for ${full.rows} answers at once`;
}

function row(name: string, cells: readonly string[]): string {
  return `${name.padEnd(36)}${cells.map((text) => (text.length > 12 ? `  ${text}` : text.padStart(12))).join("")}`.trimEnd();
}
