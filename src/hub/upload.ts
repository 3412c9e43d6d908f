/** File layer. Files of this machine put into a model repository of the hub, as one commit. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { AutodidactError } from "../errors.ts";
import { hubError, hubFetch } from "./address.ts";
import { type HubOptions, hubSettings } from "./settings.ts";

export type UploadFile = {
  /** Path in the repository. */
  readonly name: string;
  readonly size: number;
} & (
  | {
      /** Path on this machine. */
      readonly path: string;
    }
  | {
      /** What is sent where there is no such file. */
      readonly text: string;
    }
);

export interface Upload {
  /** OWNER/NAME */
  readonly id: string;
  readonly files: readonly UploadFile[];
  /** Whether a repository that isn't there is made private; one that is there must be so already. */
  readonly private: boolean;
  /** Branch, made from main where it isn't there. @default "main" */
  readonly revision?: string | undefined;
  /** Title of the commit. */
  readonly message: string;
}

export interface Uploaded {
  readonly commit: string;
  readonly url: string;
  /** Whether the repository was made. */
  readonly created: boolean;
}

export interface UploadProgress {
  /** Large files are hashed before they are sent. */
  readonly phase: "hashing" | "sending";
  readonly file: string;
  readonly bytes: number;
  readonly size: number;
}

export interface UploadOptions extends Omit<HubOptions, "onProgress"> {
  readonly onUpload?: ((progress: UploadProgress) => void) | undefined;
}

/**
 * Makes the repository where it isn't there, sends the files, and commits them all or none. Files that a broken upload has sent are not
 * sent again.
 *
 * @throws HUB_ACCESS, HUB_NETWORK, HUB_NOT_FOUND, and HUB_VISIBILITY where a public repository was to be private
 */
