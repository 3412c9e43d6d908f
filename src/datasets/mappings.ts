import type { Mapping } from "./mapping.ts";

const boxed = "Please reason step by step, and put your final answer within \\boxed{}.";
const program =
  "Write a Python program that reads from standard input and writes to standard output. Put it in one ```python code block.";
const apps = { introductory: 1, interview: 3, competition: 5 };
const taco = { EASY: 1, MEDIUM: 2, MEDIUM_HARD: 3, HARD: 4, VERY_HARD: 5, UNKNOWN_DIFFICULTY: 3, UNKNOWN: 3 };

/** Mappings of well-known data sets. Spread one to change a field: `{ ...mappings.gsm8k, instruction: "..." }`. */
export const mappings = {
  /** question, answer with the number behind "####". */
  gsm8k: { prompt: "question", gold: "answer", goldForm: "hashes", solution: "answer", instruction: boxed },
  /** problem, level ("Level 3"; a few rows "Level ?"), solution with the answer in a box; MATH-500 has it in a column too. */
  math: {
    prompt: "problem",
    gold: ["answer", "solution"],
    goldForm: "boxed-or-text",
    level: "level",
    levels: { "Level ?": 3 },
    solution: "solution",
    instruction: boxed,
  },
  /** Whole numbers from 0 to 999; the common sets of 2024 and 2025 name their columns differently. */
  aime: {
    prompt: ["problem", "Problem", "question", "Question"],
    gold: ["answer", "Answer", "solution", "Solution"],
    goldForm: "boxed-or-text",
    instruction: boxed,
  },
  apps: {
    prompt: "question",
    tests: "input_output",
    testsForm: "inputs-outputs",
    level: "difficulty",
    levels: apps,
    instruction: program,
  },
  taco: {
    prompt: "question",
    tests: "input_output",
    testsForm: "inputs-outputs",
    level: "difficulty",
    levels: taco,
    instruction: program,
  },
  livecodebench: {
    prompt: "question_content",
    tests: "public_test_cases",
    testsForm: "livecodebench",
    id: "question_id",
    level: "difficulty",
    levels: { easy: 1, medium: 3, hard: 5 },
    instruction: program,
  },
  codeforces: {
    prompt: "{title}\n\n{description}\n\nInput\n\n{input_format}\n\nOutput\n\n{output_format}",
    tests: "official_tests",
    id: "id",
    instruction: program,
  },
  "code-contests": {
    prompt: "description",
    tests: "public_tests",
    testsForm: "code-contests",
    id: "name",
    instruction: program,
  },
} as const satisfies Readonly<Record<string, Mapping>>;

export type MappingName = keyof typeof mappings;

/** Data sets of the hub by the mapping that fits them, in lower case. */
const known: Readonly<Record<string, MappingName>> = {
  "openai/gsm8k": "gsm8k",
  gsm8k: "gsm8k",
  "huggingfaceh4/math-500": "math",
  "eleutherai/hendrycks_math": "math",
  "hendrycks/competition_math": "math",
  "digitallearninggmbh/math-lighteval": "math",
  "huggingfaceh4/aime_2024": "aime",
  "maxwell-jia/aime_2024": "aime",
  "math-ai/aime24": "aime",
  "math-ai/aime25": "aime",
  "opencompass/aime2025": "aime",
  "yentinglin/aime_2025": "aime",
  "di-zhang-fdu/aime_1983_2024": "aime",
  "codeparrot/apps": "apps",
  "baai/taco": "taco",
  "livecodebench/code_generation": "livecodebench",
  "livecodebench/code_generation_lite": "livecodebench",
  "open-r1/codeforces": "codeforces",
  "deepmind/code_contests": "code-contests",
};

/** The mapping of a data set of the hub; undefined where none is known. */
export function knownMapping(id: string): MappingName | undefined {
  const name = id.toLowerCase();
  return Object.hasOwn(known, name) ? known[name] : undefined;
}
