import type { ModelConfig } from "../model/config.ts";
import { rotaryTables } from "../model/rotary.ts";
import type { Runtime, Value } from "./runtime.ts";

/**
 * A runtime that feeds the rotary tables itself, as long as the positions of a run need. As constants of the graphs they
 * would have all positions the model allows, 131,072 in some, and each compiled graph would have its own.
 */
export function withRotaryTables(runtime: Runtime, config: ModelConfig): Runtime {
  let length = 0;
  let tables: Readonly<Record<string, Value>> = {};
  const upTo = (position: number): typeof tables => {
    if (position >= length) {
      length = Math.min(2 ** Math.max(6, Math.ceil(Math.log2(position + 1))), config.max_position_embeddings);
      const { cos, sin } = rotaryTables(config, length);
      const shape = [length, cos.length / length];
      tables = { rotaryCos: { shape, data: cos }, rotarySin: { shape, data: sin } };
    }
    return tables;
  };
  return {
    name: runtime.name,
    async compile(graph) {
      const program = await runtime.compile(graph);
      return {
        run(feeds) {
          let last = 0;
          for (const position of feeds.positions?.data ?? []) if (position > last) last = Number(position);
          return program.run({ ...upTo(last), ...feeds });
        },
        release: () => program.release(),
      };
    },
  };
}
