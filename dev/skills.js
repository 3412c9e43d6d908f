// Which skills a base model has: teacher-forced loss of the reflective writers' text, by what each token is.
//   npm run build && node dev/skills.js models/countdown-base 200
// Only what follows from the text is asked for: a first step that a writer chose at random (four numbers) counts too.
import { readModelDirectory } from "../dist/src/checkpoint/model-directory.js";
import { corpus } from "../dist/src/corpus/corpus.js";
import { openPolicy } from "../dist/src/run/open-policy.js";

const [path, count = "200"] = process.argv.slice(2);
const model = await readModelDirectory(path);
const { engine, tokenizer } = await openPolicy(model, { provider: "cpu" });
const texts = [];
for (const { kind, text } of corpus(999)) {
  if (kind === "reflective" && text.includes("wait")) texts.push(text);
  if (texts.length === Number(count)) break;
}
const [end] = tokenizer.endTokens;
const logprobs = await engine.logprobs(
  texts.map((text) => {
    const body = tokenizer.encode(text);
    const tokens = new Int32Array(body.length + 2).fill(end);
    tokens.set(body, 1);
    return { tokens, promptLength: 1, weights: new Float32Array(body.length + 1) };
  }),
  "policy",
);
await engine.close();

const skills = new Map();
function add(skill, logprob) {
  const { n, loss, doubtful } = skills.get(skill) ?? { n: 0, loss: 0, doubtful: 0 };
  skills.set(skill, { n: n + 1, loss: loss - logprob, doubtful: doubtful + Number(logprob < Math.log(0.5)) });
}
// the note before a step with what a look found, the step, and the check where the attempt ends
const step = /(\[[^:\]]*:\d+)((?: [-+*/]\d+)*)(\]) (\d+)([-+*/])(\d+)=(\d+)(?::\d+ (yes|no|对|不对))?/g;
for (const [i, text] of texts.entries()) {
  const target = /make (\d+)/.exec(text)[1];
  const of = (from, length) => logprobs[i].slice(from, from + length).reduce((sum, x) => sum + x, 0);
  for (const found of text.matchAll(step)) {
    const [whole, note, seen, , left, sign, right, result, verdict] = found;
    if (found.index < text.search("wait")) continue; // the careless first try is random
    let at = found.index;
    add("note", of(at, note.length));
    at += note.length;
    for (const [one] of seen.matchAll(/ .\d+/g)) {
      add("look: goes on with the right operation", of(at, 2));
      add("look: result", of(at + 2, one.length - 2));
      at += one.length;
    }
    if (seen) add(seen.endsWith(sign + target) ? "look: ends at a hit" : "look: ends without a hit", of(at, 1));
    at += 2;
    const which = seen ? "last" : "earlier";
    add(`${which} step: left number`, of(at, left.length));
    at += left.length;
    add(`${which} step: sign`, of(at, 1));
    at += 1;
    add(`${which} step: right number`, of(at, right.length));
    at += right.length + 1;
    add(`${which} step: result`, of(at, result.length));
    if (verdict)
      add(result === target ? "check: yes" : "check: no", of(found.index + whole.length - verdict.length, 1));
  }
}
console.table(
  Object.fromEntries(
    [...skills].map(([skill, { n, loss, doubtful }]) => [
      skill,
      { n, "loss, nats": (loss / n).toFixed(4), "share under one half": (doubtful / n).toFixed(3) },
    ]),
  ),
);
