import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { currentDirectory } from "../checkpoint/files.ts";
import { AutodidactError } from "../errors.ts";
import { bytesText } from "../hub/bytes-text.ts";
import { type HubModel, hubModel } from "../hub/model.ts";
import { looksLikePath, type ModelId, parseModelId } from "../hub/model-id.ts";
import type { DownloadProgress, HubOptions } from "../hub/settings.ts";
import { shippedModel } from "../recipe/defaults.ts";
import type { RunObserver } from "./observer.ts";

export interface LocateOptions {
  readonly signal?: AbortSignal | undefined;
  /** Sees a download: what it is, how far it has come, how fast. */
  readonly observer?: Pick<RunObserver, "phase" | "progress" | "note"> | undefined;
  /** Relative paths start here. @default process.cwd() */
  readonly cwd?: string | undefined;
  readonly hub?: HubOptions | undefined;
}

/** Where the base model lies that ships with the package. */
const shippedPath = fileURLToPath(new URL(`../../../models/${shippedModel}`, import.meta.url));

/** Where a model lies on this machine, a directory or a .gguf file, and which commit of which repository it is. */
export interface LocatedModel {
  readonly path: string;
  readonly hub: Pick<HubModel, "id" | "commit" | "file"> | null;
}

/**
 * Finds a model on this machine, or brings it here from the hub. A run directory stands for what the run has trained.
 *
 * @throws AutodidactError MODEL_DIRECTORY where a path leads nowhere; RUN_UNFINISHED; HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED, HUB_MODEL,
 *   FILE_NO_SPACE
 */
export async function locateModel(spec: string, options: LocateOptions = {}): Promise<LocatedModel> {
  const { signal, observer, cwd = process.cwd() } = options;
  const path = await currentDirectory(resolve(cwd, spec));
  if (await exists(path)) return { path: await trainedBy(path), hub: null };
  if (spec === shippedModel) return { path: shippedPath, hub: null };
  if (looksLikePath(spec)) {
    throw new AutodidactError(
      "MODEL_DIRECTORY",
      `${spec}: does not exist, there is no such directory or file (${path}); give the path of a model, or the id of one on the hub, OWNER/NAME`,
    );
  }
  const id = parseModelId(spec);
  const rate = observer && downloadText(id, observer);
  try {
    const found = await hubModel(id, {
      ...(observer && { onNote: (text) => observer.note(text) }),
      ...(rate && { onProgress: rate }),
      ...options.hub,
      ...(signal && { signal }),
    });
    return { path: found.path, hub: { id: found.id, commit: found.commit, file: found.file } };
  } catch (error) {
    // With a slip in it a relative path looks like an id.
    const unknown =
      error instanceof AutodidactError && ["HUB_NOT_FOUND", "HUB_ACCESS", "HUB_NETWORK"].includes(error.code);
    if (!unknown || spec.startsWith("hf:")) throw error;
    throw new AutodidactError(error.code, `${error.message}. On this machine there is no ${path} either`, {
      cause: error,
    });
  }
}

/**
 * What a run has trained, where a path is a run directory; any other path as it is.
 *
 * @throws AutodidactError RUN_UNFINISHED where it has trained nothing yet
 */
export async function trainedBy(path: string): Promise<string> {
  if (!(await exists(join(path, "recipe.json")))) return path;
  for (const name of ["model", "adapter"]) {
    const trained = await currentDirectory(join(path, name));
    if (await exists(trained)) return trained;
  }
  throw new AutodidactError(
    "RUN_UNFINISHED",
    `${path}: holds a recipe.json and no folder model or adapter, so this run has not written its model yet; finish it with --resume, or name a model directory in its folder checkpoints`,
  );
}

/** Whether something can be looked at there; a place that cannot be is none. */
export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Tells an observer of a download, a few times a second. */
function downloadText(
  { id, revision }: ModelId,
  observer: Pick<RunObserver, "phase" | "progress">,
): (progress: DownloadProgress) => void {
  let began = { at: 0, bytes: 0, size: -1 };
  let told = 0;
  return ({ file, allBytes, allSize }) => {
    const now = performance.now();
    // The small files come first, then the weights that they name.
    if (began.size !== allSize) {
      observer.phase(`Downloading ${id}${revision === "main" ? "" : ` at ${revision}`}`, bytesText(allSize));
      began = { at: now, bytes: allBytes, size: allSize };
    }
    if (now - told < 200 && allBytes < allSize) return;
    told = now;
    const rate = (allBytes - began.bytes) / ((now - began.at) / 1000);
    const left = rate > 0 ? Math.ceil((allSize - allBytes) / rate) : null;
    const speed = left === null ? "" : `  ${bytesText(rate)}/s  ${timeText(left)} left`;
    observer.progress(
      allBytes / allSize,
      `${bytesText(allBytes)} of ${bytesText(allSize)}${speed}  ${file.slice(id.length + 1)}`,
    );
  };
}

function timeText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
