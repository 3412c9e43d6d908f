/**
 * File layer. The cache that Hugging Face's own tools use (`$HF_HOME/hub/KIND--OWNER--NAME/{blobs,refs,snapshots}`), so that what
 * one has fetched the other finds.
 */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, stat, statfs, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { writeError } from "../checkpoint/files.ts";
import { AutodidactError } from "../errors.ts";
import { bytesText } from "./bytes-text.ts";
import { download, sizeOf } from "./download.ts";
import { askListing, type HubFile, type HubListing, listingSchema, type Repo, repoName } from "./listing.ts";
import { withLock } from "./lock.ts";
import type { HubSettings } from "./settings.ts";

/** A revision of a repository, as far as the hub or the cache tells. */
export interface CachedRepo extends HubListing {
  readonly repo: Repo;
  /** Its folder in the cache. */
  readonly folder: string;
  /** False where nobody said which files there are: they are those that another tool has left in the cache. */
  readonly whole: boolean;
  /** Why nobody can be asked for what the cache lacks; null while the hub answers. */
  readonly unreachable: AutodidactError | null;
}

/** @throws HUB_NETWORK always: these files are not in the cache, and nobody can be asked for them */
export function refuseMissing({ folder, unreachable }: CachedRepo, names: readonly string[]): never {
  const some = `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
  throw new AutodidactError("HUB_NETWORK", `${unreachable!.message}; the cache (${folder}) lacks ${some}`, {
    cause: unreachable,
  });
}

/** Path parts that stay inside a folder on every system. */
const staysInside = (path: string): boolean =>
  !path.split("/").some((part) => /^\.*$/.test(part) || /[\\:\0]/.test(part));

/**
 * Which commit a revision is and what files it has: asked of the hub, or found in the cache where the hub cannot be reached or must not
 * be asked. A commit never changes: what the hub said of it is kept beside the cache, and the hub is not asked again.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED, and those of writing
 */
export async function openRepo(repo: Repo, revision: string, settings: HubSettings): Promise<CachedRepo> {
  const folder = join(settings.cache, `${repo.kind}s--${repo.id.replaceAll("/", "--")}`);
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  const named = isCommit || staysInside(revision);
  const ref = join(folder, "refs", ...revision.split("/"));
  const known = async (): Promise<{ listing: HubListing; whole: boolean } | null> => {
    const commit = isCommit ? revision : named ? (await readFile(ref, "utf8").catch(() => "")).trim() : "";
    if (!/^[0-9a-f]{6,64}$/.test(commit)) return null;
    const kept = await readKept(folder, commit);
    if (kept !== null) return { listing: kept, whole: true };
    const files = await snapshotFiles(join(folder, "snapshots", commit));
    return files.length > 0 ? { listing: { id: repo.id, commit, files }, whole: false } : null;
  };
  const what = repoName(repo, revision);
  if (isCommit || settings.offline) {
    const found = await known();
    if (found?.whole && !settings.offline) return { ...found.listing, repo, folder, whole: true, unreachable: null };
    if (settings.offline) {
      const unreachable = new AutodidactError(
        "HUB_NETWORK",
        `${what}: HF_HUB_OFFLINE says to ask nobody, unset it to download what is not in the cache`,
      );
      if (found) return { ...found.listing, repo, folder, whole: found.whole, unreachable };
      throw new AutodidactError(
        "HUB_NETWORK",
        `${what} is not in the cache (${folder}); unset HF_HUB_OFFLINE to download it`,
      );
    }
  }
  try {
    const listing = await askListing(repo, revision, settings.address);
    // Kept for the next time, where the cache can be written to: one that has everything serves as it is.
    await keep(keptPath(folder, listing.commit), JSON.stringify(listing));
    if (!isCommit && named) await keep(ref, listing.commit);
    return { ...listing, repo, folder, whole: true, unreachable: null };
  } catch (error) {
    if (!(error instanceof AutodidactError) || error.code !== "HUB_NETWORK") throw error;
    const found = await known();
    if (found === null) {
      throw new AutodidactError("HUB_NETWORK", `${error.message}; the cache has no copy either (${folder})`, {
        cause: error,
      });
    }
    settings.onNote?.(`${error.message}. Using the copy in the cache: commit ${found.listing.commit}`);
    return { ...found.listing, repo, folder, whole: found.whole, unreachable: error };
  }
}

const keptPath = (folder: string, commit: string): string => join(folder, "autodidact", `${commit}.json`);

async function readKept(folder: string, commit: string): Promise<HubListing | null> {
  const text = await readFile(keptPath(folder, commit), "utf8").catch(() => "");
  try {
    return listingSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** What another tool has downloaded of a commit: sizes only, since nothing else is known. */
async function snapshotFiles(snapshot: string): Promise<HubFile[]> {
  const names = await readdir(snapshot, { recursive: true }).catch(() => []);
  const files = await Promise.all(
    names.map(async (name): Promise<HubFile[]> => {
      const info = await stat(join(snapshot, name)).catch(() => null);
      if (!info?.isFile()) return [];
      return [{ path: name.replaceAll("\\", "/"), size: info.size, sha256: null, gitOid: null }];
    }),
  );
  return files.flat();
}

async function keep(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(beside, text);
    await rename(beside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/**
 * Paths in the cache of some files of a repository, downloaded where they aren't there. Before the first byte, the disk is asked whether
 * all will fit. Several processes may ask at once: each file is downloaded by one, and the others wait for it.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED, FILE_NO_SPACE, and those of writing
 */
export async function cachedFiles(
  from: CachedRepo,
  files: readonly HubFile[],
  settings: HubSettings,
): Promise<string[]> {
  const wanted = files.map((file) => ({ file, ...places(from, file) }));
  try {
    await bring(from, wanted, settings);
  } catch (error) {
    settings.signal?.throwIfAborted();
    const known = writeError(error, from.folder, 0);
    if (known === error || !(known instanceof AutodidactError)) throw error;
    throw new AutodidactError(
      known.code,
      `${known.message}. HF_HOME or HF_HUB_CACHE says where the cache lies, and HF_HUB_OFFLINE=1 takes what is in it`,
      { cause: error },
    );
  }
  return wanted.map(({ path }) => path);
}

interface Wanted extends ReturnType<typeof places> {
  readonly file: HubFile;
}

async function bring(from: CachedRepo, wanted: readonly Wanted[], settings: HubSettings): Promise<void> {
  const missing: Wanted[] = [];
  let present = 0;
  for (const one of wanted) {
    if ((await sizeOf(one.path)) === one.file.size) continue;
    if ((await sizeOf(one.blob)) === one.file.size) {
      await link(one.blob, one.path, settings.symlinks, false);
      continue;
    }
    missing.push(one);
    present += Math.min((await sizeOf(`${one.blob}.incomplete`)) ?? 0, one.file.size);
  }
  const allSize = missing.reduce((sum, { file }) => sum + file.size, 0);
  if (missing.length > 0) {
    if (from.unreachable !== null)
      refuseMissing(
        from,
        missing.map(({ file }) => file.path),
      );
    await mkdir(join(from.folder, "blobs"), { recursive: true });
    await checkSpace(from, allSize - present, settings);
  }
  let allBytes = 0;
  for (const { file, name, path, blob } of missing) {
    const onBytes = (bytes: number): void =>
      settings.onProgress?.({ file: name, bytes, size: file.size, allBytes: allBytes + bytes, allSize });
    const url = `${settings.address.endpoint}/${from.repo.kind === "dataset" ? "datasets/" : ""}${from.repo.id}/resolve/${from.commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
    const part = `${blob}.incomplete`;
    const onWait = async (): Promise<void> => onBytes((await sizeOf(part)) ?? 0);
    await withLock(
      `${blob}.lock`,
      async () => {
        // Another process may have brought it while this one waited; without links it then lies in the snapshot alone.
        const fresh = (await sizeOf(path)) !== file.size && (await sizeOf(blob)) !== file.size;
        if (fresh) {
          await download({ ...file, name, url }, part, settings, onBytes);
          await rename(part, blob);
        }
        if ((await sizeOf(path)) !== file.size) await link(blob, path, settings.symlinks, fresh);
      },
      { signal: settings.signal, onWait },
    );
    allBytes += file.size;
  }
}

