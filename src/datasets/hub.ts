import { AutodidactError } from "../errors.ts";
import { matchesGlob } from "./glob.ts";
import { formatOf } from "./rows.ts";

/**
 * Which files of a Hugging Face data set hold a split: asked of the hub, or of a mirror with the same paths. Downloading them
 * is hub-cache.ts's work.
 */

export interface HubAddress {
  /** Of the hub or a mirror, without a slash at its end. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  readonly fetch?: typeof fetch | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** SHA-256 of the content, where the hub stores it apart (LFS, Xet). */
  readonly sha256: string | null;
  /** Git's SHA-1 of `blob SIZE\0` and the content, for a file in git itself. */
  readonly gitOid: string | null;
}

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

/**
 * Asks the hub for a data set's commit, card and files.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK
 */
export async function hubDataset(id: string, revision: string, address: HubAddress): Promise<HubDataset> {
  const { datasetInfo, listFiles } = await import("@huggingface/hub");
  const request = { hubUrl: address.endpoint, fetch: hubFetch(address) };
  try {
    const info = await datasetInfo({ ...request, name: id, revision, additionalFields: ["sha", "cardData"] });
    const commit = info.sha;
    if (typeof commit !== "string" || !/^[0-9a-f]{6,64}$/i.test(commit)) {
      throw new AutodidactError(
        "HUB_NETWORK",
        `${address.endpoint} gave no commit of ${id}; is it a hub or a mirror of one?`,
      );
    }
    const files: HubFile[] = [];
    for await (const entry of listFiles({
      ...request,
      repo: { type: "dataset", name: id },
      revision: commit,
      recursive: true,
    })) {
      if (entry.type !== "file") continue;
      files.push({
        path: entry.path,
        size: entry.lfs?.size ?? entry.size,
        sha256: entry.lfs?.oid ?? null,
        gitOid: entry.lfs ? null : (entry.oid ?? null),
      });
    }
    return { id, commit, files, configs: declaredConfigs(info.cardData) };
  } catch (error) {
    throw hubError(error, `data set ${id}${revision === "main" ? "" : `, revision ${revision}`}`, address.endpoint);
  }
}

/** Adds the token to requests to the hub alone: where a download is redirected, the other host never sees it. */
export function hubFetch({ endpoint, token, fetch: base = fetch, signal }: HubAddress): typeof fetch {
  return (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    const headers = new Headers(init.headers);
    if (token !== undefined && url.origin === new URL(endpoint).origin) headers.set("Authorization", `Bearer ${token}`);
    return base(input, { ...init, headers, ...(signal && { signal }) });
  };
}

/** What went wrong between here and the hub, in words that name the remedy. */
export function hubError(error: unknown, what: string, endpoint: string): unknown {
  if (error instanceof AutodidactError) return error;
  if (error instanceof Error && error.name === "AbortError") return error;
  const status = (error as { readonly statusCode?: unknown }).statusCode;
  if (typeof status === "number") return statusError(status, what, endpoint, error);
  const cause = (error as { readonly cause?: { readonly message?: unknown } }).cause?.message;
  const words = `${(error as Error).message}${typeof cause === "string" ? `: ${cause}` : ""}`;
  return new AutodidactError(
    "HUB_NETWORK",
    `${what}: ${endpoint} cannot be reached or broke off (${words}); try again, name a mirror in HF_ENDPOINT, or give local files`,
    { cause: error },
  );
}

export function statusError(status: number, what: string, endpoint: string, cause?: unknown): AutodidactError {
  if (status === 404) {
    return new AutodidactError("HUB_NOT_FOUND", `${what} is not at ${endpoint} (404); check id, revision and path`, {
      cause,
    });
  }
  if (status === 401 || status === 403) {
    return new AutodidactError(
      "HUB_ACCESS",
      `${what}: ${endpoint} refuses access (${status}); the id may be wrong, or the data set is private or gated: accept its terms on its page and give a token in HF_TOKEN`,
      { cause },
    );
  }
  return new AutodidactError("HUB_NETWORK", `${what}: ${endpoint} answered ${status}; try again later`, { cause });
}

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
