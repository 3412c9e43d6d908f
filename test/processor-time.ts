/**
 * Processor milliseconds of `work`, the best of some calls behind a first one: the clock on the wall also counts what other
 * programs do, and a single call what the compiler and the collector do beside it. Stops as soon as one is under `enough`.
 */
export async function processorTime(work: () => unknown, enough: number, calls = 10): Promise<number> {
  await work();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < calls && least > enough; i++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
