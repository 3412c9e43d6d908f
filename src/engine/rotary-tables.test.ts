import assert from "node:assert/strict";
import { it } from "node:test";
import { modelConfigSchema } from "../model/config.ts";
import { rotaryTables } from "../model/rotary.ts";
import { withRotaryTables } from "./rotary-tables.ts";
import type { Runtime, Value } from "./runtime.ts";

it("rotary tables are as long as the positions of a run need, whatever the model allows", async () => {
  const config = modelConfigSchema.parse({
    model_type: "llama",
    vocab_size: 2,
    hidden_size: 8,
    intermediate_size: 2,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    num_key_value_heads: 1,
    max_position_embeddings: 131_000,
  });
  let fed: Readonly<Record<string, Value>> = {};
  const runtime: Runtime = {
    name: "recorder",
    async compile() {
      return {
        async run(feeds) {
          fed = feeds;
          return {};
        },
        async release() {},
      };
    },
  };
  const program = await withRotaryTables(runtime, config).compile({ outputs: new Map() });
  const lengthAt = async (...positions: number[]): Promise<number> => {
    await program.run({ positions: { shape: [1, positions.length], data: BigInt64Array.from(positions, BigInt) } });
    const { cos, sin } = rotaryTables(config, fed.rotaryCos!.shape[0]!);
    assert.deepEqual([fed.rotaryCos!.data, fed.rotarySin!.data], [cos, sin]);
    return fed.rotaryCos!.shape[0]!;
  };
  assert.equal(await lengthAt(0, 63), 64);
  assert.equal(await lengthAt(64, 2), 128);
  assert.equal(await lengthAt(3), 128, "never shorter again");
  assert.equal(await lengthAt(1000, 5000), 8192);
  assert.equal(await lengthAt(130_999), 131_000, "no longer than the model");
});
