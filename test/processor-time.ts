/**
 * Processor milliseconds of `work`, the best of some calls behind a first one: the clock on the wall also counts what other
 * programs do, and a single call what the compiler and the collector do beside it. Stops as soon as one is under `enough`.
 */
export function processorTime(work: () => unknown, enough = 0, calls = 10): number {
  work();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < calls && least > enough; i++) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
