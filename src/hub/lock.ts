/** File layer. One process at a time does a thing. */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { pause } from "../endpoint/post.ts";

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called while another process holds the lock. */
  readonly onWait?: () => unknown;
  /** Milliseconds without a sign of life after which the holder is taken for dead. @default 30000 */
  readonly staleMs?: number;
  /** @default 200 */
  readonly pollMs?: number;
}

/**
 * Runs `work` while holding the lock file at `path`, waiting for whoever holds it. The holder touches its file; one that was killed is
 * noticed by its process id on the same machine, or by the age of its file. Node has no flock, which Python's tools use.
 *
 * Two that take over a dead holder's lock in the same instant could both hold it: what is done under it must stay right then, if wastefully.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { signal, onWait, staleMs = 30_000, pollMs = 200 } = options;
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), token: randomUUID() });
  await mkdir(dirname(path), { recursive: true });
  for (;;) {
    try {
      await writeFile(path, mine, { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (await isDead(path, staleMs)) {
      const aside = `${path}.${randomUUID()}`;
      await rename(path, aside).catch(() => {});
      await rm(aside, { force: true });
      continue;
    }
    await onWait?.();
    await pause(pollMs, signal);
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, staleMs / 6);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await readFile(path, "utf8").catch(() => "")) === mine) await rm(path, { force: true });
  }
}

async function isDead(path: string, staleMs: number): Promise<boolean> {
  const [info, text] = await Promise.all([stat(path), readFile(path, "utf8")]).catch(() => [null, ""] as const);
  if (info === null) return false; // given back meanwhile
  if (Date.now() - info.mtimeMs > staleMs) return true;
  try {
    const { pid, host } = JSON.parse(text) as { readonly pid?: unknown; readonly host?: unknown };
    if (host !== hostname() || typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0) return false;
    if (pid === process.pid) return false;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
