import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Backend, Generated, GenerateOptions, GenerateRequest } from "../src/backends/backend.ts";

export interface BackendContract {
  readonly name: string;
  /** A backend on models/countdown-base, or why there is none here. */
  open(): Promise<Backend | { readonly skip: string }>;
  /** Another backend with the same weights: what is likeliest must be the same text. */
  reference(): Backend;
  /** False where sample i may depend on what else is asked. @default true */
  readonly keyed?: boolean;
  /** False where only the count of a whole request is known, and shared out by length. @default true */
  readonly counted?: boolean;
  /** False where the signal is not heard. @default true */
  readonly stoppable?: boolean;
}

const question = (prompt: string): GenerateRequest["prompt"] => ({ messages: [{ role: "user", content: prompt }] });
const texts = (answers: readonly Generated[]): string[] => answers.map(({ text }) => text);

/** What every backend does, run on each. */
export function backendContract({
  name,
  open,
  reference,
  keyed = true,
  counted = true,
  stoppable = true,
}: BackendContract): void {
  describe(name, () => {
    let backend: Backend;
    let reason = "";
    before(async () => {
      const opened = await open();
      if ("skip" in opened) reason = opened.skip;
      else backend = opened;
    });
    after(() => backend?.close());
    const it = (title: string, work: () => Promise<void>): void => {
      test(title, async (t) => (reason ? t.skip(reason) : work()));
    };
    const prompts = [question("2 7 9 make 65"), question("1 2 3 make 6")];
    const ask = (samples: readonly number[], options: Partial<GenerateOptions> = {}, key = "a") =>
      backend.generate(
        prompts.map((prompt, i) => ({ prompt, samples, key: [key, i] })),
        { maxTokens: 40, temperature: 1, ...options },
      );

    it("greedy text is that of the embedded engine, for chats and for plain text", async () => {
      const requests = [...prompts, { text: "2 7 9 make 65\n" }].map((prompt) => ({
        prompt,
        samples: [0],
        key: ["x"],
      }));
      const options = { maxTokens: 60, temperature: 0 };
      const [ours, theirs] = await Promise.all([
        backend.generate(requests, options),
        reference().generate(requests, options),
      ]);
      assert.deepEqual(ours.map(texts), theirs.map(texts));
      assert.ok(ours.flat().every(({ text }) => text.length > 5));
      assert.deepEqual(
        ours.flat().map(({ tokens }) => tokens),
        theirs.flat().map(({ tokens }) => tokens),
      );
    });

    it("answers in the order of requests and samples, told one by one, with their count of tokens", async () => {
      const told: string[] = [];
      const seen: number[] = [];
      const answers = await ask([0, 1, 2], {
        onAnswer: (request, { sample }) => told.push(`${request}/${sample}`),
        onProgress: ({ finished, total, tokens }) => {
          assert.ok(finished <= total && tokens >= 0);
          assert.equal(total, 6);
          seen.push(finished);
        },
      });
      assert.deepEqual(
        answers.map((group) => group.map(({ sample }) => sample)),
        [
          [0, 1, 2],
          [0, 1, 2],
        ],
      );
      assert.deepEqual(told.sort(), ["0/0", "0/1", "0/2", "1/0", "1/1", "1/2"]);
      assert.ok(seen.length > 0);
      for (const { text, tokens, finish, logprobs } of answers.flat()) {
        // One character a token, and the end token.
        const length = finish === "stop" ? text.length + 1 : text.length;
        assert.ok(counted ? tokens === length : Math.abs(tokens - length) <= 2, `${tokens} and ${length}`);
        assert.equal(finish === "length", text.length === 40);
        assert.equal(logprobs, null, "none were asked for");
      }
    });

    it("the same key gives the same answers, another key and another sample others", async () => {
      const first = await ask([0, 1]);
      if (keyed) assert.deepEqual((await ask([0, 1])).map(texts), first.map(texts));
      assert.notDeepEqual((await ask([0, 1], {}, "b")).map(texts), first.map(texts));
      assert.ok(first.some(([one, other]) => one!.text !== other!.text));
    });

    it("a sample is the same whichever others are asked for", async () => {
      if (!keyed) return;
      const all = await ask([0, 1, 2]);
      const some = await ask([2, 0]);
      assert.deepEqual(
        some.map((group) => group.map(({ sample }) => sample)),
        [
          [2, 0],
          [2, 0],
        ],
      );
      assert.deepEqual(
        some.map(texts),
        all.map(([zero, , two]) => [two!.text, zero!.text]),
      );
    });

    it("a token limit cuts answers off and says so", async () => {
      for (const { tokens, finish, text } of (await ask([0, 1], { maxTokens: 3 })).flat()) {
        assert.equal(finish, "length");
        assert.equal(tokens, 3);
        assert.equal(text.length, 3);
      }
    });

    it("an answer ends behind a stop text", async () => {
      const [[answer]] = (await ask([0], { temperature: 0, stop: ["="] })) as [[Generated]];
      assert.equal(answer.finish, "stop");
      assert.ok(answer.text.endsWith("=") && answer.text.indexOf("=") === answer.text.length - 1, answer.text);
    });

    it("log-probabilities are there where they are asked for, one a token", async () => {
      for (const options of [{}, { topP: 0.9, temperature: 0.7 }])
        for (const { logprobs, tokens } of (await ask([0, 1], { ...options, logprobs: true })).flat()) {
          assert.equal(logprobs?.length, tokens);
          assert.ok(Array.from(logprobs).every((one) => one <= 1e-6 && Number.isFinite(one)));
        }
    });

    it("top-p and top-k leave only likely tokens", async () => {
      const greedy = (await ask([0], { temperature: 0 })).map(texts);
      assert.deepEqual((await ask([0], { topK: 1 })).map(texts), greedy);
      assert.deepEqual((await ask([0], { topP: 1e-6, temperature: 2 })).map(texts), greedy);
    });

    it("a signal ends the work with its reason", async () => {
      if (!stoppable) return;
      const stop = new AbortController();
      const reason = new Error("enough");
      const work = backend.generate(
        prompts.map((prompt, i) => ({ prompt, samples: Array.from({ length: 50 }, (_, j) => j), key: ["s", i] })),
        { maxTokens: 200, temperature: 1, signal: stop.signal, onProgress: () => stop.abort(reason) },
      );
      await assert.rejects(work, (error) => error === reason);
      assert.equal((await ask([0])).length, 2, "and it can be asked again");
    });

    it("says what room the prompts leave", async () => {
      const room = backend.room(prompts);
      assert.ok(room === Infinity || (room > 500 && room < 4000), `${room}`);
    });
  });
}
