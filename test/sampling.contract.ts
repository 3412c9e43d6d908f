import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { EmbeddedOptions } from "../src/engine/embedded.ts";
import type { Completion, Engine, SampleProgress } from "../src/engine/engine.ts";
import { asDatum, ask, distance, plain, refuses, someTokens } from "./tiny-model.ts";

export type OpenEngine = (options?: Omit<Partial<EmbeddedOptions>, "config">) => Promise<Engine>;

/** "a" for token 0, "b" for token 1, ... */
const letters = Array.from({ length: 31 }, (_, i) => String.fromCharCode(97 + i));
const textOf = ({ tokens }: Completion): string => [...tokens].map((token) => letters[token]!).join("");

/** The half of the engine contract that is about sampling. */
export function samplingContract(open: OpenEngine): void {
  describe("sampling", () => {
    let engine: Engine;
    before(async () => {
      engine = await open({ seed: 1, tokenTexts: letters });
    });
    after(() => engine.close());

    /** Next-token probabilities behind a prompt, through the scoring verb. */
    const distribution = async (prompt: Int32Array, temperature = 1): Promise<number[]> => {
      const data = letters.map((_, token) => ({
        tokens: Int32Array.from([...prompt, token]),
        promptLength: prompt.length,
        weights: Float32Array.of(1),
      }));
      return (await engine.logprobs(data, "policy", temperature)).map(([logprob]) => Math.exp(logprob!));
    };

    test("a rerun gives the same bits", async () => {
      const requests = [ask(5, 4, 1), ask(9, 3, 2)];
      assert.deepEqual(await engine.sample(requests, plain), await engine.sample(requests, plain));
    });

    test("cached decoding gives the log-probabilities of an uncached forward pass", async () => {
      for (const temperature of [1, 0.6, 1.5]) {
        const requests = [ask(2, 3, 1), ask(17, 3, 2), ask(8, 3, 3)];
        const completions = await engine.sample(requests, { ...plain, temperature, maxTokens: 50 });
        const answers = completions.flatMap((group, i) => group.map((one) => asDatum(requests[i]!.prompt, one)));
        const scored = await engine.logprobs(answers, "policy", temperature);
        for (const [i, { oldLogprobs }] of answers.entries()) {
          const worst = distance(oldLogprobs!, scored[i]!);
          assert.ok(worst < 1e-4, `temperature ${temperature}, answer ${i}: ${worst}`);
        }
      }
    });

    test("an answer is the same alone, in a batch of others, and whatever the rows of the batch", async () => {
      // Different prompt lengths, and end tokens so that rows become free at different times.
      const requests = [ask(3, 5, 1), ask(21, 2, 2), ask(7, 9, 3), ask(12, 1, 4), ask(1, 4, 5)];
      const options = { ...plain, maxTokens: 40, endTokens: [2, 11] };
      const together = await engine.sample(requests, options);
      const lengths = new Set(together.flat().map(({ tokens }) => tokens.length));
      assert.ok(lengths.size > 5, "answers of many lengths");
      const same = (found: Completion[][], wanted: Completion[][]): void => {
        assert.deepEqual(
          found.map((group) => group.map(textOf)),
          wanted.map((group) => group.map(textOf)),
        );
        for (const [g, group] of found.entries())
          for (const [i, one] of group.entries()) {
            assert.equal(one.finish, wanted[g]![i]!.finish);
            assert.ok(distance(one.logprobs, wanted[g]![i]!.logprobs) < 1e-4);
          }
      };
      for (const [i, request] of requests.entries()) same(await engine.sample([request], options), [together[i]!]);
      same(await engine.sample([...requests].reverse(), options), [...together].reverse());
      for (const maxRows of [1, 3]) {
        const narrow = await open({ seed: 1, tokenTexts: letters, maxRows });
        same(await narrow.sample(requests, options), together);
        await narrow.close();
      }
      // The first of few is the first of many.
      const more = await engine.sample([{ ...requests[0]!, count: 12 }], options);
      same([more[0]!.slice(0, 5)], [together[0]!]);
    });

    test("more prompts than are prefilled together", async () => {
      const requests = Array.from({ length: 37 }, (_, i) => ask(1 + (i % 6), i % 3, 6, i));
      const completions = await engine.sample(requests, { ...plain, maxTokens: 3 });
      assert.deepEqual(
        completions.map((group) => group.length),
        requests.map(({ count }) => count),
      );
      assert.deepEqual(completions[35], (await engine.sample([requests[35]!], { ...plain, maxTokens: 3 }))[0]);
      assert.deepEqual(await engine.sample([], plain), []);
    });

    test("samples are drawn from the model's distribution", async () => {
      const request = ask(6, 3000, 7);
      for (const temperature of [1, 2]) {
        const expected = await distribution(request.prompt, temperature);
        const [drawn] = await engine.sample([request], { ...plain, temperature, maxTokens: 1 });
        const share = new Array<number>(31).fill(0);
        for (const { tokens, logprobs } of drawn!) {
          share[tokens[0]!]! += 1 / 3000;
          assert.ok(Math.abs(logprobs[0]! - Math.log(expected[tokens[0]!]!)) < 1e-4);
        }
        // Four standard deviations of a share of 3000 draws.
        for (const [token, p] of expected.entries())
          assert.ok(Math.abs(share[token]! - p) < 4 * Math.sqrt((p * (1 - p)) / 3000) + 1e-3, `token ${token}`);
      }
    });

    test("temperature 0 takes the likeliest token; its log-probability is that of temperature 1", async () => {
      const request = ask(6, 2, 8);
      const [[one, two]] = (await engine.sample([request], { ...plain, temperature: 0 })) as [Completion[]];
      assert.deepEqual(one, two);
      let prompt = request.prompt;
      for (const [t, token] of one!.tokens.entries()) {
        if (t === 4) break;
        const p = await distribution(prompt);
        assert.equal(token, p.indexOf(Math.max(...p)));
        assert.ok(Math.abs(one!.logprobs[t]! - Math.log(p[token]!)) < 1e-4);
        prompt = Int32Array.from([...prompt, token]);
      }
    });

    test("top-k and top-p keep the likeliest tokens, renormalised", async () => {
      const request = ask(6, 600, 9);
      const p = await distribution(request.prompt);
      const order = p.map((_, token) => token).sort((a, b) => p[b]! - p[a]!);
      const smallestReaching = (share: number): number => {
        let [mass, count] = [0, 0];
        while (mass < share) mass += p[order[count++]!]!;
        return count;
      };
      const cuts = [
        { options: { topK: 1 }, kept: 1 },
        { options: { topK: 4 }, kept: 4 },
        { options: { topP: 0.6 }, kept: smallestReaching(0.6) },
        { options: { topP: 1e-6 }, kept: 1 },
      ];
      for (const { options, kept } of cuts) {
        const allowed = order.slice(0, kept);
        const mass = allowed.reduce((sum, token) => sum + p[token]!, 0);
        const [drawn] = await engine.sample([request], { ...plain, ...options, maxTokens: 1 });
        assert.deepEqual(new Set(drawn!.map(({ tokens }) => tokens[0]!)), new Set(allowed), JSON.stringify(options));
        for (const { tokens, logprobs } of drawn!)
          assert.ok(Math.abs(logprobs[0]! - Math.log(p[tokens[0]!]! / mass)) < 1e-4);
      }
    });

    test("stop texts, end tokens and the token limit cut the same answer at their place", async () => {
      const request = ask(6, 80, 10);
      const options = { ...plain, maxTokens: 30, temperature: 1.3 };
      const [whole] = (await engine.sample([request], options)) as [Completion[]];
      for (const one of whole) assert.deepEqual([one.tokens.length, one.finish], [30, "length"]);
      // One stop text within a token, one across two: the commonest pair.
      const pairs = new Map<string, number>();
      for (const text of whole.map(textOf))
        for (let i = 0; i < 29; i++) pairs.set(text.slice(i, i + 2), (pairs.get(text.slice(i, i + 2)) ?? 0) + 1);
      const [pair] = [...pairs].sort(([, a], [, b]) => b - a)[0]!;
      const stops = [pair, "h"];
      const cutAt = (text: string): number =>
        Math.min(...stops.map((stop) => (text.includes(stop) ? text.indexOf(stop) + stop.length : 30)));
      const [stopped] = (await engine.sample([request], { ...options, stop: stops })) as [Completion[]];
      const [ended] = (await engine.sample([request], { ...options, endTokens: [7, 9] })) as [Completion[]];
      const [short] = (await engine.sample([request], { ...options, maxTokens: 5 })) as [Completion[]];
      const finishes = new Set<string>();
      for (const [i, one] of whole.entries()) {
        const text = textOf(one);
        assert.equal(textOf(stopped[i]!), text.slice(0, cutAt(text)));
        const found = stops.some((stop) => text.includes(stop));
        assert.equal(stopped[i]!.finish, found ? "stop" : "length");
        const end = one.tokens.findIndex((token) => token === 7 || token === 9);
        assert.equal(textOf(ended[i]!), end < 0 ? text : text.slice(0, end + 1));
        assert.equal(ended[i]!.finish, end < 0 ? "length" : "stop");
        finishes.add(ended[i]!.finish).add(`text ${stopped[i]!.finish}`);
        assert.equal(textOf(short[i]!), text.slice(0, 5));
        assert.equal(one.logprobs.length, one.tokens.length);
      }
      assert.ok(finishes.has("stop") && finishes.has("text stop"));
    });

    test("progress ends with everything finished", async () => {
      const reports: SampleProgress[] = [];
      const requests = [ask(4, 6, 11)];
      await engine.sample(requests, { ...plain, maxTokens: 40, onProgress: (progress) => reports.push(progress) });
      assert.ok(reports.length >= 2);
      assert.deepEqual(reports.at(-1), { finished: 6, total: 6, tokens: 240 });
    });

    test("a request's answers are told as soon as the last one has ended, while others go on", async () => {
      const requests = [ask(4, 6, 12), ask(9, 2, 13), ask(2, 4, 14)];
      const told: [request: number, completions: readonly Completion[]][] = [];
      const completions = await engine.sample(requests, {
        ...plain,
        maxTokens: 60,
        endTokens: [2, 11, 17],
        onCompletions: (request, answers) => told.push([request, answers]),
      });
      assert.deepEqual(told.map(([request]) => request).sort(), [0, 1, 2]);
      for (const [request, answers] of told) assert.deepEqual(answers, completions[request]);
      const longest = completions.map((answers) => Math.max(...answers.map(({ tokens }) => tokens.length)));
      assert.ok(new Set(longest).size > 1, "they end at different times");
      const order = told.map(([request]) => longest[request]!);
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      );
    });

    test("refuses what it cannot sample", async () => {
      const sample = (prompt: Int32Array, options = {}) =>
        engine.sample([{ prompt, count: 1, key: [1] }], { ...plain, ...options });
      const good = someTokens(4, "good");
      await assert.rejects(sample(new Int32Array(0)), refuses("SAMPLE_PROMPT", "prompt 0", "empty"));
      await assert.rejects(sample(Int32Array.of(3, 31)), refuses("SAMPLE_PROMPT", "31", "vocabulary"));
      await assert.rejects(sample(Int32Array.of(-1)), refuses("SAMPLE_PROMPT", "-1"));
      await assert.rejects(sample(good, { maxTokens: 93 }), refuses("SAMPLE_LENGTH", "93", "96 positions", "to 92"));
      await assert.rejects(sample(someTokens(200)), refuses("SAMPLE_LENGTH", "200", "shorten the prompt"));
      await assert.rejects(sample(good, { maxTokens: 0 }), refuses("SAMPLE_OPTIONS", "maxTokens"));
      await assert.rejects(sample(good, { temperature: -1 }), refuses("SAMPLE_OPTIONS", "temperature"));
      await assert.rejects(sample(good, { temperature: Number.NaN }), refuses("SAMPLE_OPTIONS", "temperature"));
      assert.equal((await sample(good, { maxTokens: 92 }))[0]![0]!.tokens.length, 92);
    });
  });
}
