import { presetSources, presets } from "./objective-presets.ts";
import type { Objective } from "./objective-schema.ts";
import { bufferTokens } from "./token-weights.ts";

/** The numbers of the run that the formula is filled in with. */
export interface DescribedRun {
  readonly groupSize: number;
  readonly problemsPerStep: number;
  readonly maxTokens: number;
}

/** The objective in plain text: the formula with its numbers, and what happens around it. Lines are joined by "\n". */
export function describeObjective(o: Objective, run: DescribedRun): string {
  return [heading(o), "", ...formula(o, run), "", ...surroundings(o, run)].join("\n");
}

function heading(o: Objective): string {
  const changed = changes(presets[o.preset], o);
  const origin = `Objective ${o.preset} (${presetSources[o.preset]})`;
  return changed.length === 0 ? origin : `${origin}, changed: ${changed.join(", ")}`;
}

/** "path=value" of every leaf of `now` that differs from `was`. */
function changes(was: object, now: object, path = ""): string[] {
  return Object.entries(now).flatMap(([key, value]) => {
    const before: unknown = (was as Record<string, unknown>)[key];
    if (typeof value === "object") return changes(before as object, value, `${path}${key}.`);
    return value === before ? [] : [`${path}${key}=${value}`];
  });
}

function formula(o: Objective, run: DescribedRun): string[] {
  const kl = o.klCoef === 0 ? "" : ` − ${number(o.klCoef)} ${o.ratio === "sequence" ? "1/Lᵢ Σₜ " : ""}KLᵢₜ`;
  const bracket = kl === "" ? term(o) : `[ ${term(o)}${kl} ]`;
  const lines = [`  maximise  J = ${sums(o, run)} ${bracket}`, ""];
  const define = (symbol: string, ...text: string[]): void => {
    text.forEach((line, i) => {
      lines.push(i === 0 ? `  ${symbol.padEnd(5)} = ${line}` : `          ${line}`);
    });
  };
  if (o.surrogate !== "none") {
    if (o.ratio === "token") define("ρᵢₜ", "π(oᵢₜ) / π_old(oᵢₜ), of each token");
    else define("ρᵢ", "exp( 1/Lᵢ Σₜ ln π(oᵢₜ)/π_old(oᵢₜ) ), one for the whole answer");
  }
  if (o.surrogate === "cispo")
    define("sg(·)", "held constant: a capped token keeps its gradient, at the weight of the cap");
  define("Aᵢ", ...advantage(o, run));
  define("Rᵢ", reward(o, run));
  if (o.klCoef > 0) define("KLᵢₜ", ...klLines(o));
  define("oᵢₜ", "token t of answer i; answer i has Lᵢ tokens, N answers are trained on; π_old sampled them");
  return lines;
}

/** The sums and the normaliser in front of the term. */
function sums(o: Objective, run: DescribedRun): string {
  // A sequence-level term is the same at each token: the mean over the answer's tokens is the term itself.
  if (o.ratio === "sequence") return "1/N Σᵢ";
  switch (o.normaliser) {
    case "sequence":
      return "1/N Σᵢ 1/Lᵢ Σₜ";
    case "tokens":
      return "1/ΣLᵢ Σᵢ Σₜ";
    case "constant":
      return `1/(N·${run.maxTokens}) Σᵢ Σₜ`;
    default:
      return o.normaliser satisfies never;
  }
}

function term(o: Objective): string {
  const ratio = o.ratio === "token" ? "ρᵢₜ" : "ρᵢ";
  switch (o.surrogate) {
    case "clip":
      return `min( ${ratio} Aᵢ, clip(${ratio}, ${number(1 - o.clipLow)}, ${number(1 + o.clipHigh)}) Aᵢ )`;
    case "cispo":
      return `sg(min(${ratio}, ${number(o.clipHigh)})) Aᵢ ln π(oᵢₜ)`;
    case "none":
      return "Aᵢ ln π(oᵢₜ)";
    default:
      return o.surrogate satisfies never;
  }
}

function advantage({ advantage: a }: Objective, { groupSize }: DescribedRun): string[] {
  const about =
    a.baseline === "mean"
      ? `m the mean of the ${groupSize} rewards of a problem`
      : `m the mean of the other ${groupSize - 1} rewards of the problem`;
  if (a.scale === "none") return [`Rᵢ − m, ${about}`];
  const epsilon = a.epsilon > 0 ? ` + ${number(a.epsilon)}` : "";
  const same = a.baseline === "mean" ? "of the same rewards" : `of all ${groupSize}`;
  const whose = a.scale === "group-std" ? same : "of all R − m of the step, constant groups left out";
  return [`(Rᵢ − m) / (s${epsilon}), ${about},`, `s the ${a.std} standard deviation ${whose}`];
}

