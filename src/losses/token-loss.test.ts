import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gradients } from "../autodiff/gradients.ts";
import * as ops from "../autodiff/ops.ts";
import type { KlEstimator, Loss } from "../engine/engine.ts";
import { referenceRuntime } from "../engine/reference.ts";
import { random } from "../random.ts";
import { klTerm, sequenceRatio, surrogateTerm } from "./reference-values.ts";
import { tokenLoss } from "./token-loss.ts";

/**
 * The losses as graphs, run in double precision: against plain numbers, published values and finite differences. The
 * settings (clip, klCoef) are single precision in a graph, hence a tolerance of 1e-7.
 */

type PolicyGradient = Extract<Loss, { name: "policy-gradient" }>;

const clip: PolicyGradient = {
  name: "policy-gradient",
  surrogate: "clip",
  ratio: "token",
  clipLow: 0.2,
  clipHigh: 0.2,
  klCoef: 0,
  klEstimator: "k3",
  temperature: 1,
};

/** Each (B, T), row by row. */
interface Batch {
  readonly logprobs: readonly number[][];
  readonly weights?: readonly number[][];
  readonly completion?: readonly number[][];
  readonly advantages?: readonly number[][];
  readonly oldLogprobs?: readonly number[][];
  readonly referenceLogprobs?: readonly number[][];
}

/** The loss, and its gradient with respect to each log pi. */
async function run(loss: Loss, batch: Batch): Promise<{ loss: number; gradient: number[] }> {
  const like = (value: number): number[][] => batch.logprobs.map((row) => row.map(() => value));
  const all = {
    weights: like(1),
    completion: like(1),
    advantages: like(0),
    oldLogprobs: like(0),
    referenceLogprobs: like(0),
    ...batch,
  };
  const node = (name: string) => ops.input(name, ["B", "T"]);
  const logprobs = node("logprobs");
  const scalar = tokenLoss(loss, logprobs, {
    weights: node("weights"),
    completion: node("completion"),
    advantages: node("advantages"),
    oldLogprobs: node("oldLogprobs"),
    referenceLogprobs: node("referenceLogprobs"),
  });
  const [gradient] = gradients(scalar, [logprobs]);
  const program = await referenceRuntime("float64").compile({
    outputs: new Map([
      ["loss", scalar],
      ["gradient", gradient!],
    ]),
  });
  const shape = [batch.logprobs.length, batch.logprobs[0]!.length];
  const out = await program.run(
    Object.fromEntries(
      Object.entries(all).map(([name, rows]) => [name, { shape, data: Float64Array.from(rows.flat()) }]),
    ),
  );
  return { loss: Number(out.loss!.data[0]), gradient: Array.from(out.gradient!.data, Number) };
}

function near(found: number, wanted: number, message = "", tolerance = 1e-6): void {
  assert.ok(
    Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted)),
    `${message} ${found}, not ${wanted}`,
  );
}

