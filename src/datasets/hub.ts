import { AutodidactError } from "../errors.ts";
import type { HubFile, HubListing } from "../hub/listing.ts";
import { matchesGlob } from "./glob.ts";
import { formatOf } from "./rows.ts";

/** Which files of a Hugging Face data set hold a split. Finding out what files there are is the work of src/hub. */

export interface HubDataset {
  readonly id: string;
  /** The commit that the revision names. */
  readonly commit: string;
  readonly files: readonly HubFile[];
  /** As the data set's card declares them; empty where it doesn't. */
  readonly configs: readonly HubConfig[];
}

export interface HubConfig {
  readonly name: string;
  readonly isDefault: boolean;
  readonly splits: readonly { readonly split: string; readonly patterns: readonly string[] }[];
}

/** A data set as the hub lists it, its card read. */
export const hubDataset = ({ id, commit, files, card }: HubListing): HubDataset => ({
  id,
  commit,
  files,
  configs: declaredConfigs(card),
});

/** The `configs` of a card, in any of the forms that the hub takes. */
function declaredConfigs(card: unknown): HubConfig[] {
  const configs = (card as { readonly configs?: unknown } | undefined)?.configs;
  if (!Array.isArray(configs)) return [];
  return configs.flatMap((one: unknown): HubConfig[] => {
    const { config_name: name, data_files: files, default: isDefault } = (one ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || files === undefined) return [];
    const list: unknown[] = Array.isArray(files) ? files : [files];
    const splits = list.flatMap((entry) => {
      if (typeof entry === "string") return [{ split: "train", patterns: [entry] }];
      const { split, path } = (entry ?? {}) as Record<string, unknown>;
      const patterns = (Array.isArray(path) ? path : [path]).filter((each): each is string => typeof each === "string");
      return patterns.length > 0 ? [{ split: typeof split === "string" ? split : "train", patterns }] : [];
    });
    return [{ name, isDefault: isDefault === true || name === "default", splits }];
  });
}

/** Words in a path that name a split, as the hub's own loader reads them. */
const splitWords: readonly (readonly [string, RegExp])[] = [
  ["train", /(?:^|[-._ /\d])(?:train|training)(?=$|[-._ /\d])/i],
  ["validation", /(?:^|[-._ /\d])(?:validation|valid|val|dev)(?=$|[-._ /\d])/i],
  ["test", /(?:^|[-._ /\d])(?:test|testing|eval|evaluation)(?=$|[-._ /\d])/i],
];

/**
 * The files of one split: as the card declares them, or by the words in their paths where it declares nothing; there a
 * config is a folder.
 *
 * @throws DATASET_SPLIT where there is no such config or split, or several configs and none named
 */
export function filesOfSplit(set: HubDataset, config: string | undefined, split: string): readonly HubFile[] {
  const refuse = (message: string): AutodidactError =>
    new AutodidactError("DATASET_SPLIT", `data set ${set.id}: ${message}`);
  const data = set.files.filter((file) => formatOf(file.path) !== null);
  let splits: Map<string, HubFile[]>;
  if (set.configs.length > 0) {
    const names = set.configs.map((one) => one.name);
    const chosen =
      config === undefined
        ? (set.configs.find((one) => one.isDefault) ?? (set.configs.length === 1 ? set.configs[0] : undefined))
        : set.configs.find((one) => one.name === config);
    if (!chosen) {
      throw refuse(
        `${config === undefined ? "has several configs" : `has no config "${config}"`}; name one of ${names.join(", ")}`,
      );
    }
    splits = new Map(
      chosen.splits.map(({ split: name, patterns }) => [
        name,
        data.filter((file) => patterns.some((pattern) => matchesGlob(file.path, pattern))),
      ]),
    );
  } else {
    const inside =
      config === undefined ? data : data.filter((file) => file.path.split("/").slice(0, -1).includes(config));
    if (config !== undefined && inside.length === 0)
      throw refuse(`has no folder "${config}" with data; leave the config out`);
    splits = new Map();
    for (const file of inside.filter(({ path }) => !/(^|\/)(dataset_infos?|metadata|package)\.json$/.test(path))) {
      const name = splitWords.find(([, words]) => words.test(file.path))?.[0] ?? "train";
      splits.set(name, [...(splits.get(name) ?? []), file]);
    }
  }
  const found = [...(splits.get(split) ?? [])].sort((a, b) => (a.path < b.path ? -1 : 1));
  if (found.length > 0) return found;
  const there = [...splits].filter(([, files]) => files.length > 0).map(([name]) => name);
  throw refuse(
    there.length > 0
      ? `has no split "${split}"; there are ${there.join(", ")}`
      : 'has no data file that can be read (Parquet, JSON, CSV); its revision "refs/convert/parquet" may have them',
  );
}
