import * as writers from "../corpus/writers.ts";
import type { PretrainRecipe } from "../recipe/schema.ts";
import { commandWithoutFolders } from "./plain-paths.ts";

/** What pretraining gave. */
export interface Pretrained {
  readonly model: string;
  readonly parameters: number;
  readonly loss: number;
  readonly heldOutLoss: number;
  readonly seconds: number;
}

/** README.md of a base model: what it is, what it has read, and the command that makes it again. */
export function modelCard(recipe: PretrainRecipe, documents: number, result: Pretrained, command: string): string {
  const percent = (share: number): string => `${Math.round(share * 100)} %`;
  return `---
license: mit
library_name: transformers
---
# Countdown base

A Llama-shaped character model of ${result.parameters.toLocaleString("en")} parameters (${recipe.layers} layers, width ${recipe.width}), the starting point of
\`autodidact zero\`. It continues plain text; it was not taught to answer, to search or to stop at a right answer.

## What it has read
${documents.toLocaleString("en")} generated documents, ${recipe.tokens.toLocaleString("en")} characters, once: number puzzles as people leave them, lines of sums,
lists of what some numbers make, drill with two numbers, often towards a target that is just missed, and walks through the first steps from some numbers. Nothing is filtered for correctness and no writer knows a solution. ${percent(1 - writers.reflectiveShare)} of the puzzle writers are
careless (one to three tries); ${percent(writers.reflectiveShare)} are reflective: after a failed try they say a word such as "wait" and look behind one
first step after the other, in order, each time at what the last step could make. ${percent(writers.chineseShare)} write Chinese, ${percent(writers.mixedShare)} mix both languages. No number set of a
held-out puzzle occurs in a puzzle of its length.

So the base already knows arithmetic, honest checking and, rarely, search. Reinforcement can only select and strengthen
what it can produce.

## Figures
Cross-entropy on kept-out documents: ${result.heldOutLoss.toFixed(4)} nats a character. Pretraining took ${Math.round(result.seconds)} s.

## Make it again
Seed ${recipe.seed}:

\`\`\`sh
${commandWithoutFolders(command)}
\`\`\`
`;
}