describe("published numbers", () => {
  /** One token at ratio rho: the value to be maximised and its derivative with respect to log pi. */
  const atRatio = async (loss: Loss, rho: number, advantage: number) => {
    const result = await run(loss, { logprobs: [[Math.log(rho)]], advantages: [[advantage]] });
    return { value: -result.loss, derivative: -result.gradient[0]! };
  };

  for (const { advantage, clipHigh, rows } of [
    {
      advantage: 1,
      clipHigh: 0.2,
      rows: [
        [0.5, 0.5],
        [0.9, 0.9],
        [1.1, 1.1],
        [1.25, 1.2, "clipped"],
        [1.5, 1.2, "clipped"],
      ],
    },
    {
      advantage: -1,
      clipHigh: 0.2,
      rows: [
        [0.5, -0.8, "clipped"],
        [0.9, -0.9],
        [1.1, -1.1],
        [1.25, -1.25],
        [1.5, -1.5],
      ],
    },
    {
      advantage: 1,
      clipHigh: 0.28,
      rows: [
        [1.25, 1.25],
        [1.5, 1.28, "clipped"],
      ],
    },
  ] as const)
    test(`clip .2/${clipHigh} at advantage ${advantage}`, async () => {
      for (const [rho, value, clipped] of rows) {
        const found = await atRatio({ ...clip, clipHigh }, rho, advantage);
        near(found.value, value, `rho ${rho}`);
        // d(rho A)/d log pi = rho A; a clipped token has no gradient.
        near(found.derivative, clipped === undefined ? rho * advantage : 0, `derivative at rho ${rho}`);
      }
    });

  test("on-policy, at ratio 1, the gradient is whole: A for each token", async () => {
    for (const advantage of [1, -1])
      for (const bounds of [
        { clipLow: 0.2, clipHigh: 0.2 },
        { clipLow: 0, clipHigh: 0 },
      ]) {
        const { value, derivative } = await atRatio({ ...clip, ...bounds }, 1, advantage);
        near(value, advantage);
        near(derivative, advantage);
      }
  });

  test("k1, k2, k3 and their gradients", async () => {
    const rows: readonly [d: number, k1: number, k2: number, k3: number][] = [
      [1, 1, 0.5, 0.367879],
      [-1, -1, 0.5, 0.718282],
      [3, 3, 4.5, 2.049787],
      [-3, -3, 4.5, 16.085537],
    ];
    for (const [d, ...expected] of rows) {
      const slopes = [1, d, 1 - Math.exp(-d)];
      for (const [i, klEstimator] of (["k1", "k2", "k3"] as const).entries()) {
        const { loss, gradient } = await run(
          { ...clip, klCoef: 1, klEstimator },
          { logprobs: [[d]], oldLogprobs: [[d]] },
        );
        near(loss, expected[i]!, `${klEstimator} at ${d}`);
        near(gradient[0]!, slopes[i]!, `slope of ${klEstimator} at ${d}`);
      }
    }
  });

  test("the unbiased estimator's gradient is d, the gradient of the KL itself", async () => {
    // E[rho k3]' = E[rho (k3 + k3')] = E[rho d], with rho = 1 as sampled (DeepSeek-V3.2, 2512.02556).
    for (const d of [0.3, -0.3, 1, -1]) {
      const batch = { logprobs: [[d]], oldLogprobs: [[d]] };
      const { loss, gradient } = await run({ ...clip, klCoef: 1, klEstimator: "unbiased" }, batch);
      near(loss, Math.exp(-d) - 1 + d);
      near(gradient[0]!, d, `at ${d}`);
    }
  });

  test("GSPO: one ratio for the answer, 1.068939 for log-ratios .1, -.2, .3", async () => {
    const loss: Loss = { ...clip, ratio: "sequence", clipLow: 1, clipHigh: 1 };
    const logprobs = [[0.1, -0.2, 0.3, -9]];
    const completion = [[1, 1, 1, 0]];
    const third = [[1 / 3, 1 / 3, 1 / 3, 0]];
    const found = await run(loss, { logprobs, completion, weights: third, advantages: [[1, 1, 1, 1]] });
    near(-found.loss, 1.068939);
    // d rho / d log pi_t = rho / 3 for each token of the answer, none for what is not.
    for (const t of [0, 1, 2]) near(-found.gradient[t]!, 1.068939 / 3);
    near(found.gradient[3]!, 0);
    const clipped = await run(
      { ...loss, clipHigh: 0.05 },
      { logprobs, completion, weights: third, advantages: [[1, 1, 1, 1]] },
    );
    near(-clipped.loss, 1.05);
    assert.deepEqual(clipped.gradient.map(Math.abs), [0, 0, 0, 0]);
  });

  test("CISPO: the capped weight is a constant, and every token keeps its gradient", async () => {
    const loss: Loss = { ...clip, surrogate: "cispo", clipLow: 0, clipHigh: 5 };
    for (const rho of [0.1, 1, 4.9, 50])
      for (const advantage of [1, -0.5]) {
        const { value, derivative } = await atRatio(loss, rho, advantage);
        near(value, Math.min(rho, 5) * advantage * Math.log(rho));
        near(derivative, Math.min(rho, 5) * advantage);
      }
  });

  test("DeepSeekMath's objective is 0 where advantages cancel, its gradient is not; DAPO's is .125", async () => {
    // L = [3, 1, 2, 2], A = [.5, -.5, -.5, .5], ratio 1: the token weights of each paper.
    const lengths = [3, 1, 2, 2];
    const A = [0.5, -0.5, -0.5, 0.5];
    const rows = (make: (i: number) => number): number[][] =>
      lengths.map((length, i) => [0, 1, 2].map((t) => (t < length ? make(i) : 0)));
    const batch = { logprobs: rows(() => 0), completion: rows(() => 1), advantages: rows((i) => A[i]!) };
    const grpo = await run(clip, { ...batch, weights: rows((i) => 1 / (4 * lengths[i]!)) });
    near(grpo.loss, 0);
    near(-grpo.gradient[0]!, 0.041667, "", 1e-4);
    near(-grpo.gradient[3]!, -0.125);
    const dapo = await run(clip, { ...batch, weights: rows(() => 1 / 8) });
    near(-dapo.loss, 0.125);
    for (const gradient of [0, 1, 2].map((t) => dapo.gradient[t]!)) near(-gradient, 0.0625);
  });
});

const estimators: readonly KlEstimator[] = ["k1", "k2", "k3", "unbiased"];
const kinds: Loss[] = [
  { name: "cross-entropy" },
  ...(["clip", "cispo", "none"] as const).flatMap((surrogate) =>
    (["token", "sequence"] as const).flatMap((ratio) => [
      { ...clip, surrogate, ratio },
      ...estimators.map((klEstimator) => ({ ...clip, surrogate, ratio, klCoef: 0.3, klEstimator })),
    ]),
  ),
];
const nameOf = (loss: Loss): string =>
  loss.name === "cross-entropy"
    ? loss.name
    : `${loss.surrogate} by ${loss.ratio}${loss.klCoef > 0 ? ` with ${loss.klEstimator}` : ""}`;

