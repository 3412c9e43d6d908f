import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeReport, fakeStep, fakeSummary } from "../../test/fake-run.ts";
import { bar, clean, columns, fit, sparkline, wrap } from "./spans.ts";
import { createView } from "./view.ts";
import { groupLines, tellingGroup } from "./view-group.ts";
import { summaryLines } from "./view-text.ts";

/** Enough of a terminal to see what a person would: rows, a cursor, and the control codes that the view may use. */
class Screen {
  columns: number;
  rows = 30;
  lines: string[] = [""];
  row = 0;
  column = 0;
  cursorShown = true;
  written = "";
  #resize: (() => void) | undefined;

  constructor(width: number) {
    this.columns = width;
  }

  on(_event: "resize", listener: () => void): void {
    this.#resize = listener;
  }

  off(): void {
    this.#resize = undefined;
  }

  get listening(): boolean {
    return this.#resize !== undefined;
  }

  /** Folds lines that are too long for the new width, as terminals do. */
  resize(width: number): void {
    this.columns = width;
    this.lines = this.lines.flatMap((line) => line.match(new RegExp(`.{1,${width}}`, "gu")) ?? [""]);
    this.row = this.lines.length - 1;
    this.#resize?.();
  }

  write(text: string): void {
    this.written += text;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal reads them
    for (const [token] of text.matchAll(/\u001b\[[?\d;]*[A-Za-z]|\n|\r|[^\u001b\n\r]+/gu)) {
      const code = token.startsWith("\u001b") ? token.slice(2) : null;
      if (code === null && token === "\n") [this.row, this.column] = [this.row + 1, 0];
      else if (token === "\r") this.column = 0;
      else if (code === null) this.#put(token);
      else if (/^\d+A$/.test(code)) this.row = Math.max(0, this.row - Number.parseInt(code, 10));
      else if (code === "K") this.lines[this.row] = [...(this.lines[this.row] ?? "")].slice(0, this.column).join("");
      else if (code === "J")
        this.lines = [...this.lines.slice(0, this.row), (this.lines[this.row] ?? "").slice(0, this.column)];
      else if (code === "?25l" || code === "?25h") this.cursorShown = code === "?25h";
      else if (!/^(\?2026[hl]|[\d;]*m)$/.test(code)) throw new Error(`unknown code ${code}`);
      while (this.lines.length <= this.row) this.lines.push("");
    }
  }

  #put(text: string): void {
    const line = [...(this.lines[this.row] ?? "").padEnd(this.column)];
    for (const character of text) line[this.column++] = character;
    assert.ok(this.column < this.columns, `a line of ${this.column} columns in a window of ${this.columns}: ${text}`);
    this.lines[this.row] = line.join("");
  }

  get text(): string {
    return this.lines.map((line) => line.trimEnd()).join("\n");
  }
}

function play(
  screen: Screen,
  isTTY: boolean,
  env: Record<string, string> = {},
  between: (step: number) => void = () => {},
) {
  let clock = 0;
  const view = createView({ stream: screen, isTTY, totalSteps: 20, env, now: () => clock });
  view.phase("Measuring the base", "to tell the gain");
  clock += 30_000;
  view.progress(0.5, "half of the answers");
  view.evaluation(fakeReport(0), "held-out, before");
  view.phase("Practising", "the better answers become more likely");
  for (let index = 1; index <= 12; index++) {
    clock += 4100;
    const step = fakeStep(7, index);
    view.step(index === 2 ? { ...step, warnings: ["too many answers are cut off; raise maxTokens"] } : step);
    between(index);
  }
  return view;
}

test("on a terminal: what happened stays, what changes is drawn once", () => {
  const screen = new Screen(100);
  const view = play(screen, true);
  assert.equal(screen.cursorShown, false);
  assert.equal(screen.text.match(/Practising/g)?.length, 1);
  assert.equal(screen.text.match(/right answers/g)?.length, 1);
  assert.match(screen.text, /step 12 of 20 {2}33 s left/);
  assert.match(screen.text, /right answers {5}[▁▂▃▄▅▆▇█]{12} {2}\d+\.\d % {2}\(base 13\.5 %\)/);
  assert.match(screen.text, /held-out, before {2}13\.5 % right \(11\.1 to 15\.9\)/);
  assert.match(screen.text, /warning: too many answers/);
  // Steps 1 and 11 opened a group.
  assert.equal(screen.text.match(/One problem, 16 answers/g)?.length, 2);
  assert.doesNotMatch(screen.text, /half of the answers/);
  view.done(summaryLines(fakeSummary(7, 20)));
  assert.match(screen.text, /answer length +40 -> \d+ tokens/);
  assert.doesNotMatch(screen.text, /Practising/);
  assert.equal(screen.cursorShown, true);
  assert.equal(screen.listening, false);
  const { written } = screen;
  view.close();
  view.note("too late");
  assert.equal(screen.written, written);
});

