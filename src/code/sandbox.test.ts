import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, describe, test } from "node:test";
import { AutodidactError } from "../errors.ts";
import { gradeCode, runTests } from "./grade.ts";
import { openSandboxPool, type SandboxPool } from "./pool.ts";
import { type Job, type Outcome, outcome } from "./protocol.ts";
import type { Language } from "./tests.ts";

const pool = openSandboxPool({ workers: 1 });
after(() => pool.close());

function run(language: Language, code: string, more: Partial<Job> = {}): Promise<Outcome> {
  return pool.run({
    ...{ language, code, input: "", call: null, timeMs: 20_000, memoryMiB: 256, outputBytes: 64 * 1024 },
    ...more,
  });
}

async function output(language: Language, code: string, input = ""): Promise<string> {
  const outcome = await run(language, code, { input });
  assert.equal(outcome.ending, "done", `${code}\n${JSON.stringify(outcome)}`);
  return outcome.stdout;
}

async function value(language: Language, code: string, name: string, args: readonly unknown[]): Promise<unknown> {
  const outcome = await run(language, code, { call: { name, args: JSON.stringify(args) } });
  assert.equal(outcome.ending, "done", `${code}\n${JSON.stringify(outcome)}`);
  return outcome.value === null ? outcome.detail : JSON.parse(outcome.value);
}

describe("Python", () => {
  test("reads standard input in every way that programs do", async () => {
    const input = "3 4\n5\n";
    const ways = [
      "a, b = map(int, input().split()); print(a + b + int(input()))",
      "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
      "print(sum(map(int, open(0).read().split())))",
      "import sys\nprint(sum(int(x) for line in sys.stdin for x in line.split()))",
      "import sys\nprint(sum(map(int, sys.stdin.buffer.read().split())))",
      "import os\nprint(sum(map(int, os.read(0, 100).split())))",
      "import fileinput\nprint(sum(int(x) for line in fileinput.input() for x in line.split()))",
      "print(sum(map(int, open('/dev/stdin').read().split())))",
      "import sys\nsys.stdin = open(0)\ninput = sys.stdin.readline\na, b = map(int, input().split())\nprint(a + b + int(input()))",
    ];
    for (const code of ways) assert.equal(await output("python", code, input), "12\n", code);
    assert.equal(await output("python", "print(input())", "žluťoučký 漢字 🦆\n"), "žluťoučký 漢字 🦆\n");
  });

  test("has __main__, threads that run at once, asyncio, deep recursion, and a way to stop", async () => {
    assert.equal(await output("python", "if __name__ == '__main__': print('main')"), "main\n");
    const thread =
      "import sys, threading\nsys.setrecursionlimit(10**6)\nthreading.stack_size(1 << 27)\ndef main(): print(7)\nt = threading.Thread(target=main)\nt.start()\nt.join()";
    assert.equal(await output("python", thread), "7\n");
    const pooled =
      "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as p: print(list(p.map(abs, [-1, -2])))";
    assert.equal(await output("python", pooled), "[1, 2]\n");
    const gathered =
      "import asyncio\nasync def one(i):\n    await asyncio.sleep(0.001 * (3 - i))\n    return i\nasync def main(): print(await asyncio.gather(*[one(i) for i in range(3)]))\nasyncio.run(main())";
    assert.equal(await output("python", gathered), "[0, 1, 2]\n");
    const deep =
      "import sys\nsys.setrecursionlimit(10**6)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(100000))";
    assert.equal(await output("python", deep), "100000\n");
    const cached =
      "import sys\nfrom functools import lru_cache\nsys.setrecursionlimit(10**6)\n@lru_cache(None)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(10000))";
    assert.equal(await output("python", cached), "10000\n");
    const chain =
      "x = None\nclass N:\n    def __init__(s, n): s.n = n\nfor i in range(300000): x = N(x)\nx = None\nprint('freed')";
    assert.equal(await output("python", chain), "freed\n");
    assert.equal(await output("python", "import sys\nprint(1)\nsys.exit()\nprint(2)"), "1\n");
    assert.equal(
      await output("python", "import atexit\natexit.register(print, 'end')\nprint('start')"),
      "start\nend\n",
    );
    const failed = await run("python", "import sys\nprint(1)\nsys.exit(3)");
    assert.deepEqual([failed.ending, failed.detail], ["runtime-error", "exit status 3"]);
  });

  test("calls functions and methods with JSON and gives JSON back", async () => {
    assert.deepEqual(await value("python", "def f(a, b): return [a, (b, None), {'k': 1.5, 2: True}]", "f", [1, "x"]), [
      1,
      ["x", null],
      { k: 1.5, 2: true },
    ]);
    const solution = "class Solution:\n    def two(self, x): return [y * 2 for y in x]";
    assert.deepEqual(await value("python", solution, "Solution.two", [[1, 2]]), [2, 4]);
    assert.deepEqual(await value("python", solution, "two", [[1, 2]]), [2, 4]);
    assert.equal(await value("python", "async def f(x): return x", "f", [3]), 3);
    assert.equal(
      await value("python", "def f(): return {1, 2}", "f", []),
      "the result is no JSON: a value of type set",
    );
    const twice = "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f(x): return P(x).x";
    assert.equal(await value("python", twice, "f", [9]), 9);
  });

  test("says what went wrong and in which line", async () => {
    const compile = await run("python", "x = 1\ndef f(:\n");
    assert.equal(compile.ending, "compile-error");
    assert.match(compile.detail, /line 2[\s\S]*SyntaxError/);
    const runtime = await run("python", "x = 1\n\nprint([][x])");
    assert.deepEqual(
      [runtime.ending, runtime.detail],
      ["runtime-error", "IndexError: list index out of range (line 3)"],
    );
    // Raised at run time, it is no fault of the program's text.
    assert.equal((await run("python", "exec('def f(:')")).ending, "runtime-error");
  });
});

