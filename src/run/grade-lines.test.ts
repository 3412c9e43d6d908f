import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { AutodidactError } from "../errors.ts";
import { random } from "../random.ts";
import { defineTask, type Task } from "../tasks/task.ts";
import { type GradeLine, gradeLines, LineError, type LineVerdict } from "./grade-lines.ts";
import { codeLines, mathsLines, taskLines } from "./line-verifiers.ts";

/** Bytes in pieces of a size, so that lines and letters are cut anywhere. */
async function* pieces(text: string | Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(verdicts: AsyncIterable<LineVerdict>): Promise<LineVerdict[]> {
  const found: LineVerdict[] = [];
  for await (const verdict of verdicts) found.push(verdict);
  return found;
}

/** Pays the field "pay", and says it. */
const paying: GradeLine = ({ pay }) => {
  if (typeof pay !== "number") throw new LineError("pay is no number; give one");
  return { reward: pay, parts: { accuracy: pay }, reason: `paid ${pay}` };
};
const rewards = (verdicts: readonly LineVerdict[]): number[] => verdicts.map(({ reward }) => reward);

describe("lines", () => {
  test("every line has its verdict, whatever it holds", async () => {
    const odd = [
      '{"pay":1}',
      "",
      "   ",
      "not JSON",
      "{",
      "null",
      "true",
      '"text"',
      "[]",
      "NaN",
      '{"pay":"1"}',
      "{}",
      '{"pay":1e999}',
      '{"__proto__":{"pay":1}}',
      '{"constructor":1,"pay":0.5}',
      "\u0000\u0001",
      "[".repeat(100_000),
      '{"pay":1}\r',
      '{"pay":0.25,"text":"\u2028 ü 😀"}',
    ];
    const verdicts = await all(gradeLines(pieces(odd.join("\n")), paying));
    assert.equal(verdicts.length, odd.length);
    const paid = new Map([
      [0, 1],
      [12, Infinity],
      [14, 0.5],
      [17, 1],
      [18, 0.25],
    ]);
    for (const [i, { reward, reason, parts, error }] of verdicts.entries()) {
      if (paid.has(i)) assert.equal(reward, paid.get(i), odd[i]!.slice(0, 40));
      else {
        assert.deepEqual([reward, reason, parts], [0, "invalid-line", {}], odd[i]!.slice(0, 40));
        assert.ok(error!.startsWith(`line ${i + 1}: `), error);
        assert.ok(error!.length < 400, `${error!.length} characters`);
      }
    }
    assert.match(verdicts[1]!.error!, /blank/);
    assert.match(verdicts[5]!.error!, /is null; write one JSON object a line/);
  });

  test("the last line may end or not; nothing is no line; a byte order mark is passed over", async () => {
    assert.deepEqual(rewards(await all(gradeLines(pieces('{"pay":1}\n{"pay":2}'), paying))), [1, 2]);
    assert.deepEqual(rewards(await all(gradeLines(pieces('{"pay":1}\n{"pay":2}\n'), paying))), [1, 2]);
    assert.deepEqual(await all(gradeLines(pieces(""), paying)), []);
    assert.equal((await all(gradeLines(pieces("\n\n"), paying))).length, 2);
    assert.deepEqual(rewards(await all(gradeLines(pieces('\ufeff{"pay":1}'), paying))), [1]);
  });

  test("a line of 10 MB is graded; one over the limit is refused without being held, and the next one goes on", async () => {
    const long = JSON.stringify({ pay: 1, text: "x".repeat(10_000_000) });
    const bytes = new TextEncoder().encode(`{"pay":1}\n${long}\n{"pay":1}`);
    assert.deepEqual(rewards(await all(gradeLines(pieces(bytes, 65_536), paying))), [1, 1, 1]);
    const short = await all(gradeLines(pieces(bytes, 65_536), paying, { longestLine: 1024 * 1024, source: "a.jsonl" }));
    assert.deepEqual(rewards(short), [1, 0, 1]);
    assert.match(short[1]!.error!, /^a\.jsonl, line 2: is longer than 1 MiB/);
  });

  test("asynchronous verdicts keep the order of the lines, so many at a time", async () => {
    let [now, most] = [0, 0];
    const slow: GradeLine = async (line) => {
      most = Math.max(most, ++now);
      await wait(((line.pay as number) * 7) % 11);
      now--;
      return paying(line);
    };
    const text = Array.from({ length: 40 }, (_, i) => `{"pay":${i}}`).join("\n");
    const verdicts = await all(gradeLines(pieces(text, 50), slow, { concurrency: 4 }));
    assert.deepEqual(rewards(verdicts), [...Array(40).keys()]);
    assert.equal(most, 4);
  });

  test("a verdict comes though no further line is there", async () => {
    let asked = 0;
    async function* conversation(): AsyncGenerator<Uint8Array> {
      for (; asked < 3; asked++) {
        yield new TextEncoder().encode(`{"pay":${asked}}\n`);
        while (answered <= asked) await wait(1);
      }
    }
    let answered = 0;
    const verdicts: LineVerdict[] = [];
    for await (const verdict of gradeLines(conversation(), paying)) {
      verdicts.push(verdict);
      answered++;
    }
    assert.deepEqual(rewards(verdicts), [0, 1, 2]);
  });

  test("nothing is read ahead of whoever takes the verdicts", async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        read++;
        yield new TextEncoder().encode('{"pay":1}\n');
      }
    }
    const verdicts = gradeLines(endless(), paying, { concurrency: 4 });
    for (let i = 0; i < 10; i++) await verdicts.next();
    assert.ok(read < 20, `${read} lines read for 10 verdicts`);
  });

  test("what is no fault of the line ends everything", async () => {
    const verdicts = gradeLines(pieces('{"pay":1}\n{"pay":2}'), ({ pay }) => {
      if (pay === 2) throw new AutodidactError("CODE_SANDBOX", "no sandbox can be started");
      return paying({ pay });
    });
    assert.equal((await verdicts.next()).value.reward, 1);
    await assert.rejects(verdicts.next(), { code: "CODE_SANDBOX" });
  });
});

