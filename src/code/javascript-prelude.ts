/**
 * The JavaScript side of the sandbox: evaluated in every fresh context before the program. It gives QuickJS the few names
 * of Node that programs for judges use, all of them made of the job's own text. It decides nothing.
 *
 * A function of (write, exit, input); gives { step, find, invoke, encode } to the host.
 */
export const prelude = String.raw`
(function (write, exit, input) {
"use strict";
const { stringify, parse } = JSON;
const keysOf = Object.keys, isArray = Array.isArray;

// The host answers true when the run is over. The loop then waits for the interrupt, which no catch and no finally sees.
const put = (text) => { if (write(String(text))) for (;;); };
const quit = (code) => { exit(code === undefined ? 0 : Number(code) | 0); for (;;); };

const quoted = (text) => "'" + stringify(text).slice(1, -1).replace(/\\"/g, '"').replace(/'/g, "\\'") + "'";
function inspect(value, depth, seen) {
  if (typeof value === "string") return depth === 0 ? value : quoted(value);
  if (typeof value === "bigint") return value + "n";
  if (typeof value === "symbol") return String(value);
  if (typeof value === "function") return value.name ? "[Function: " + value.name + "]" : "[Function (anonymous)]";
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof Error) return value.name + ": " + value.message + "\n" + value.stack;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (seen.includes(value)) return "[Circular *1]";
  if (depth > 3) return isArray(value) ? "[Array]" : "[Object]";
  const inner = [...seen, value];
  const show = (item) => inspect(item, depth + 1, inner);
  if (isArray(value)) return value.length ? "[ " + value.map(show).join(", ") + " ]" : "[]";
  if (value instanceof Map) return "Map(" + value.size + ") {" + [...value].map(([k, v]) => " " + show(k) + " => " + show(v)).join(",") + " }";
  if (value instanceof Set) return "Set(" + value.size + ") {" + [...value].map((v) => " " + show(v)).join(",") + " }";
  if (ArrayBuffer.isView(value)) return value.constructor.name + "(" + value.length + ") [ " + [...value].map(show).join(", ") + " ]";
  const name = value.constructor && value.constructor !== Object ? value.constructor.name + " " : "";
  const parts = keysOf(value).map((key) => (/^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)) + ": " + show(value[key]));
  return name + (parts.length ? "{ " + parts.join(", ") + " }" : "{}");
}
function format(items) {
  let rest = items;
  let text = "";
  if (typeof items[0] === "string" && items.length > 1 && items[0].includes("%")) {
    rest = items.slice(1);
    text = items[0].replace(/%[sdifjoO%]/g, (mark) => {
      if (mark === "%%") return "%";
      if (rest.length === 0) return mark;
      const value = rest.shift();
      if (mark === "%s") return inspect(value, 0, []);
      if (mark === "%d") return String(Number(value));
      if (mark === "%i") return String(parseInt(value, 10));
      if (mark === "%f") return String(parseFloat(value));
      return mark === "%j" ? stringify(value) : inspect(value, 1, []);
    });
    if (rest.length > 0) text += " ";
  }
  return text + rest.map((item) => inspect(item, 0, [])).join(" ");
}
const log = (...items) => put(format(items) + "\n");
const silent = () => {};
globalThis.console = { log, info: log, debug: log, error: silent, warn: silent, trace: silent, table: log, dir: log,
  time: silent, timeEnd: silent, assert: silent };

// Timers run in the order of their times, without waiting: the clock of the program's plans is a virtual one.
let timers = [], now = 0, serial = 0;
const later = (repeat) => (action, delay, ...args) => {
  const wait = Math.max(1, Number(delay) || 0);
  timers.push({ at: now + wait, serial: ++serial, action, args, wait: repeat ? wait : 0 });
  return serial;
};
const cancel = (id) => { timers = timers.filter((timer) => timer.serial !== id); };
globalThis.setTimeout = later(false);
globalThis.setInterval = later(true);
globalThis.setImmediate = (action, ...args) => setTimeout(action, 0, ...args);
globalThis.clearTimeout = globalThis.clearInterval = globalThis.clearImmediate = cancel;
globalThis.queueMicrotask = (action) => { Promise.resolve().then(action); };
function step() {
  if (timers.length === 0) return false;
  let first = timers[0];
  for (const timer of timers) if (timer.at < first.at || (timer.at === first.at && timer.serial < first.serial)) first = timer;
  now = first.at;
  if (first.wait) { first.at += first.wait; } else cancel(first.serial);
  first.action(...first.args);
  return true;
}

// Standard input, in the ways in which programs read it.
const lines = () => { const all = input.split(/\r?\n/); if (all[all.length - 1] === "") all.pop(); return all; };
let unread = null;
globalThis.readline = () => { unread ??= lines(); return unread.shift(); };
globalThis.gets = globalThis.readline;
globalThis.prompt = () => globalThis.readline() ?? null;
globalThis.print = log;
function emitter(extra) {
  const handlers = {};
  const self = { on(event, action) { (handlers[event] ??= []).push(action); return self; },
    emit(event, ...args) { for (const action of handlers[event] ?? []) action.apply(self, args); return event in handlers; },
    ...extra };
  self.once = self.addListener = self.on;
  self.off = self.removeListener = () => self;
  return self;
}
const stdin = emitter({ fd: 0, isTTY: false, setEncoding() { return stdin; }, resume() { return stdin; }, pause() { return stdin; },
  read() { const all = reading ? null : input; reading = true; return all; },
  pipe(target) { return target; },
  async *[Symbol.asyncIterator]() { if (input !== "") yield input; } });
let reading = false;
setTimeout(() => {
  if (input !== "") { stdin.emit("readable"); stdin.emit("data", input); }
  stdin.emit("end");
  stdin.emit("close");
}, 0);
const stdout = { fd: 1, isTTY: false, write(text) { put(text); return true; }, end(text) { if (text !== undefined) put(text); } };
const stderr = { fd: 2, isTTY: false, write: () => true };
globalThis.process = { stdin, stdout, stderr, argv: ["node", "answer.js"], env: {}, exit: quit, platform: "sandbox", version: "v0.0.0",
  versions: {}, on: silent, cwd: () => "/", nextTick: (action, ...args) => { Promise.resolve().then(() => action(...args)); },
  hrtime: Object.assign(() => [Math.floor(Date.now() / 1000), (Date.now() % 1000) * 1e6], { bigint: () => BigInt(Date.now()) * 1000000n }),
  memoryUsage: () => ({ heapUsed: 0, heapTotal: 0, rss: 0 }) };
Object.defineProperty(process, "exitCode", { set(code) { exitCode = code; }, get() { return exitCode; } });
let exitCode;
class Text extends String { toString() { return this.valueOf(); } }
const fs = {
  readFileSync(path, options) {
    if (path !== 0 && path !== "/dev/stdin" && path !== stdin) throw new Error("ENOENT: no such file or directory, open '" + path + "'");
    return options === undefined ? new Text(input) : input;
  },
  writeFileSync(path, text) {
    if (path !== 1 && path !== "/dev/stdout") throw new Error("EROFS: read-only file system, open '" + path + "'");
    put(text);
  },
  writeSync(fd, text) { if (fd === 1) put(text); return String(text).length; },
  existsSync: (path) => path === "/dev/stdin",
};
const readlineModule = {
  createInterface() {
    const face = emitter({ close() { closed = true; face.emit("close"); }, setPrompt: silent, prompt: silent, pause: silent, resume: silent,
      question(text, action) { waiting.push(action); },
      async *[Symbol.asyncIterator]() { taken = true; yield* lines(); } });
    let closed = false, taken = false;
    const waiting = [];
    setTimeout(async () => {
      if (taken) return;
      for (const line of lines()) {
        if (closed) return;
        if (waiting.length > 0) waiting.shift()(line); else face.emit("line", line);
        await null;
        await null;
      }
      if (!closed) face.close();
    }, 0);
    return face;
  },
};
const assert = (value, message) => { if (!value) throw new Error(message ?? "assertion failed"); };
const modules = { fs, readline: readlineModule, process: globalThis.process, assert: Object.assign(assert, { ok: assert }),
  os: { EOL: "\n" }, util: { inspect: (value) => inspect(value, 1, []), format: (...items) => format(items) },
  perf_hooks: { performance: { now: () => Date.now() } }, events: { EventEmitter: function () { return emitter({}); } } };
globalThis.performance ??= modules.perf_hooks.performance;
globalThis.require = (name) => {
  const known = String(name).replace(/^node:/, "");
  if (Object.hasOwn(modules, known)) return modules[known];
  throw new Error("Cannot find module '" + name + "'");
};
globalThis.module = { exports: {} };
globalThis.exports = module.exports;
globalThis.global = globalThis;
delete globalThis.SharedArrayBuffer;

// A program that draws numbers draws the same ones on every run (mulberry32).
let seed = 0;
Math.random = () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};

function encode(value, depth) {
  if (depth > 190) throw new Error("nested too deep");
  if (value === undefined || value === null) return "null";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "boolean" || typeof value === "string") return stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new Error("the number " + value);
    return stringify(value);
  }
  if (typeof value !== "object") throw new Error("a value of type " + typeof value);
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return encode(value.valueOf(), depth + 1);
  if (isArray(value) || ArrayBuffer.isView(value)) {
    const parts = [];
    for (let i = 0; i < value.length; i++) parts.push(encode(value[i], depth + 1));
    return "[" + parts.join(",") + "]";
  }
  if (value instanceof Set) throw new Error("a Set");
  const entries = value instanceof Map ? [...value] : keysOf(value).map((key) => [key, value[key]]);
  const parts = [];
  for (const [key, item] of entries) if (item !== undefined) parts.push(stringify(String(key)) + ":" + encode(item, depth + 1));
  return "{" + parts.join(",") + "}";
}

/** The function that a test asks for, looked up in what the program exports where it is no global. */
function find(name, found) {
  const [head, method] = name.split(".");
  let owner = found;
  if (owner === undefined) owner = module.exports[head] ?? (module.exports.name === head ? module.exports : undefined);
  if (owner === undefined) return undefined;
  return method === undefined ? owner : (...args) => new owner()[method](...args);
}
return { step, find, encode: (value) => encode(value, 0), exitCode: () => exitCode,
  invoke: (target, args) => target(...parse(args)) };
})
`;
