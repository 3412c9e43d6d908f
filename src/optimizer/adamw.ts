/** One AdamW update's settings. */
export interface AdamWStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled: weights shrink by learningRate x weightDecay, whatever their gradient. */
  readonly weightDecay: number;
  /** 1 for the first update; bias correction depends on it. */
  readonly step: number;
  /** The gradient is multiplied by this as it is read: clipping without a pass of its own. @default 1 */
  readonly gradScale?: number;
}

/**
 * AdamW (Loshchilov and Hutter, 1711.05101, algorithm 2; the arithmetic of torch.optim.AdamW), in place on `param`, `m`
 * and `v`, which have one length. Sums are in double precision, stored in single.
 */
export function adamwStep(
  param: Float32Array,
  grad: Float32Array,
  m: Float32Array,
  v: Float32Array,
  { learningRate, beta1, beta2, epsilon, weightDecay, step, gradScale = 1 }: AdamWStep,
): void {
  const keep = 1 - learningRate * weightDecay;
  const stepSize = learningRate / (1 - beta1 ** step);
  const correction2 = Math.sqrt(1 - beta2 ** step);
  for (let i = 0; i < param.length; i++) {
    const g = grad[i]! * gradScale;
    const mean = beta1 * m[i]! + (1 - beta1) * g;
    const square = beta2 * v[i]! + (1 - beta2) * g * g;
    m[i] = mean;
    v[i] = square;
    param[i] = keep * param[i]! - (stepSize * mean) / (Math.sqrt(square) / correction2 + epsilon);
  }
}

/** Weight decay is for matrices only: shrinking norms' gains or biases regularises nothing. */
export function decays(shape: readonly number[]): boolean {
  return shape.length === 2;
}
