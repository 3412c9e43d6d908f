/**
 * Norm of all gradients taken as one vector, summed in double precision. Not finite where one of them isn't: then no
 * update should be made.
 */
export function globalNorm(grads: Iterable<Float32Array>): number {
  let total = 0;
  for (const grad of grads) {
    for (let i = 0; i < grad.length; i++) total += grad[i]! * grad[i]!;
  }
  return Math.sqrt(total);
}

/**
 * The factor that brings gradients of the given global norm down to `maxNorm`, 1 where they are within it; torch's
 * clip_grad_norm_, its 1e-6 included. Infinity never clips.
 */
export function clipScale(norm: number, maxNorm: number): number {
  return norm <= maxNorm ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
}

/** Multiplies every gradient by `factor`, in place. */
export function scaleInPlace(grads: Iterable<Float32Array>, factor: number): void {
  for (const grad of grads) {
    for (let i = 0; i < grad.length; i++) grad[i]! *= factor;
  }
}