describe("no run sees another", () => {
  // Each first program leaves something behind; each second one says "clean" where nothing is left.
  const pairs: readonly (readonly [string, string])[] = [
    [
      "import builtins\nbuiltins.print = lambda *a: None\nbuiltins.leak = 1",
      "print('clean' if 'leak' not in dir(__builtins__) else 'leak')",
    ],
    [
      "import math\nmath.sqrt = lambda x: 0\nmath.pi = 3",
      "import math\nprint('clean' if math.sqrt(4) == 2 and math.pi > 3 else 'leak')",
    ],
    [
      "import sys\nsys.setrecursionlimit(50)",
      "import sys\nprint('clean' if sys.getrecursionlimit() == 1000 else 'leak')",
    ],
    [
      "import sys\nsys.modules['leak'] = sys\nsys.path.append('x')",
      "import sys\nprint('clean' if 'leak' not in sys.modules and 'x' not in sys.path else 'leak')",
    ],
    [
      "import random\nrandom.seed(5)\nrandom.random()",
      "import random\nx = random.random()\nrandom.seed(0)\nprint('clean' if x == random.random() else 'leak')",
    ],
    [
      "import os\nos.environ['LEAK'] = '1'\nos.chdir('/')",
      "import os\nprint('clean' if not os.environ and os.getcwd() == '/home' else 'leak')",
    ],
    ["import sys, io\nsys.stdout = io.StringIO()\nsys.stdin = None", "print('clean')"],
    ["import sys, os\nos.close(1)\nos.close(0)\nos.dup2(2, 1)", "print('clean')"],
    [
      "import threading, decimal\ndecimal.getcontext().prec = 3",
      "import decimal\nprint('clean' if decimal.getcontext().prec == 28 else 'leak')",
    ],
    [
      "import functools\n@functools.lru_cache\ndef f(x): return x\nf(1)\nimport collections\ncollections.deque = list",
      "import collections\nprint('clean' if collections.deque is not list else 'leak')",
    ],
    [
      "import gc, atexit\ngc.disable()\natexit.register(print, 'leak')",
      "import gc\nprint('clean' if gc.isenabled() else 'leak')",
    ],
    [
      "int.__add__\nimport asyncio\nasyncio.run = None\nasyncio.sleep = None",
      "import asyncio\nasync def f(): print('clean')\nasyncio.run(f())",
    ],
    ["x = [0] * 10**7\nleak = 1", "print('clean' if 'leak' not in globals() and 'x' not in globals() else 'leak')"],
    ["import signal\nwhile True: leak = [1]", "print('clean' if 'leak' not in globals() else 'leak')"],
    ["open('/tmp/leak', 'w').write('x')", "import os\nprint('clean' if os.listdir('/tmp') == [] else 'leak')"],
    ["print('x' * 10**6)", "print('clean')"],
    ["import os, sys\nprint('unflushed', end='')\nos._exit(0)", "print('clean')"],
    [
      "import json, types\ntypes.ModuleType = None\njson.dumps = None\njson.JSONEncoder.encode = None\ndel types.CodeType",
      "print('clean')",
    ],
  ];

  test("in Python, whatever the earlier one did", async () => {
    for (const [first, second] of pairs) {
      const spoils = run("python", first, { timeMs: 400 });
      const after = run("python", second);
      await spoils;
      assert.equal((await after).stdout, "clean\n", `${first}\n---\n${second}`);
    }
  });

  test("memory is the same byte for byte: addresses and hashes repeat", async () => {
    const code = "print(id(object()), hash('x'), hash(object()), sum(map(ord, str(set('abcdef')))))";
    const first = await output("python", code);
    await run("python", "x = [object() for _ in range(10**6)]\nwhile True: pass", { timeMs: 300 });
    assert.equal(await output("python", code), first);
  });

  test("in JavaScript", async () => {
    await run(
      "javascript",
      "globalThis.leak = 1; Array.prototype.map = null; Math.random = () => 1; JSON.stringify = 0;",
    );
    const code = "console.log(typeof leak, [1].map((x) => x + 1)[0], Math.random() < 1, JSON.stringify([1]))";
    assert.equal(await output("javascript", code), "undefined 2 true [1]\n");
  });
});

