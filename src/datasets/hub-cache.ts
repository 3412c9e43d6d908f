/** The file layer of the hub's data sets: the files of a split in the cache that src/hub keeps. */
import { AutodidactError } from "../errors.ts";
import { type CachedRepo, cachedFiles, openRepo, refuseMissing } from "../hub/cache.ts";
import type { HubFile } from "../hub/listing.ts";
import { type HubOptions, hubSettings } from "../hub/settings.ts";
import type { DataFile } from "./data-file.ts";
import { localFile } from "./files.ts";
import { filesOfSplit, hubDataset } from "./hub.ts";

export interface HubRequest {
  readonly id: string;
  readonly config?: string | undefined;
  readonly split: string;
  /** @default "main" */
  readonly revision?: string | undefined;
}

/**
 * The files of one split of a data set of the hub, downloaded where the cache hasn't them. A broken download goes on where
 * it broke off; size and hash are checked against what the hub says.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED, DATASET_SPLIT, FILE_NO_SPACE
 */
export async function hubFiles(request: HubRequest, options: HubOptions = {}): Promise<DataFile[]> {
  const { id, config, split, revision = "main" } = request;
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(id) || id.split("/").some((part) => /^\.+$/.test(part))) {
    throw new AutodidactError(
      "HUB_NOT_FOUND",
      `${JSON.stringify(id)} is no id of a data set; write OWNER/NAME, hf:openai/gsm8k`,
    );
  }
  const settings = await hubSettings(options);
  const repo = await openRepo({ kind: "dataset", id }, revision, settings);
  const files = filesOfSplit(hubDataset(repo), config, split);
  if (!repo.whole) checkLeftFiles(repo, files);
  const paths = await cachedFiles(repo, files, settings);
  return Promise.all(paths.map((path, i) => localFile(path, `hf:${id}/${files[i]!.path}`)));
}

/** Another tool may have left a part of a split, or several configs without the card that tells them apart. */
function checkLeftFiles(repo: CachedRepo, files: readonly HubFile[]): void {
  const paths = new Set(files.map(({ path }) => path));
  const missing = new Set<string>();
  for (const path of paths) {
    const [, before, number, count, after] = /^(.*-)(\d{5})-of-(\d{5})(.*)$/.exec(path) ?? [];
    if (number === undefined) continue;
    for (let part = 0; part < Number(count); part++) {
      const name = `${before}${String(part).padStart(5, "0")}-of-${count}${after}`;
      if (!paths.has(name)) missing.add(name);
    }
  }
  if (missing.size > 0) refuseMissing(repo, [...missing].sort());
  const folders = new Set(files.map(({ path }) => path.slice(0, path.lastIndexOf("/") + 1)));
  if (folders.size > 1) {
    throw new AutodidactError(
      "DATASET_SPLIT",
      `data set ${repo.id}: the cache (${repo.folder}) has files in ${[...folders].map((name) => name || "its root").join(", ")} and not the card that says how they belong together; name one folder as config, or let the hub be asked`,
    );
  }
}
