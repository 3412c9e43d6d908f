import { z } from "zod";
import { AutodidactError } from "../errors.ts";
import { type HubAddress, hubError, hubFetch } from "./address.ts";

/** A model or a data set of the hub. */
export interface Repo {
  readonly kind: "model" | "dataset";
  /** OWNER/NAME */
  readonly id: string;
}

const fileSchema = z.object({
  // Names go into messages: nothing that moves a terminal's cursor.
  path: z
    .string()
    .max(4096)
    .regex(/^\P{Cc}+$/u),
  size: z.int().nonnegative(),
  /** SHA-256 of the content, where the hub stores it apart (LFS, Xet). */
  sha256: z.hex().length(64).nullable(),
  /** Git's SHA-1 of `blob SIZE\0` and the content, for a file in git itself. */
  gitOid: z.hex().length(40).nullable(),
});

/** What the hub says of a commit, and what is kept of it beside the cache: its files, and the card of a data set. */
export const listingSchema = z.object({
  id: z.string(),
  /** The commit that the revision names. */
  commit: z.hex().min(6).max(64),
  files: z.array(fileSchema),
  card: z.unknown(),
});
export type HubFile = Readonly<z.infer<typeof fileSchema>>;
export interface HubListing {
  readonly id: string;
  readonly commit: string;
  readonly files: readonly HubFile[];
  readonly card?: unknown;
}

/** Answers of the hub beyond this are no listing. */
const mostPages = 1000;
const mostBytes = 64e6;

export const repoName = ({ kind, id }: Repo, revision = "main"): string =>
  `${kind === "model" ? "model" : "data set"} ${id}${revision === "main" ? "" : `, revision ${revision}`}`;

/**
 * Asks the hub which commit a revision is, and what files it has.
 *
 * @throws HUB_NOT_FOUND, HUB_ACCESS, HUB_NETWORK, HUB_DAMAGED
 */
export async function askListing(repo: Repo, revision: string, address: HubAddress): Promise<HubListing> {
  const { datasetInfo, modelInfo, listFiles } = await import("@huggingface/hub");
  const { endpoint } = address;
  const request = { hubUrl: endpoint, fetch: bounded(hubFetch(address)) };
  const what = repoName(repo, revision);
  try {
    let commit: unknown;
    let card: unknown = null;
    if (repo.kind === "model") {
      commit = (await modelInfo({ ...request, name: repo.id, revision, additionalFields: ["sha"] })).sha;
    } else {
      const info = await datasetInfo({ ...request, name: repo.id, revision, additionalFields: ["sha", "cardData"] });
      [commit, card] = [info.sha, info.cardData];
    }
    if (typeof commit !== "string" || !/^[0-9a-f]{6,64}$/i.test(commit)) {
      throw new AutodidactError(
        "HUB_NETWORK",
        `${endpoint} gave no commit of ${repo.id}; is it a hub or a mirror of one?`,
      );
    }
    const files: unknown[] = [];
    for await (const entry of listFiles({
      ...request,
      repo: { type: repo.kind, name: repo.id },
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
    const listing = listingSchema.safeParse({ id: repo.id, commit, files, card });
    if (listing.success) return listing.data;
    const issue = listing.error.issues[0]!;
    const path = issue.path[0] === "files" ? (files[Number(issue.path[1])] as { path: unknown }).path : null;
    throw new AutodidactError(
      "HUB_DAMAGED",
      `${what}: ${endpoint} lists ${path === null ? "something" : JSON.stringify(path)} with ${String(issue.path.at(-1))}: ${issue.message}; take another mirror`,
    );
  } catch (error) {
    throw hubError(error, what, endpoint);
  }
}

/** A listing of a few million bytes in a few hundred pages is read; an endless one is not. */
function bounded(base: typeof fetch): typeof fetch {
  let pages = 0;
  let bytes = 0;
  return async (input, init) => {
    const response = await base(input, init);
    if (++pages > mostPages) throw new Error(`more than ${mostPages} pages of files`);
    if (!response.body) return response;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          bytes += chunk.length;
          if (bytes > mostBytes) throw new Error(`more than ${mostBytes} bytes of answers`);
          controller.enqueue(chunk);
        },
      }),
    );
    const { status, statusText, headers } = response;
    const copy = new Response(counted, { status, statusText, headers });
    Object.defineProperty(copy, "url", { value: response.url });
    return copy;
  };
}
