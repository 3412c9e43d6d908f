import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { chat, type OpenaiServer, openaiServer, send } from "../../test/openai-server.ts";
import { AutodidactError } from "../errors.ts";
import type { Generated, GenerateOptions, GenerateRequest } from "./backend.ts";
import { type OpenaiOptions, openaiBackend } from "./openai.ts";
import { refuseForTraining } from "./training.ts";

let server: OpenaiServer;
const seen = (): readonly { body: Readonly<Record<string, unknown>> }[] => server.asked.slice(from);
let from = 0;
before(async () => {
  server = await openaiServer((_, response) => send(response, 200, chat("yes")));
});
after(() => server.close());
beforeEach(() => {
  from = server.asked.length;
  server.respond = (_, response) => send(response, 200, chat("yes"));
});

const backend = (more: Partial<OpenaiOptions> = {}) =>
  openaiBackend({ endpoint: server.url, model: "m", retryMs: 1, ...more });
const request = (
  samples: readonly number[] = [0],
  prompt: GenerateRequest["prompt"] = { messages: [{ role: "user", content: "2 + 3?" }] },
) => ({
  prompt,
  samples,
  key: ["k"],
});
const options = (more: Partial<GenerateOptions> = {}): GenerateOptions => ({
  maxTokens: 50,
  temperature: 0.6,
  ...more,
});
const refused = (work: Promise<unknown>, code: string, ...words: readonly string[]): Promise<void> =>
  assert.rejects(work, (error) => {
    assert.ok(error instanceof AutodidactError && error.code === code, String(error));
    for (const word of words) assert.ok(error.message.includes(word), `${word} is not in: ${error.message}`);
    return true;
  });