test("a window made narrower and wider leaves one picture", () => {
  const screen = new Screen(110);
  const view = play(screen, true, {}, (step) => {
    if (step === 4) screen.resize(48);
    if (step === 6) screen.resize(24);
    if (step === 9) screen.resize(90);
  });
  assert.equal(screen.text.match(/Practising/g)?.length, 1);
  assert.equal(screen.text.match(/right answers {3}/g)?.length, 1);
  view.close();
  assert.equal(screen.cursorShown, true);
});

test("NO_COLOR: no colours on a terminal, TERM=dumb: plain lines", () => {
  const colored = new Screen(100);
  play(colored, true).close();
  assert.ok(colored.written.includes("\u001b[36m"));
  const bare = new Screen(100);
  play(bare, true, { NO_COLOR: "1" }).close();
  assert.ok(!bare.written.includes("\u001b[36m") && !bare.written.includes("\u001b[1m"));
  assert.equal(bare.text, colored.text);
  const dumb = new Screen(200);
  play(dumb, true, { TERM: "dumb" }).close();
  assert.ok(!dumb.written.includes("\u001b"));
});

test("within a step the bar, its number and the time left are the run's; in other phases the phase's", () => {
  const screen = new Screen(100);
  let clock = 0;
  const view = createView({ stream: screen, isTTY: true, totalSteps: 20, env: {}, now: () => clock });
  view.phase("Measuring the base");
  clock += 10_000;
  view.progress(0.25, "100 of 400 held-out answers");
  assert.match(screen.text, /25\.0 % {2}30 s left/);
  view.phase("Practising", "", 20);
  for (let index = 1; index <= 10; index++) {
    clock += 4000;
    view.step(fakeStep(7, index));
  }
  view.progress(0.3, "step 11: answering");
  assert.match(screen.text, /step 10 of 20 {2}41 s left\n {2}step 11: answering {2}30\.0 %/);
  clock += 2000;
  view.progress(1, "step 11: learning");
  assert.match(screen.text, /step 10 of 20 {2}39 s left/);
  view.close();
});

test("a resumed run's curves go on where they were, with the base to compare with", () => {
  const screen = new Screen(100);
  const view = createView({ stream: screen, isTTY: true, totalSteps: 20, env: {} });
  view.past(
    [1, 2, 3].map((index) => ({ kind: "grpo", step: index, warnings: [], ...fakeStep(7, index).metrics })),
    fakeReport(0),
  );
  view.step(fakeStep(7, 4));
  assert.match(screen.text, /right answers {5}[▁▂▃▄▅▆▇█]{4} {2}\d+\.\d % {2}\(base 13\.5 %\)/);
  view.close();
});

test("not a terminal: one line a step, no control codes", () => {
  const screen = new Screen(200);
  const view = play(screen, false);
  view.done(["report  report.html"]);
  assert.ok(!/[^\P{Cc}\n]/u.test(screen.written));
  const lines = screen.written.split("\n");
  assert.equal(lines.filter((line) => /^step +\d+\/20 {2}right/.test(line)).length, 12);
  assert.ok(lines.every((line) => columns(line) <= 120));
  assert.match(
    screen.written,
    /^Measuring the base: to tell the gain\n {2}50\.0 % {2}half of the answers {2}left 30 s\nheld-out, before: 13\.5 %/,
  );
  // Steps 1 and 11 opened a group.
  assert.equal(screen.written.match(/One problem, 16 answers/g)?.length, 2);
  assert.match(screen.written, /step 12\/20 .* left 33 s\n/);
  assert.match(screen.written, /\nreport {2}report\.html\n$/);
});

