import { AutodidactError } from "../errors.ts";
import type { HubFile } from "./listing.ts";
import type { ModelId } from "./model-id.ts";

/**
 * Which files of a repository make a model: configuration, tokenizer, and weights as safetensors. What other frameworks read
 * (pytorch_model.bin, ONNX, Flax) is left where it is; a repository has often the same weights in three formats.
 */
const small = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  // Beside the small world's base models: what text they have read.
  "pretraining.json",
  "adapter_config.json",
];
/** For the licence, which the card of what is made of the model must tell. */
const cards = ["README.md", "LICENSE", "LICENSE.txt", "LICENSE.md"];
const index = "model.safetensors.index.json";
/** An index names each tensor of a model once; this is a hundred thousand tensors. */
const mostIndexBytes = 32e6;

export interface ModelFiles {
  /** What the choice of the weights may hang on, and everything that is small. */
  readonly first: readonly HubFile[];
  /** Card and licence: nothing fails without them. */
  readonly cards: readonly HubFile[];
  /** The weights, once the shards that the index names are known. `readIndex` is called where there is an index. */
  weights(readIndex: () => Promise<string>): Promise<readonly HubFile[]>;
}

/**
 * The files to download for a model.
 *
 * @param lacks what is thrown for files that are not there, in place of HUB_MODEL: the list may be shorter than the repository
 * @throws HUB_MODEL where the repository has none that can be read, or lacks a part
 */
export function modelFiles(
  what: string,
  files: readonly HubFile[],
  { id, file }: ModelId,
  lacks: (names: readonly string[]) => void = () => {},
): ModelFiles {
  const at = new Map(files.map((one) => [one.path, one]));
  const refuse = (message: string): AutodidactError => new AutodidactError("HUB_MODEL", `${what}: ${message}`);
  const ggufs = files.filter(({ path }) => /\.gguf$/i.test(path));
  const names = ggufs.map(({ path }) => path);
  if (file !== null) {
    const named = ggufs.filter(({ path }) => path === file);
    const found = named.length > 0 ? named : ggufs.filter(({ path }) => hasWord(path, file));
    if (found.length === 1) return { first: [], cards: [], weights: async () => found };
    if (found.length === 0) lacks([file]);
    throw refuse(
      found.length > 1
        ? `${file} stands for ${listed(found.map(({ path }) => path))}; name one`
        : names.length > 0
          ? `has no GGUF file ${file}; there are ${listed(names)}`
          : `has no GGUF file; write ${id} for the model itself`,
    );
  }
  // Some trainers leave the base's config.json beside an adapter.
  const isAdapter = at.has("adapter_config.json") && !at.has("model.safetensors") && !at.has(index);
  const single = at.get(isAdapter ? "adapter_model.safetensors" : "model.safetensors");
  const sharded = isAdapter ? undefined : at.get(index);
  if (!single && !sharded) {
    if (ggufs.length === 1) return { first: [], cards: [], weights: async () => ggufs };
    if (ggufs.length > 1) throw refuse(`holds GGUF files; name one, ${id}:${names[0]}. There are ${listed(names)}`);
    lacks([isAdapter ? "adapter_model.safetensors" : "model.safetensors"]);
    const others = files.map(({ path }) => path).filter((path) => /\.(bin|pth?|ckpt|h5|msgpack|onnx)$/i.test(path));
    throw refuse(
      `has no weights as safetensors${others.length > 0 ? `, only ${listed(others)}` : ""}; take a repository that has, or convert it`,
    );
  }
  const needed = isAdapter ? ["adapter_config.json"] : ["config.json", "tokenizer.json", "tokenizer_config.json"];
  const lost = needed.filter((name) => !at.has(name));
  if (lost.length > 0) {
    lacks(lost);
    throw refuse(`has no ${lost.join(" and no ")}; take a repository in the layout of transformers`);
  }
  // Where the whole model is there, it is meant.
  const wanted = small.filter((name) => isAdapter || name !== "adapter_config.json");
  const first = wanted.flatMap((name) => at.get(name) ?? []);
  const besides = { cards: cards.flatMap((name) => at.get(name) ?? []) };
  if (single) return { ...besides, first, weights: async () => [single] };
  if (sharded!.size > mostIndexBytes) throw refuse(`${index} has ${sharded!.size} bytes, which no index has`);
  return {
    ...besides,
    first: [...first, sharded!],
    async weights(readIndex) {
      const shards = shardNames(await readIndex());
      if (shards === null) throw refuse(`${index} is no index of safetensors; the repository is damaged`);
      const missing = shards.filter((name) => !at.has(name));
      if (missing.length > 0) {
        lacks(missing);
        throw refuse(`${index} names ${listed(missing)}, which the repository hasn't; it is damaged or unfinished`);
      }
      return shards.map((name) => at.get(name)!);
    },
  };
}

/** The files that an index names, in order; null where it is none. Names with folders are not taken. */
export function shardNames(text: string): string[] | null {
  try {
    const { weight_map: map } = JSON.parse(text) as { readonly weight_map?: unknown };
    if (typeof map !== "object" || map === null) return null;
    const names = [...new Set(Object.values(map) as unknown[])];
    const good = names.every((name) => typeof name === "string" && /^\w[\w.-]*\.safetensors$/.test(name));
    return good && names.length > 0 ? (names as string[]).sort() : null;
  } catch {
    return null;
  }
}

/** Q8_0 stands in smollm2-q8_0.gguf, Q4_K not in model-Q4_K_M.gguf. */
function hasWord(path: string, word: string): boolean {
  const [text, wanted] = [path.toLowerCase(), word.toLowerCase()];
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) {
    const around = `${text[at - 1] ?? "-"}${text[at + wanted.length] ?? "-"}`;
    if (!/[a-z0-9_]/.test(around)) return true;
  }
  return false;
}

function listed(names: readonly string[]): string {
  return names.length > 6 ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more` : names.join(", ");
}