export async function upload(wanted: Upload, options: UploadOptions = {}): Promise<Uploaded> {
  const { id, files, revision = "main" } = wanted;
  const { commitIter, createBranch, createRepo, modelInfo } = await import("@huggingface/hub");
  const settings = await hubSettings(options);
  const { address } = settings;
  const { endpoint } = address;
  if (settings.offline)
    throw new AutodidactError("HUB_NETWORK", `${id}: HF_HUB_OFFLINE says to ask nobody; unset it to upload`);
  if (address.token === undefined) {
    throw new AutodidactError(
      "HUB_ACCESS",
      `${id}: an upload needs a token that may write: make one on ${endpoint}/settings/tokens and give it in HF_TOKEN, or run hf auth login`,
    );
  }
  const send = hubFetch(address);
  // The token is set by hubFetch; the library wants to see one, and of one shape.
  const request = { hubUrl: endpoint, fetch: send, accessToken: "hf_" };
  const repo = { type: "model", name: id } as const;
  try {
    let created = false;
    const found = await modelInfo({ ...request, name: id }).catch((error: { readonly statusCode?: number }) => {
      if (error.statusCode === 404 || error.statusCode === 401) return null;
      throw error;
    });
    if (found === null) {
      await createRepo({ ...request, repo, ...(wanted.private && { visibility: "private" }) });
      created = true;
    } else if (wanted.private && !found.private) {
      throw new AutodidactError(
        "HUB_VISIBILITY",
        `${id} is there and public, --private cannot change that; make it private on ${endpoint}/${id}/settings, or name another`,
      );
    }
    if (revision !== "main") {
      await createBranch({ ...request, repo, branch: revision }).catch((error: { readonly statusCode?: number }) => {
        if (error.statusCode !== 409) throw error;
      });
    }
    const sending = progressOf(files, options.onUpload);
    const commit = commitIter({
      ...request,
      fetch: sending.watch(send),
      repo,
      branch: revision,
      title: wanted.message,
      // Content goes to the hub's LFS storage, which every mirror has.
      useXet: false,
      ...(options.signal && { abortSignal: options.signal }),
      operations: files.map((file) => ({
        operation: "addOrUpdate",
        path: file.name,
        content: "text" in file ? new Blob([file.text]) : new DiskBlob(file.name, file.path, 0, file.size),
      })),
    });
    for (;;) {
      const { done, value } = await commit.next();
      if (done) {
        if (!value) throw new Error(`${endpoint} made no commit`);
        return { commit: value.commit.oid, url: value.commit.url, created };
      }
      if (value.event === "fileProgress" && value.state === "hashing") sending.hashed(value.path, value.progress);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    const { statusCode, message } = error as { readonly statusCode?: unknown; readonly message?: string };
    if (statusCode === 401 || statusCode === 403) {
      throw new AutodidactError(
        "HUB_ACCESS",
        `${id}: ${endpoint} does not let this token write there (${statusCode}); give one in HF_TOKEN that may write for ${id.split("/")[0]}`,
        { cause: error },
      );
    }
    if (statusCode === 400 || statusCode === 422)
      throw new AutodidactError("HUB_NETWORK", `${id}: ${endpoint} refuses the upload: ${message}`, { cause: error });
    throw hubError(error, `upload to ${id}`, endpoint, "; what was sent is not sent again");
  }
}

/** Puts what is known of each file together. */
function progressOf(files: readonly UploadFile[], onUpload: UploadOptions["onUpload"]) {
  const sizes = new Map(files.map(({ name, size }) => [name, size]));
  const hashed = new Map<string, number>();
  /** Bytes by file and begin of the part. */
  const sent = new Map<string, number>();
  const sum = (map: ReadonlyMap<string, number>): number => [...map.values()].reduce((all, one) => all + one, 0);
  return {
    hashed(file: string, share: number): void {
      hashed.set(file, share * sizes.get(file)!);
      onUpload?.({ phase: "hashing", file, bytes: sum(hashed), size: sum(sizes) });
    },
    /** Counts what the body of a request gives away. */
    watch:
      (send: typeof fetch): typeof fetch =>
      (input, init = {}) => {
        const { body } = init;
        if (!(body instanceof DiskBlob)) return send(input, init);
        const counted = body.counted((bytes) => {
          sent.set(`${body.file} ${body.begin}`, bytes);
          onUpload?.({ phase: "sending", file: body.file, bytes: sum(sent), size: sum(sizes) });
        });
        // Where it may have to follow a redirect, Node's fetch keeps all it has sent in memory; storage doesn't redirect.
        return send(input, { ...init, body: counted, redirect: "error" });
      },
  };
}

/** A part of a file, read when it is sent and not held in memory. */
class DiskBlob extends Blob {
  readonly file: string;
  readonly begin: number;
  readonly #path: string;
  readonly #end: number;
  readonly #onBytes: ((bytes: number) => void) | undefined;

  constructor(file: string, path: string, begin: number, end: number, onBytes?: (bytes: number) => void) {
    super();
    this.file = file;
    this.begin = begin;
    this.#path = path;
    this.#end = end;
    this.#onBytes = onBytes;
  }

  counted(onBytes: (bytes: number) => void): DiskBlob {
    return new DiskBlob(this.file, this.#path, this.begin, this.#end, onBytes);
  }

  override get size(): number {
    return this.#end - this.begin;
  }

  override slice(start = 0, end = this.size): DiskBlob {
    return new DiskBlob(
      this.file,
      this.#path,
      this.begin + start,
      Math.min(this.begin + end, this.#end),
      this.#onBytes,
    );
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = new Uint8Array(this.size);
    const handle = await open(this.#path);
    try {
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, this.begin + at);
        if (bytesRead === 0) throw new Error(`${this.#path} became shorter while it was read`);
        at += bytesRead;
      }
    } finally {
      await handle.close();
    }
    return bytes.buffer;
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer());
  }

  override stream(): ReturnType<Blob["stream"]> {
    if (this.size === 0) return new Blob([]).stream();
    const chunks = createReadStream(this.#path, { start: this.begin, end: this.#end - 1, highWaterMark: 1 << 18 });
    const iterator = chunks[Symbol.asyncIterator]();
    const onBytes = this.#onBytes;
    let bytes = 0;
    // Not Readable.toWeb: it counts its reserve in chunks where the limit is in bytes, and so reads most of the file ahead.
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      async pull(controller) {
        const { value, done } = await iterator.next();
        if (done) return controller.close();
        bytes += (value as Uint8Array).length;
        onBytes?.(bytes);
        controller.enqueue(value as Uint8Array<ArrayBuffer>);
      },
      cancel: () => void chunks.destroy(),
    });
  }
}