describe("JavaScript and TypeScript", () => {
  test("read standard input in every way that programs do", async () => {
    const input = "3 4\n5\n";
    const sum = ".split(/\\s+/).map(Number).reduce((a, b) => a + b, 0)";
    const ways = [
      `console.log(require('fs').readFileSync(0, 'utf8')${sum})`,
      `console.log(require('node:fs').readFileSync('/dev/stdin').toString().trim()${sum})`,
      `import fs from 'fs'; console.log(fs.readFileSync(0, 'utf8')${sum})`,
      `import { readFileSync } from 'node:fs'; console.log(readFileSync(0, 'utf8')${sum})`,
      `const rl = require('readline').createInterface({ input: process.stdin }); const all = []; rl.on('line', (x) => all.push(x)); rl.on('close', () => console.log(all.join(' ')${sum}))`,
      `import * as readline from 'node:readline'; let all = ''; for await (const line of readline.createInterface({ input: process.stdin })) all += line + ' '; console.log(all.trim()${sum})`,
      `let all = ''; process.stdin.setEncoding('utf8'); process.stdin.on('data', (x) => { all += x; }).on('end', () => console.log(all.trim()${sum}))`,
      `let all = ''; for await (const part of process.stdin) all += part; console.log(all.trim()${sum})`,
      `console.log((readline() + ' ' + readline())${sum})`,
    ];
    for (const code of ways) assert.equal(await output("javascript", code, input), "12\n", code);
  });

  test("have timers, promises, exit codes and console.log as in Node", async () => {
    assert.equal(
      await output(
        "javascript",
        "setTimeout(() => console.log(2), 5000); setTimeout(() => console.log(1), 10); console.log(0)",
      ),
      "0\n1\n2\n",
    );
    const shown =
      "console.log([1, { a: 'x' }, [2]], new Map([[1, 2]]), 'a', -0, null, undefined, 5n, '%d%%', 3); console.log('%d-%s', 3, 'x', 4)";
    assert.equal(
      await output("javascript", shown),
      "[ 1, { a: 'x' }, [ 2 ] ] Map(1) { 1 => 2 } a -0 null undefined 5n %d%% 3\n3-x 4\n",
    );
    assert.equal(await output("javascript", "try { process.exit(0) } catch { } finally { console.log('no') }"), "");
    const failed = await run("javascript", "console.log(1); process.exit(2)");
    assert.deepEqual([failed.ending, failed.stdout, failed.detail], ["runtime-error", "1\n", "exit status 2"]);
  });

  test("call functions however they are declared", async () => {
    const ways: readonly (readonly [Language, string])[] = [
      ["javascript", "function add(a, b) { return a + b; }"],
      ["javascript", "const add = (a, b) => a + b;"],
      ["javascript", "module.exports = { add: (a, b) => a + b };"],
      ["javascript", "export function add(a, b) { return a + b; }"],
      ["typescript", "export const add = async (a: number, b: number): Promise<number> => a + b;"],
      [
        "typescript",
        "enum E { X = 0 }\nfunction add<T extends number>(a: T, b: T): number { return (a as number) + b + E.X; }",
      ],
      ["typescript", "interface P { a: number }\nconst add = (a: number, b: number) => ({ a } satisfies P).a + b!;"],
    ];
    for (const [language, code] of ways) assert.equal(await value(language, code, "add", [2, 3]), 5, code);
    assert.deepEqual(
      await value("javascript", "class S { two(x) { return x.map((y) => y * 2); } }", "S.two", [[1, 2]]),
      [2, 4],
    );
    assert.deepEqual(
      await value("javascript", "const f = () => ({ a: undefined, b: new Map([['k', 1]]), c: 2n ** 70n })", "f", []),
      {
        b: { k: 1 },
        c: 2 ** 70,
      },
    );
  });

  test("say what went wrong", async () => {
    assert.deepEqual(await run("javascript", "let x = 1;\nx.y.z").then(({ ending, detail }) => [ending, detail]), [
      "runtime-error",
      "TypeError: cannot read property 'z' of undefined (line 2)",
    ]);
    assert.equal((await run("javascript", "let = = 1")).ending, "compile-error");
    assert.equal((await run("typescript", "function f(: number) {}")).ending, "compile-error");
  });
});

