import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { z } from "zod";

/** Version of this package. Its package.json lies two folders above src/run, three above dist/src/run. */
export const version: string = (() => {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const found = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")) as {
        name?: string;
        version?: string;
      };
      if (found.name === "autodidact" && found.version) return found.version;
    } catch {
      // not there: one folder higher
    }
  }
  return "unknown";
})();

/** The machine and the program, as far as they bear on the figures of a run. */
export const environmentSchema = z.object({
  cpu: z.string(),
  /** Cores that this process may use. */
  cores: z.int(),
  memoryGiB: z.number(),
  /** "linux x64 6.8.0". */
  system: z.string(),
  node: z.string(),
  autodidact: z.string(),
  /** "onnxruntime/cpu" for instance. */
  engine: z.string(),
});
export type Environment = z.infer<typeof environmentSchema>;

/** `engine` is the name that the engine gives itself. */
export function environment(engine: string): Environment {
  return {
    cpu: cpus()[0]?.model.trim() || "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    system: `${platform()} ${arch()} ${release()}`,
    node: process.versions.node,
    autodidact: version,
    engine,
  };
}

/** The most memory that this process has had at one time, all its threads together. */
export const peakMemoryMiB = (): number => Math.round(process.resourceUsage().maxRSS / 1024);

/** What differs between the machine that began a run and this one: "node was 20.19.0, is 22.3.0". */
export function environmentChanges(before: Environment, now: Environment): string[] {
  return (Object.keys(now) as (keyof Environment)[])
    .filter((field) => before[field] !== now[field])
    .map((field) => `${field} was ${before[field]}, is ${now[field]}`);
}
