/** The file layer of the hub's data sets: the files of a split in the cache that src/hub keeps. */
import { AutodidactError } from "../errors.ts";
import { cachedFiles, openRepo } from "../hub/cache.ts";
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
  const paths = await cachedFiles(repo, files, settings);
  return Promise.all(paths.map((path, i) => localFile(path, `hf:${id}/${files[i]!.path}`)));
}