describe("limits", () => {
  test("hold for each test and for all together", async () => {
    const tests = [1, 2, 3, 4].map((x) => ({ input: `${x}\n`, output: "x\n" }));
    const slow = await runTests("while True: pass", "python", tests, { pool, limits: { testMs: 300, totalMs: 700 } });
    assert.deepEqual(
      slow.results.map(({ reason }) => reason),
      ["time-limit", "time-limit", "time-limit", "time-limit"],
    );
    assert.equal(slow.results[3]!.ms, 0);
    assert.ok(slow.results[2]!.ms < slow.results[0]!.ms);
    const given: number[] = [];
    const early: SandboxPool = {
      ...pool,
      run: async ({ timeMs }) => {
        given.push(timeMs);
        return outcome("time-limit", { ms: timeMs - 0.7 });
      },
    };
    await runTests("while True: pass", "python", tests, { pool: early, limits: { testMs: 300, totalMs: 700 } });
    assert.deepEqual(given, [300, 300, 100], "a timer that goes off early leaves nothing over");
    const loud = await runTests("print('y' * 900)", "python", tests, { pool, limits: { totalOutputBytes: 2_000 } });
    assert.deepEqual(
      loud.results.map(({ reason }) => reason),
      ["wrong-answer", "wrong-answer", "output-limit", "output-limit"],
    );
    await assert.rejects(runTests("", "python", tests, { pool, limits: { testMs: 0 } }), { code: "CODE_LIMITS" });
    await assert.rejects(runTests("", "python", tests, { pool, limits: { memory: 5 } as never }), {
      code: "CODE_LIMITS",
    });
  });

  test("a program within its memory is let through, one beyond it is not", async () => {
    const code = (mib: number): string => `x = bytearray(${mib} * 2**20)\nprint(len(x) // 2**20)`;
    assert.equal((await run("python", code(60), { memoryMiB: 128 })).stdout, "60\n");
    assert.equal((await run("python", code(120), { memoryMiB: 128 })).ending, "memory-limit");
    assert.equal((await run("python", code(400), { memoryMiB: 512 })).stdout, "400\n");
    assert.equal(
      (await run("javascript", "const all = []; for (;;) all.push(new Array(1e5).fill(1));", { memoryMiB: 64 })).ending,
      "memory-limit",
    );
  });
});