function reward({ overlong }: Objective, { maxTokens }: DescribedRun): string {
  if (overlong.policy !== "shape") return "the reward of answer i";
  const buffer = bufferTokens(overlong, maxTokens);
  const slope = `${overlong.penalty === 1 ? "" : `${number(overlong.penalty)} `}(Lᵢ − ${maxTokens - buffer})/${buffer}`;
  return `the reward of answer i, less ${slope} if Lᵢ > ${maxTokens - buffer}`;
}

function klLines(o: Objective): string[] {
  const estimators = {
    k1: ["d", "k1; its gradient is zero in expectation: it holds nothing back"],
    k2: ["d²/2", "k2; on-policy its gradient is that of KL(π‖π_ref)"],
    k3: ["exp(−d) − 1 + d", "k3; on-policy its gradient is that of KL(π_ref‖π)"],
    unbiased: [
      "π(oᵢₜ)/π_old(oᵢₜ) (exp(−d) − 1 + d)",
      "k3 times the ratio; its gradient is that of KL(π‖π_ref), off-policy too",
    ],
  } as const;
  const [value, remark] = estimators[o.klEstimator];
  const reference =
    o.referenceRefresh > 0 ? `the policy, copied every ${o.referenceRefresh} updates` : "the policy at the start";
  return [`${value}, d = ln π(oᵢₜ)/π_ref(oᵢₜ), π_ref ${reference}`, `(${remark})`];
}

function surroundings(o: Objective, run: DescribedRun): string[] {
  const lines: [string, string][] = [
    ["A step", stepText(o, run)],
    ["Sums", "over the answers of one update, however it is split into micro-batches."],
    ["Sampling", samplingText(o)],
    ["Constant groups", constantText(o)],
    ["Truncated answers", truncationText(o, run)],
    ...(o.surrogate === "clip" && o.clipLow >= 1
      ? [
          ["Clipping", `${number(1 - o.clipLow)} is never met: only answers with A > 0 are clipped.`] as [
            string,
            string,
          ],
        ]
      : []),
    ["Printed loss", lossText(o)],
  ];
  return lines.map(([label, text]) => `  ${`${label}:`.padEnd(19)}${text}`);
}

function stepText(o: Objective, { groupSize, problemsPerStep }: DescribedRun): string {
  const updates = o.minibatches * o.innerEpochs;
  const sampled = `${problemsPerStep} problems × ${groupSize} answers, then`;
  if (updates === 1) {
    return `${sampled} one on-policy update${o.surrogate === "none" ? "." : ": every ratio is 1, nothing is clipped."}`;
  }
  const passes = o.innerEpochs === 1 ? "one pass" : `${o.innerEpochs} passes`;
  const split = o.minibatches === 1 ? "" : ` over ${o.minibatches} minibatches`;
  return `${sampled} ${updates} updates: ${passes}${split}, off-policy after the first.`;
}

function samplingText({ sampling }: Objective): string {
  const cuts = [
    ...(sampling.topP < 1 ? [`top-p ${number(sampling.topP)}`] : []),
    ...(sampling.topK > 0 ? [`top-k ${sampling.topK}`] : []),
  ];
  const cut = cuts.length > 0 ? `${cuts.join(", ")}, and π under the same cut` : "no top-p, no top-k";
  const temperature = number(sampling.temperature);
  return `temperature ${temperature}, ${cut}.${temperature === "1" ? "" : ` π is softmax(logits/${temperature}).`}`;
}

function constantText({ dynamicSampling }: Objective): string {
  const left = "left out of the loss and its normaliser.";
  if (!dynamicSampling.enabled) return `(rewards all equal) ${left}`;
  return `(rewards all equal) refilled with fresh problems in at most ${dynamicSampling.maxRounds} rounds, else ${left}`;
}

function truncationText({ overlong }: Objective, { maxTokens }: DescribedRun): string {
  const at = `(cut at ${maxTokens} tokens)`;
  switch (overlong.policy) {
    case "keep":
      return `${at} trained on like any other, with the reward they got.`;
    case "mask":
      return `${at} left out of the loss and its normaliser; their rewards count in m and s.`;
    case "shape":
      return `${at} trained on, with ${number(overlong.penalty)} taken off their reward.`;
    default:
      return overlong.policy satisfies never;
  }
}

function lossText(o: Objective): string {
  const kl = o.klCoef > 0 ? `, plus ${number(o.klCoef)} KL` : "";
  if (o.surrogate !== "clip")
    return `mean of −A ln π${kl}. Its gradient teaches, its value says little: watch the reward.`;
  const rest = o.normaliser === "sequence" ? "" : ", up to its link with length";
  return `−J, about 0${kl}: at ratio 1 it averages A, which sums to 0 in a group${rest}. Its gradient is not.`;
}

/** Without binary rounding (1 + 0.28 is 1.28) and with a true minus sign. */
function number(value: number): string {
  return String(Number(value.toPrecision(12))).replaceAll("-", "−");
}
