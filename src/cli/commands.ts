import type { CommandTable } from "./command.ts";

/**
 * Every command: its line in the list, and the file that declares it, loaded only when it is called, so that `--help`
 * starts no engine. A test keeps each summary equal to its declaration's.
 */
export const commands: CommandTable = {
  zero: {
    summary: "R1-Zero on this machine: a small base model learns to reason by reinforcement alone",
    load: async () => (await import("./zero.ts")).zero,
  },
  grpo: {
    summary: "reinforcement learning of any model on any task",
    load: async () => (await import("./grpo.ts")).grpo,
  },
  sft: {
    summary: "supervised fine-tuning of any model on conversations or texts",
    load: async () => (await import("./sft.ts")).sft,
  },
  "plan grpo": {
    summary: "memory and seconds a step of a grpo command on this machine, before anything loads",
    load: async () => (await import("./plan.ts")).planGrpoCommand,
  },
  "plan sft": {
    summary: "memory and seconds a step of an sft command on this machine, before anything loads",
    load: async () => (await import("./plan.ts")).planSftCommand,
  },
  merge: {
    summary: "write an adapter and its base as one model",
    load: async () => (await import("./merge.ts")).merge,
  },
  pretrain: {
    summary: "make the small world's base model from a generated corpus",
    load: async () => (await import("./pretrain.ts")).pretrain,
  },
  sample: {
    summary: "print completions of a prompt, or write those of many",
    load: async () => (await import("./sample.ts")).sample,
  },
  export: {
    summary: "write a model for other tools: transformers, vLLM, llama.cpp, transformers.js",
    load: async () => (await import("./export.ts")).exportCommand,
  },
  push: {
    summary: "upload a model, an adapter or a GGUF file to the Hugging Face hub",
    load: async () => (await import("./push.ts")).push,
  },
  eval: {
    summary: "measure a model on held-out problems, with intervals",
    load: async () => (await import("./eval.ts")).evalCommand,
  },
  compare: {
    summary: "whether one model is better than another on the same problems, or only seems so",
    load: async () => (await import("./compare.ts")).compareCommand,
  },
  "task list": {
    summary: "the tasks that ship, and what each asks",
    load: async () => (await import("./task.ts")).taskList,
  },
  "task show": {
    summary: "sample problems of a task with their gold answers, and what grows with its levels",
    load: async () => (await import("./task.ts")).taskShow,
  },
  "task check": {
    summary: "try a task without a model: gold answers, spoiled ones, cheats, splits, speed",
    load: async () => (await import("./task-check.ts")).taskCheck,
  },
  grade: {
    summary: "grade JSON lines: mathematical answers, programs by tests, answers to a task's problems",
    load: async () => (await import("./grade.ts")).grade,
  },
  "dataset show": {
    summary: "the first problems of a data set, as its columns are mapped",
    load: async () => (await import("./dataset.ts")).datasetShow,
  },
  "dataset check": {
    summary: "whether every row of a data set is a problem, and what it shares with an evaluation",
    load: async () => (await import("./dataset.ts")).datasetCheck,
  },
  report: {
    summary: "write report.html and report.md of a finished run again",
    load: async () => (await import("./report.ts")).report,
  },
};
