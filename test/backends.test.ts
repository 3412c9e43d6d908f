import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import type { Backend } from "../src/backends/backend.ts";
import { embeddedBackend } from "../src/backends/embedded.ts";
import { llamaCppBackend } from "../src/backends/llama-cpp.ts";
import { openaiBackend } from "../src/backends/openai.ts";
import { readModelDirectory } from "../src/checkpoint/model-directory.ts";
import { AutodidactError } from "../src/errors.ts";
import { writeGguf } from "../src/gguf/files.ts";
import { openPolicy } from "../src/run/open-policy.ts";
import { backendContract } from "./backend.contract.ts";
import { root } from "./imports.ts";
import { type OpenaiServer, openaiServer, served } from "./openai-server.ts";

/** The three backends on one model: the small world's base, as a directory, as a GGUF file, and behind a server. */

const base = join(root, "models/countdown-base");
let folder: string;
let reference: Backend;
let server: OpenaiServer;

const openBase = async (): Promise<Backend> =>
  embeddedBackend(await openPolicy(await readModelDirectory(base), { provider: "cpu", threads: 1 }));

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "autodidact-backends-"));
  reference = await openBase();
  server = await openaiServer(served(reference));
});
after(async () => {
  await server.close();
  await reference.close();
  rmSync(folder, { recursive: true, force: true });
});

backendContract({ name: "embedded", open: openBase, reference: () => reference, stoppable: false });

backendContract({
  name: "openai",
  open: async () => openaiBackend({ endpoint: server.url, model: "base", concurrency: 4 }),
  reference: () => reference,
});

backendContract({
  name: "openai, several samples a request",
  open: async () => openaiBackend({ endpoint: server.url, model: "base", samplesPerRequest: 8 }),
  reference: () => reference,
  // One seed for all samples of a request.
  keyed: false,
  counted: false,
});

// Sums, and so now and then a token, depend on which sequences share a batch: one at a time gives the same bits.
for (const sequences of [1, 4])
  backendContract({
    name: `llama.cpp, ${sequences} at a time`,
    async open() {
      const path = join(folder, "base.gguf");
      await writeGguf(path, await readModelDirectory(base), { type: "F32" });
      try {
        return await llamaCppBackend({ path, sequences, threads: 1 });
      } catch (error) {
        if (error instanceof AutodidactError && error.code === "LLAMA_CPP_MISSING") return { skip: error.message };
        throw error;
      }
    },
    reference: () => reference,
    keyed: sequences === 1,
  });