function places(from: CachedRepo, file: HubFile): { name: string; path: string; blob: string } {
  const name = `${from.repo.kind === "dataset" ? "hf:" : ""}${from.repo.id}/${file.path}`;
  if (!staysInside(file.path)) {
    throw new AutodidactError("HUB_DAMAGED", `${name} has a path that no file can have; take another mirror`);
  }
  const parts = file.path.split("/");
  const hash = file.sha256 ?? file.gitOid;
  return {
    name,
    path: join(from.folder, "snapshots", from.commit, ...parts),
    blob: join(from.folder, "blobs", hash ?? `${from.commit}-${parts.join("--")}`),
  };
}

const linksTo = (target: string, path: string): Promise<boolean> =>
  symlink(target, path).then(
    () => true,
    () => false,
  );

/** Not every file system has links: then a new file goes to its place itself, and one that others may use is copied. */
async function link(blob: string, path: string, symlinks: boolean, fresh: boolean): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  // Renamed into its place: another process that reads the file meanwhile finds the old one or the new one, never none.
  const beside = `${path}.${randomUUID()}.incomplete`;
  const linked = symlinks && (await linksTo(relative(dirname(path), blob), beside));
  if (!linked && fresh) return rename(blob, path);
  if (!linked) await copyFile(blob, beside);
  await rename(beside, path);
}

async function checkSpace({ repo, folder }: CachedRepo, needed: number, settings: HubSettings): Promise<void> {
  const free = await (settings.freeBytes ?? freeBytes)(folder);
  if (needed <= free) return;
  throw new AutodidactError(
    "FILE_NO_SPACE",
    `${repoName(repo)}: the download needs ${bytesText(needed)}, the disk of ${folder} has ${bytesText(free)} free; free some space, or name a directory on another disk in HF_HOME`,
  );
}

async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY; // some network disks don't say; a full one is noticed while writing
  }
}
