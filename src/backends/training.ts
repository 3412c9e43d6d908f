import { AutodidactError } from "../errors.ts";

export const backendNames = ["embedded", "llama.cpp", "openai"] as const;
export type BackendName = (typeof backendNames)[number];

const why: Readonly<Record<Exclude<BackendName, "embedded">, string>> = {
  "llama.cpp":
    "llama.cpp computes no gradient, and its quantised weights give other log-probabilities than those trained",
  openai:
    "an endpoint gives neither gradients nor weights, and its log-probabilities are not those of the weights trained",
};

/** Training computes with the embedded engine only. @throws AutodidactError BACKEND_TRAINING with the reason */
export function refuseForTraining(backend: string): void {
  if (backend === "embedded") return;
  const reason = Object.hasOwn(why, backend) ? why[backend as keyof typeof why] : "only the embedded engine trains";
  throw new AutodidactError(
    "BACKEND_TRAINING",
    `backend: is ${backend}; ${reason}; leave it out to train with the embedded engine. To learn from another model's answers, sample them (sample --prompts) and train on them with sft`,
  );
}
