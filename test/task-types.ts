/**
 * What the compiler must refuse. Nothing here runs: the build type-checks it, and an expected error that does not come is
 * an error itself.
 */
import { defineTask, grpo, type Policy, type Problem } from "../src/index.ts";
import type { GrpoOptions } from "../src/trainers/grpo.ts";

const fine = { weight: 1, verify: () => ({ reward: 1, reason: "correct" }) };
const one = [{ id: "1", prompt: "?", level: 1 }];
const all = { name: "all", problems: () => one, gold: () => "" };

defineTask({ ...all, rewards: { accuracy: fine } });

// @ts-expect-error a misspelt field of the task
defineTask({ ...all, rewards: { accuracy: fine }, rewrads: {} });
// @ts-expect-error a field that is missing
defineTask({ name: "all", problems: () => one, rewards: { accuracy: fine } });
// @ts-expect-error the part that pass@1 counts is misspelt
defineTask({ ...all, rewards: { acuracy: fine } });
// @ts-expect-error a misspelt field of a reward
defineTask({ ...all, rewards: { accuracy: { wieght: 1, verify: fine.verify } } });
// @ts-expect-error a misspelt field beside the right ones
defineTask({ ...all, rewards: { accuracy: { ...fine, dedline: 5 } } });
// @ts-expect-error in a second reward too
defineTask({ ...all, rewards: { accuracy: fine, format: { weight: 0, verfiy: fine.verify } } });
// @ts-expect-error a verdict without a reason
defineTask({ ...all, rewards: { accuracy: { weight: 1, verify: () => ({ reward: 1 }) } } });
// @ts-expect-error a misspelt field of a verdict
defineTask({ ...all, rewards: { accuracy: { weight: 1, verify: () => ({ reward: 1, raeson: "correct" }) } } });
// @ts-expect-error a problem without a level
defineTask({ ...all, problems: () => [{ id: "1", prompt: "?" }], rewards: { accuracy: fine } });

/** The type of the problems is that of what is yielded; it flows into verifier and gold. */
const sum = defineTask({
  name: "sum",
  *problems(_split, random) {
    for (;;) {
      const total = random.int(1, 9);
      yield { id: `${total}`, prompt: `${total}?`, level: 1, total };
    }
  },
  rewards: {
    accuracy: {
      weight: 1,
      verify: ({ text }, { total }) => ({ reward: Number(text) === total ? 1 : 0, reason: "graded" }),
    },
    format: {
      weight: 0,
      // @ts-expect-error a field that no problem has
      verify: ({ text }, { totl }) => ({ reward: Number(text) === totl ? 1 : 0, reason: "graded" }),
    },
  },
  gold: ({ total }) => total.toFixed(),
});

/** And the names of the rewards are those of the metrics. */
export async function metricNames(policy: Policy, options: GrpoOptions): Promise<void> {
  for await (const { metrics } of grpo(policy, sum, options)) {
    metrics.rewardParts["reward/format"].toFixed();
    // @ts-expect-error no reward of this name
    metrics.rewardParts["reward/fromat"].toFixed();
    // @ts-expect-error a metric of this name does not exist
    metrics.verifierErorShare;
  }
}

interface Named extends Problem {
  readonly total: number;
}
/** With the problems' type written out the rest is checked as well. */
defineTask<Named>({
  ...all,
  problems: () => [{ id: "1", prompt: "?", level: 1, total: 1 }],
  rewards: {
    accuracy: { weight: 1, verify: (_answer, { total }) => ({ reward: total, reason: "graded" }) },
    // @ts-expect-error a misspelt field of a reward
    format: { weigth: 1, verify: fine.verify },
  },
});