describe("what is asked", () => {
  test("settings, a seed for each sample, and the key in its header only", async () => {
    const asking = backend({ apiKey: "sk-secret" });
    await asking.generate([request([0, 1])], options({ topP: 0.95, topK: 20, stop: ["###"] }));
    const [first, second] = seen().map(({ body }) => body);
    const { seed, ...rest } = first!;
    assert.deepEqual(rest, {
      model: "m",
      messages: [{ role: "user", content: "2 + 3?" }],
      temperature: 0.6,
      top_p: 0.95,
      top_k: 20,
      max_tokens: 50,
      stop: ["###"],
      stream: false,
    });
    assert.ok(Number.isInteger(seed) && (seed as number) >= 0 && (seed as number) < 2 ** 31);
    assert.notEqual(second!.seed, seed);
    assert.equal(server.asked.at(-1)!.authorization, "Bearer sk-secret");
    assert.equal(server.asked.at(-1)!.path, "/v1/chat/completions");
    assert.deepEqual(asking.usage, { requests: 2, promptTokens: 14, completionTokens: 6 });
  });

  test("plain text goes to /completions; variables of the chat template go along", async () => {
    server.respond = ({ path }, response) =>
      path.endsWith("/chat/completions")
        ? send(response, 200, chat("no"))
        : send(response, 200, {
            choices: [{ text: " four", finish_reason: "length", logprobs: { token_logprobs: [-1, -2] } }],
          });
    const variables = { enable_thinking: false };
    const [[plain], [talk]] = (await backend().generate(
      [
        request([0], { text: "two and two is" }),
        request([0], { messages: [{ role: "user", content: "?" }], variables }),
      ],
      options({ logprobs: true }),
    )) as unknown as [[Generated], [Generated]];
    assert.deepEqual([plain.text, plain.finish, plain.logprobs], [" four", "length", [-1, -2]]);
    assert.deepEqual([talk.text, talk.logprobs], ["no", null]);
    const bodies = seen().map(({ body }) => body);
    assert.equal(bodies.find((body) => "prompt" in body)!.prompt, "two and two is");
    assert.deepEqual(bodies.find((body) => "messages" in body)!.chat_template_kwargs, variables);
  });

  test("a server that knows no n is asked again for what is left", async () => {
    const answers = await backend({ samplesPerRequest: 4 }).generate([request([0, 1, 2, 3, 4])], options());
    assert.deepEqual(
      answers[0]!.map(({ sample }) => sample),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(
      seen()
        .map(({ body }) => body.n)
        .sort(),
      [2, 3, 4, undefined, undefined],
    );
  });

  test("never more requests at once than allowed", async () => {
    server.respond = (_, response) => setTimeout(() => send(response, 200, chat("yes")), 5);
    const before = server.most();
    await backend({ concurrency: 3 }).generate([request(Array.from({ length: 12 }, (_, i) => i))], options());
    assert.ok(server.most() <= Math.max(3, before));
  });
});

describe("what is answered", () => {
  const answer = async (body: unknown, more: Partial<GenerateOptions> = {}) => {
    server.respond = (_, response) => send(response, 200, body);
    return (await backend({ retries: 0 }).generate([request()], options(more)))[0]![0]!;
  };

  test("without usage the length is an estimate, and says so", async () => {
    const { tokens, estimated } = await answer(chat("twelve chars", { usage: null }));
    assert.deepEqual([tokens, estimated], [3, true]);
    assert.equal((await answer(chat("twelve chars"))).estimated, undefined);
  });

  test("reasoning in a field of its own is put where models write it", async () => {
    const message = { role: "assistant", content: "5", reasoning_content: "2 and 3" };
    assert.equal((await answer(chat("", {}, { message }))).text, "<think>\n2 and 3\n</think>\n\n5");
    const cut = { message: { ...message, content: null }, finish_reason: "length" };
    const { text, finish } = await answer(chat("", {}, cut));
    assert.deepEqual([text, finish], ["<think>\n2 and 3\n</think>\n\n", "length"]);
  });

  test("the stop text is put back where the server names it", async () => {
    assert.equal((await answer(chat("a b", {}, { stop_reason: "###" }), { stop: ["###"] })).text, "a b###");
    assert.equal((await answer(chat("a b"), { stop: ["###"] })).text, "a b");
  });

  test("log-probabilities that are no numbers are none", async () => {
    const logprobs = { content: [{ logprob: -1 }, { logprob: "x" }] };
    assert.equal((await answer(chat("a", {}, { logprobs }), { logprobs: true })).logprobs, null);
  });

  test("what is no answer is refused with what it lacks", async () => {
    for (const [body, word] of [
      ["<html>", "not JSON"],
      ["null", "without choices"],
      [{ choices: [] }, "without choices"],
      [{ choices: [null] }, "without text in choices[0]"],
      [{ choices: [{ message: { content: 5 } }] }, "without text in choices[0]"],
    ] as const)
      await refused(answer(body), "ENDPOINT_UNREACHABLE", word, server.url, "model m");
  });
});

describe("when the endpoint fails", () => {
  test("passing failures are tried again, as long as Retry-After says", async () => {
    const times: number[] = [];
    server.respond = (_, response) => {
      times.push(performance.now());
      if (times.length === 1) return send(response, 429, { error: "slow down" }, { "Retry-After": "0.05" });
      return times.length === 2 ? send(response, 503, "busy") : send(response, 200, chat("yes"));
    };
    const asking = backend();
    const [[{ text }]] = (await asking.generate([request()], options())) as unknown as [[Generated]];
    assert.equal(text, "yes");
    assert.ok(times[1]! - times[0]! >= 45, "it waited");
    assert.equal(asking.usage.requests, 3);
  });

  test("it is given up after the retries; a wrong key at once, and is not repeated in the message", async () => {
    server.respond = (_, response) => send(response, 500, "boom");
    await refused(
      backend({ retries: 2 }).generate([request()], options()),
      "ENDPOINT_UNREACHABLE",
      "500 boom, 3 times",
    );
    assert.equal(seen().length, 3);
    server.respond = ({ authorization }, response) => send(response, 401, `no such key: ${authorization}`);
    const work = backend({ apiKey: "sk-secret" }).generate([request([0, 1, 2])], options());
    await assert.rejects(work, (error: Error) => !error.message.includes("sk-secret"));
    await refused(work, "ENDPOINT_REFUSED", "401", "check address, model and key");
  });

  test("a slow one runs out of time, a huge reply is not read to its end, a closed one cannot be reached", async () => {
    server.respond = () => {};
    await refused(
      backend({ timeoutMs: 30, retries: 1 }).generate([request()], options()),
      "ENDPOINT_UNREACHABLE",
      "no answer within 0.03 s, 2 times",
    );
    server.respond = (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    };
    await refused(backend({ retries: 0 }).generate([request()], options()), "ENDPOINT_UNREACHABLE", "more than 1 MiB");
    await refused(
      backend({ endpoint: "http://127.0.0.1:1/v1", retries: 0 }).generate([request()], options()),
      "ENDPOINT_UNREACHABLE",
      "cannot be reached",
    );
  });

  test("the first failure ends the others; answers that came before it were told", async () => {
    server.respond = ({ number }, response) =>
      number - from <= 2 ? send(response, 200, chat("yes")) : send(response, 404, "no model m");
    const told: number[] = [];
    const many = request(Array.from({ length: 40 }, (_, i) => i));
    const work = backend({ concurrency: 1 }).generate(
      [many],
      options({ onAnswer: (_, { sample }) => told.push(sample) }),
    );
    await refused(work, "ENDPOINT_REFUSED", "404 no model m");
    assert.deepEqual(told, [0, 1]);
    assert.equal(seen().length, 3);
  });

  test("fields that a server refuses by name are asked for in another way, once for all", async () => {
    server.respond = ({ body }, response) => {
      if ("max_tokens" in body) return send(response, 400, "use 'max_completion_tokens' instead of 'max_tokens'");
      if ("logprobs" in body) return send(response, 400, "logprobs are not supported");
      if ("seed" in body) return send(response, 422, "body.seed: extra fields are not permitted");
      return send(response, 200, chat("yes"));
    };
    const [answers] = await backend({ concurrency: 1 }).generate([request([0, 1])], options({ logprobs: true }));
    assert.deepEqual(
      answers!.map(({ text }) => text),
      ["yes", "yes"],
    );
    assert.equal(seen().length, 5);
    assert.equal(seen().at(-1)!.body.max_completion_tokens, 50);
    assert.ok(!("seed" in seen().at(-1)!.body));
  });

  test("a stop is heard while it waits", async () => {
    server.respond = (_, response) => send(response, 429, "later", { "Retry-After": "60" });
    const stop = new AbortController();
    const work = backend().generate([request()], options({ signal: stop.signal }));
    setTimeout(() => stop.abort(new Error("enough")), 30);
    await assert.rejects(work, /enough/);
  });
});

test("settings that make no sense are refused at once", () => {
  for (const [more, word] of [
    [{ endpoint: "localhost:8000" }, "write http://HOST/v1"],
    [{ model: "" }, "model: is empty"],
    [{ concurrency: 0 }, "concurrency: is 0"],
    [{ samplesPerRequest: 1.5 }, "samplesPerRequest: is 1.5"],
  ] as const)
    assert.throws(
      () => backend(more),
      (error) => error instanceof AutodidactError && error.code === "ENDPOINT_OPTIONS" && error.message.includes(word),
    );
});

test("training refuses every backend but the embedded engine, with the reason", () => {
  refuseForTraining("embedded");
  for (const [name, word] of [
    ["llama.cpp", "computes no gradient"],
    ["openai", "neither gradients nor weights"],
  ] as const)
    assert.throws(
      () => refuseForTraining(name),
      (error) => error instanceof AutodidactError && error.code === "BACKEND_TRAINING" && error.message.includes(word),
    );
});
