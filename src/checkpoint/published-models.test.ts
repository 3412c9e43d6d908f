import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type PublishedModel, publishedConfig, publishedModels } from "../../test/published-models.ts";
import { parameterCount } from "../model/parameters.ts";

describe("config.json of published models", () => {
  for (const [name, [, parameters]] of Object.entries(publishedModels))
    it(`${name}: ${parameters.toLocaleString("en")} parameters`, () => {
      assert.equal(parameterCount(publishedConfig(name as PublishedModel)), parameters);
    });
});