const gradeAll = async (grade: GradeLine, lines: readonly unknown[]): Promise<LineVerdict[]> =>
  all(gradeLines(pieces(lines.map((line) => JSON.stringify(line)).join("\n"), 4096), grade));

test("maths: gold and answer, as text or as numbers that JSON carries", async () => {
  const [fraction, wrong, numbers, cut] = await gradeAll(await mathsLines(false), [
    { gold: "1/2", answer: "So it is $\\frac{2}{4}$." },
    { gold: "1/2", answer: "0.6" },
    { gold: 0.5, answer: 0.5, id: "fields that nobody asked for" },
    { gold: "1/2", answer: "1/2", complete: false },
  ]);
  assert.deepEqual(fraction, { reward: 1, parts: { accuracy: 1 }, reason: "correct" });
  assert.deepEqual(wrong, { reward: 0, parts: { accuracy: 0 }, reason: "wrong-value" });
  assert.deepEqual([numbers!.reward, cut!.reward, cut!.reason], [1, 0, "truncated"]);
  for (const [line, message] of [
    [{ answer: "5" }, /gold is missing; give text/],
    [{ gold: "5" }, /answer is missing/],
    [{ gold: ["5"], answer: "5" }, /gold is a list/],
    [{ gold: "5", answer: { text: "5" } }, /answer is an object/],
    [{ gold: "", answer: "5" }, /gold.*empty/],
    [{ gold: 2 ** 60, answer: "5" }, /gold is a number that JSON cannot carry exactly/],
    [{ gold: "5", answer: "5", complete: "yes" }, /complete is the text "yes"/],
  ] as const) {
    const [verdict] = await gradeAll(await mathsLines(false), [line]);
    assert.equal(verdict!.reason, "invalid-line");
    assert.match(verdict!.error!, message);
  }
  const plain = { gold: "5", answer: "It is 5" };
  assert.equal((await gradeAll(await mathsLines(false), [plain]))[0]!.reward, 1);
  assert.equal((await gradeAll(await mathsLines(true), [plain]))[0]!.reward, 0, "strict: no box, no tag");
});