/** Three answers of up to five tokens behind prompts, near enough to the old policy for both sides of the clip. */
function someBatch(key: string): Required<Batch> {
  const stream = random("token-loss", key);
  const grid = (make: () => number): number[][] => [0, 1, 2].map(() => [0, 1, 2, 3, 4].map(make));
  const completion = [
    [0, 1, 1, 1, 1],
    [0, 0, 1, 1, 0],
    [1, 1, 1, 1, 1],
  ];
  const oldLogprobs = grid(() => -0.5 - 2 * stream.next());
  return {
    completion,
    oldLogprobs,
    logprobs: oldLogprobs.map((row) => row.map((old) => old + 0.4 * stream.normal())),
    referenceLogprobs: oldLogprobs.map((row) => row.map((old) => old + 0.5 * stream.normal())),
    weights: completion.map((row) => row.map((inside) => inside * (0.05 + 0.1 * stream.next()))),
    // One answer, one advantage.
    advantages: completion.map((row) => {
      const advantage = stream.normal();
      return row.map(() => advantage);
    }),
  };
}

describe("every kind of loss", () => {
  for (const loss of kinds)
    test(`${nameOf(loss)}: value as in plain numbers`, async () => {
      const batch = someBatch(nameOf(loss));
      let expected = 0;
      for (const [b, row] of batch.logprobs.entries()) {
        const inside = row.map((_, t) => t).filter((t) => batch.completion[b]![t] === 1);
        const of = (values: readonly number[][]): number[] => inside.map((t) => values[b]![t]!);
        const whole = sequenceRatio(of(batch.logprobs), of(batch.oldLogprobs));
        for (const t of inside) {
          const logprob = row[t]!;
          const weight = batch.weights[b]![t]!;
          if (loss.name === "cross-entropy") {
            expected -= weight * logprob;
            continue;
          }
          const token = Math.exp(logprob - batch.oldLogprobs[b]![t]!);
          const { value } = surrogateTerm(
            loss.ratio === "token" ? token : whole,
            batch.advantages[b]![t]!,
            logprob,
            loss,
          );
          const kl = klTerm(logprob - batch.referenceLogprobs[b]![t]!, loss.klEstimator, token);
          expected += weight * (loss.klCoef * kl - value);
        }
      }
      near((await run(loss, batch)).loss, expected, "", 1e-7);
    });

  for (const loss of kinds)
    test(`${nameOf(loss)}: gradient as by finite differences`, async () => {
      // CISPO's weight is a constant to the gradient: it stands still at the ratio of `old` while log pi moves, which no
      // difference of losses shows. What may be compared is on-policy under a cap that holds, or the plain-number form.
      if (loss.name === "policy-gradient" && loss.surrogate === "cispo") return compareCispo(loss);
      const batch = someBatch(nameOf(loss));
      const { gradient } = await run(loss, batch);
      const h = 1e-6;
      for (let at = 0; at < 15; at++) {
        const shifted = (by: number): Batch => ({
          ...batch,
          logprobs: batch.logprobs.map((row, b) => row.map((x, t) => (b * 5 + t === at ? x + by : x))),
        });
        const slope = ((await run(loss, shifted(h))).loss - (await run(loss, shifted(-h))).loss) / (2 * h);
        near(gradient[at]!, slope, `token ${at}:`, 1e-7);
      }
    });

  /** The weight of each token taken from the batch as it is, and its slope by differences of weight x A log pi and KL. */
  async function compareCispo(loss: PolicyGradient): Promise<void> {
    const batch = someBatch(nameOf(loss));
    const { gradient } = await run(loss, batch);
    const withoutSurrogate = { ...batch, advantages: batch.advantages.map((row) => row.map(() => 0)) };
    const kl = (await run(loss, withoutSurrogate)).gradient;
    for (const [b, row] of batch.logprobs.entries()) {
      const inside = row.map((_, t) => t).filter((t) => batch.completion[b]![t] === 1);
      const of = (values: readonly number[][]): number[] => inside.map((t) => values[b]![t]!);
      const whole = sequenceRatio(of(batch.logprobs), of(batch.oldLogprobs));
      for (const [t, logprob] of row.entries()) {
        const rho = loss.ratio === "token" ? Math.exp(logprob - batch.oldLogprobs[b]![t]!) : whole;
        const slope = -batch.weights[b]![t]! * surrogateTerm(rho, batch.advantages[b]![t]!, logprob, loss).derivative;
        near(gradient[b * 5 + t]!, slope + kl[b * 5 + t]!, `answer ${b}, token ${t}:`, 1e-7);
      }
    }
  }
});