test("long notes are wrapped, not cut; without a first measurement there is no base to compare with", () => {
  const screen = new Screen(40);
  const view = createView({ stream: screen, isTTY: true, totalSteps: 20, env: {} });
  view.note("first line\nthe second line is longer than this window is wide");
  view.evaluation(fakeReport(20), "after");
  view.step(fakeStep(7, 15));
  assert.match(screen.text, /first line\n {2}the second line is longer than this\n {2}window is wide\n/);
  assert.match(screen.text, /step 15 of 20/);
  assert.doesNotMatch(screen.text, /\(base/);
  view.close();
});

test("sft steps: loss and speed", () => {
  const step = {
    kind: "sft",
    index: 1,
    loss: 2.5,
    heldOutLoss: 2.6,
    gradNorm: 1,
    learningRate: 1e-3,
    tokens: 4000,
    tokensTotal: 4000,
    paddingShare: 0,
    seconds: 0.5,
  } as const;
  const plain = new Screen(200);
  createView({ stream: plain, isTTY: false, totalSteps: 1, env: {} }).step(step);
  assert.match(plain.written, /^step 1\/1 {2}loss 2\.5000 {2}held-out 2\.6000 {2}8000 tokens\/s\n$/);
  const live = new Screen(80);
  const view = createView({ stream: live, isTTY: true, totalSteps: 1, env: {} });
  view.step(step);
  assert.match(live.text, /loss +█ {2}2\.500/);
  view.close();
});

test("a group shows sixteen grades, its best and its worst, and no code of the model's reaches the terminal", () => {
  const group = tellingGroup(fakeStep(7, 11).groups)!;
  const hostile = `\u001b[2J\u001b]0;owned\u0007first\rsecond\u202e ${"x".repeat(500)}${"\nline".repeat(40)}`;
  const rollouts = group.rollouts.map((one, i) => ({
    ...one,
    ...(i === 0 && { text: hostile, reward: 2, advantage: 3 }),
  }));
  const lines = groupLines({ ...group, rollouts }, 80).map((line) => line.map(({ text }) => text).join(""));
  const text = lines.join("\n");
  assert.equal(text.match(/[✓✗] \d\.\d\d/g)?.length, 16);
  assert.match(text, /best .* advantage \+3\.00/);
  assert.match(text, /worst {2}[\w-]+ {2}advantage −/);
  assert.ok(!/[^\P{C}\n]/u.test(text));
  assert.match(text, /│ first\n.*│ second/);
  assert.match(text, /… \d+ more lines/);
  assert.ok(lines.length < 40 && lines.every((line) => columns(line) <= 80));
});

test("the group to show is mixed, and as even as there is; none where all are constant", () => {
  const { groups } = fakeStep(7, 5);
  const shares = groups
    .filter(({ rollouts }) => rollouts[0]!.advantage !== null)
    .map(({ rollouts }) => Math.abs(rollouts.filter(({ reward }) => reward === 1).length / 16 - 0.5));
  const found = tellingGroup(groups)!;
  assert.equal(Math.abs(found.rollouts.filter(({ reward }) => reward === 1).length / 16 - 0.5), Math.min(...shares));
  const constant = groups.map((group) => ({
    ...group,
    rollouts: group.rollouts.map((one) => ({ ...one, advantage: null })),
  }));
  assert.equal(tellingGroup(constant), null);
  assert.match(
    groupLines(constant[0]!, 80)
      .flat()
      .map(({ text }) => text)
      .join(""),
    /graded alike/,
  );
});

test("columns, cutting and wrapping count what is seen", () => {
  assert.equal(columns("等等 wait é"), 11);
  assert.equal(fit("等等等等", 5), "等等…");
  assert.equal(fit("short", 5), "short");
  assert.deepEqual(wrap("one two three", 8), ["one two", "three"]);
  assert.deepEqual(wrap("等等等等等", 4), ["等等", "等等", "等"]);
  assert.deepEqual(wrap("a\n\nb", 4), ["a", "", "b"]);
  assert.equal(clean("a\u001b[31mb\tc\u0000\u200b\r\nd"), "ab c\nd");
  assert.equal(sparkline([0, 0.5, 1], 10, 0, 1), "▁▅█");
  assert.equal(sparkline([0, 0, 1, 1], 2, 0, 1), "▁█");
  assert.deepEqual(bar(0.5, 4), ["━━", "──"]);
});
