/** File layer. A model of the hub in the cache. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type CachedRepo, cachedFiles, openRepo, refuseMissing } from "./cache.ts";
import { repoName } from "./listing.ts";
import { modelFiles } from "./model-files.ts";
import { type ModelId, parseModelId } from "./model-id.ts";
import { type DownloadProgress, type HubOptions, hubSettings } from "./settings.ts";

export interface HubModel extends ModelId {
  readonly commit: string;
  /** On this machine: a directory in Hugging Face's layout, or a GGUF file. */
  readonly path: string;
}

/**
 * Brings a model of the hub into the cache, where it isn't there, and says where it lies. Only the files that are read are downloaded;
 * size and hash of each are checked.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED, HUB_MODEL, FILE_NO_SPACE, and those of writing
 */
export async function hubModel(spec: string | ModelId, options: HubOptions = {}): Promise<HubModel> {
  const model = typeof spec === "string" ? parseModelId(spec) : spec;
  const settings = await hubSettings(options);
  const from = await openRepo({ kind: "model", id: model.id }, model.revision, settings);
  const chosen = filesOf(from, model);
  let fetched = false;
  const onProgress = (progress: DownloadProgress): void => {
    fetched = true;
    settings.onProgress?.(progress);
  };
  const first = await cachedFiles(from, chosen.first, { ...settings, onProgress });
  // With what is fetched for the first time: what the cache has is opened without asking anybody.
  if (fetched) await cachedFiles(from, chosen.cards, settings).catch(() => settings.signal?.throwIfAborted());
  const weights = await chosen.weights(() => readFile(first.at(-1)!, "utf8"));
  const [path] = await cachedFiles(from, weights, settings);
  const isGguf = /\.gguf$/i.test(path!);
  // The exact name: what stands for one file today may stand for two tomorrow.
  const file = isGguf ? weights[0]!.path : null;
  return { ...model, file, commit: from.commit, path: isGguf ? path! : dirname(path!) };
}

const filesOf = (from: CachedRepo, model: ModelId) =>
  modelFiles(repoName(from.repo, model.revision), from.files, model, (names) => {
    if (!from.whole) refuseMissing(from, names);
  });

/**
 * The small files of a model alone, configuration and tokenizer: where they lie on this machine, in one directory; null for a
 * GGUF file, which has everything in one.
 *
 * @throws as hubModel
 */
export async function hubModelFrame(spec: string | ModelId, options: HubOptions = {}): Promise<string | null> {
  const model = typeof spec === "string" ? parseModelId(spec) : spec;
  const settings = await hubSettings(options);
  const from = await openRepo({ kind: "model", id: model.id }, model.revision, settings);
  const { first } = filesOf(from, model);
  if (first.length === 0) return null;
  const [path] = await cachedFiles(from, first, settings);
  return dirname(path!);
}