describe("grading", () => {
  const tests = [
    { input: "1 2\n", output: "3" },
    { input: "-5 5\n", output: "0" },
    { input: "7 7\n", output: "14" },
    { call: "add", args: [2, 2], expected: 4 },
  ];
  const fence = (code: string, tag = "python"): string =>
    `<think>Some thought.</think>\nHere:\n\`\`\`${tag}\n${code}\n\`\`\`\n`;
  const good =
    "def add(a, b): return a + b\ntry:\n    print(add(*map(int, input().split())))\nexcept EOFError:\n    pass";

  test("all or a share of the tests", async () => {
    assert.deepEqual(await gradeCode(fence(good), tests, { pool }), { reward: 1, reason: "correct", answer: null });
    const half = good.replace("a + b", "abs(a) + abs(b)");
    assert.deepEqual(await gradeCode(fence(half), tests, { pool }), {
      reward: 0,
      reason: "wrong-answer",
      answer: null,
    });
    assert.deepEqual(await gradeCode(fence(half), tests, { pool, reward: "share" }), {
      reward: 0.75,
      reason: "wrong-answer",
      answer: null,
    });
  });

  test("reason codes for what is no program at all", async () => {
    const reason = async (text: string, options = {}): Promise<string> =>
      (await gradeCode(text, tests, { pool, ...options })).reason;
    assert.equal(await reason("I don't know."), "no-code");
    assert.equal(await reason(fence(good), { complete: false }), "truncated");
    assert.equal(await reason(fence(good), { language: "javascript" }), "no-code");
    assert.equal(await reason(fence("def f(:")), "compile-error");
    assert.equal(await reason(""), "no-code");
  });

  test("the language is the tests', else the option's, else the block's, else Python", async () => {
    const js =
      "console.log(require('fs').readFileSync(0, 'utf8').trim().split(' ').map(Number).reduce((a, b) => a + b, 0))";
    const stream = tests.slice(0, 3) as { input: string; output: string }[];
    const reason = async (text: string, set: Parameters<typeof gradeCode>[1], options = {}): Promise<string> =>
      (await gradeCode(text, set, { pool, ...options })).reason;
    assert.equal(await reason(fence(js, "js"), stream), "correct");
    assert.equal(await reason(fence(js, ""), stream, { language: "javascript" }), "correct");
    assert.equal(await reason(fence(js, ""), { language: "typescript", tests: stream }), "correct");
    assert.equal(
      await reason(fence(js.replace("(a, b)", "(a: number, b: number)"), "ts"), {
        language: "javascript",
        tests: stream,
      }),
      "correct",
    );
    assert.equal(await reason(fence(js, ""), stream), "compile-error");
  });
});

describe("the pool", () => {
  test("a process that is stuck is killed and replaced, the others go on", {
    skip: process.platform === "win32",
  }, async () => {
    const two = openSandboxPool({ workers: 2 });
    try {
      const job: Job = {
        language: "javascript",
        code: "console.log(1)",
        input: "",
        call: null,
        timeMs: 20_000,
        memoryMiB: 64,
        outputBytes: 100,
      };
      await two.run(job);
      // Time to get ready again, so that the next program goes to the same process.
      await new Promise((resolve) => setTimeout(resolve, 500));
      const [victim] = two.workers.pids;
      const endless = two.run({ ...job, code: "for (;;);", timeMs: 1_500 });
      await new Promise((resolve) => setTimeout(resolve, 100));
      process.kill(victim!, "SIGSTOP");
      const others = await Promise.all([1, 2, 3].map(() => two.run(job)));
      assert.deepEqual(
        others.map(({ stdout }) => stdout),
        ["1\n", "1\n", "1\n"],
      );
      assert.equal((await endless).ending, "time-limit");
      assert.equal((await two.run(job)).stdout, "1\n");
    } finally {
      await two.close();
    }
  });

  test("a process that dies is replaced and its program run again; a closed pool says so", async () => {
    const one = openSandboxPool({ workers: 1 });
    const job: Job = {
      language: "javascript",
      code: "console.log(1)",
      input: "",
      call: null,
      timeMs: 20_000,
      memoryMiB: 64,
      outputBytes: 100,
    };
    await one.run(job);
    const again = one.run({ ...job, code: "const t = Date.now(); while (Date.now() < t + 1_500); console.log(2)" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(one.workers.pids[0]!, "SIGKILL");
    assert.equal((await again).stdout, "2\n");
    assert.equal(one.workers.replaced, 1);
    const waiting = one.run({ ...job, code: "for (;;);" });
    const refused = assert.rejects(waiting, { code: "CODE_POOL_CLOSED" });
    await one.close();
    await refused;
    await assert.rejects(one.run(job), { code: "CODE_POOL_CLOSED" });
    assert.throws(
      () => openSandboxPool({ workers: 0 }),
      (error: unknown) => error instanceof AutodidactError && error.code === "CODE_POOL",
    );
  });

  test("idle workers don't keep Node alive, and end with it", async () => {
    const url = new URL("./grade.js", import.meta.url).href;
    const program = `const { runTests } = await import(${JSON.stringify(url)});
      const report = await runTests("console.log(1)", "javascript", [{ input: "", output: "1" }]);
      const { sharedPool } = await import(${JSON.stringify(new URL("./pool.js", import.meta.url).href)});
      console.log(report.reason, ...sharedPool().workers.pids);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const status = await new Promise((resolve) => child.once("exit", resolve));
    assert.equal(status, 0);
    const [reason, pid] = said.trim().split(" ");
    assert.equal(reason, "correct");
    const alive = (): boolean => {
      try {
        return process.kill(Number(pid), 0);
      } catch {
        return false;
      }
    };
    for (let i = 0; i < 100 && alive(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(!alive(), "the worker outlived its pool");
  });
});
