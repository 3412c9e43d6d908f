import type { Chunked } from "../checkpoint/files.ts";
import type { GenerationConfig } from "../checkpoint/model-directory.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** A file whose size is known before its bytes are made, so that room can be checked and progress told. */
export interface PlannedFile extends Chunked {
  /** With folders, separated by "/". */
  readonly name: string;
}

/** A model to export. Its weights are asked for one at a time, in any order, perhaps more than once. */
export interface ExportModel {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly generationConfig: GenerationConfig;
  /** A parameter by its Hugging Face name, row-major. */
  weight(name: string): Promise<Float32Array>;
}

/** Elements of a tensor that are converted at once. */
export const CHUNK = 1 << 20;

export function smallFile(name: string, bytes: Uint8Array): PlannedFile {
  return { name, size: bytes.length, chunks: () => [bytes] };
}

export function textFile(name: string, text: string): PlannedFile {
  return smallFile(name, new TextEncoder().encode(text));
}

/** JSON as it lies on disk: two spaces, a line break at the end. */
export function jsonFile(name: string, value: unknown): PlannedFile {
  return textFile(name, `${JSON.stringify(value, null, 2)}\n`);
}