test("code: completion and tests", async () => {
  const program = (body: string): string => `Here:\n\`\`\`js\n${body}\n\`\`\``;
  const tests = [{ call: "twice", args: [3], expected: 6 }];
  const [right, wrong, none, bad] = await gradeAll(await codeLines(), [
    { completion: program("function twice(x) { return 2 * x; }"), tests },
    { completion: program("function twice(x) { return x; }"), tests: { language: "javascript", tests } },
    { completion: program("function twice(x) { return 2 * x; }"), tests: [] },
    { completion: 5, tests },
  ]);
  assert.deepEqual(right, { reward: 1, parts: { accuracy: 1 }, reason: "correct" });
  assert.deepEqual(wrong, { reward: 0, parts: { accuracy: 0 }, reason: "wrong-answer" });
  assert.match(none!.error!, /line 3: tests is empty/);
  assert.match(bad!.error!, /line 4: completion is the number 5/);
});

describe("task", () => {
  const task = defineTask({
    name: "double",
    *problems(split, stream) {
      for (let i = 0; i < 50; i++) {
        const n = 2 * stream.int(0, 10_000) + (split === "eval" ? 1 : 0);
        yield { id: `${n}`, prompt: `Twice ${n}?`, level: 1, n };
      }
    },
    rewards: {
      accuracy: {
        weight: 1,
        verify({ text, complete }, { n }) {
          if (text === "crash") throw new Error("cannot read this");
          const right = complete && text === String(2 * n);
          return { reward: right ? 1 : 0, reason: right ? "correct" : "wrong" };
        },
      },
      short: { weight: 0.5, verify: ({ text }) => ({ reward: text.length < 8 ? 1 : 0, reason: "measured" }) },
    },
    gold: ({ n }) => String(2 * n),
  });
  const grade = taskLines(task as unknown as Task, 1);
  const [problem] = task.problems("eval", random(1, "show"));

  test("a problem as it is, as a part of it, or by its id", async () => {
    const completion = task.gold(problem!);
    const { id, prompt, level } = problem!;
    for (const given of [problem, id, { id }, { id, prompt, level, gold: completion }]) {
      const [right, wrong] = await gradeAll(grade, [
        { problem: given, completion },
        { problem: given, completion: "about that much" },
      ]);
      assert.deepEqual(right, { reward: 1.5, parts: { accuracy: 1, short: 1 }, reason: "correct" });
      assert.deepEqual(wrong, { reward: 0, parts: { accuracy: 0, short: 0 }, reason: "wrong" });
    }
    // A problem that the task did not draw is graded as it stands.
    const own = { id: "mine", prompt: "Twice 4?", level: 1, n: 4 };
    assert.equal((await gradeAll(grade, [{ problem: own, completion: "8" }]))[0]!.reward, 1.5);
    assert.equal((await gradeAll(grade, [{ problem: own, completion: "8", complete: false }]))[0]!.parts.accuracy, 0);
  });

  test("a verifier that fails is told with its part; other lines and parts go on", async () => {
    const [failed, fine] = await gradeAll(grade, [
      { problem: problem!.id, completion: "crash" },
      { problem: problem!.id, completion: task.gold(problem!) },
    ]);
    assert.deepEqual(failed, {
      reward: 0.5,
      parts: { accuracy: 0, short: 1 },
      reason: "verifier-error",
      error: "rewards.accuracy.verify: Error: cannot read this",
    });
    assert.equal(fine!.reward, 1.5);
  });

  test("what is no problem is refused with the field", async () => {
    for (const [given, message] of [
      [undefined, /problem is missing.*task show --json/],
      ["no such id", /"no such id".*give the problem itself/],
      [5, /problem is the number 5/],
      [[problem], /problem is a list/],
      [{ prompt: "?" }, /problem\.id is missing/],
      [{ id: "x" }, /problem\.prompt is missing/],
      [{ id: "x", prompt: "?" }, /problem\.level is missing/],
    ] as const) {
      const [verdict] = await gradeAll(grade, [{ problem: given, completion: "1" }]);
      assert.match(verdict!.error!, message);
    }
    assert.match((await gradeAll(grade, [{ problem: problem!.id }]))[0]!.error!, /completion is missing/);
  });
});
