/** The public interface. A run from a script: examples/grpo-by-hand.ts; a task of your own: examples/custom-task.ts. */
export { type Advantaged, type AdvantageSettings, groupAdvantages } from "./advantage.ts";
export type { Backend, Generated, GenerateOptions, GenerateRequest, Prompt } from "./backends/backend.ts";
export { embeddedBackend } from "./backends/embedded.ts";
export { type LlamaCppOptions, llamaCppBackend } from "./backends/llama-cpp.ts";
export { type OpenaiOptions, openaiBackend } from "./backends/openai.ts";
export { type CheckOptions, checkTask } from "./check/check-task.ts";
export type { Check, CheckFailure, CheckReport, PartSummary, Speed } from "./check/report.ts";
export { readModelDirectory, writeModelDirectory } from "./checkpoint/model-directory.ts";
export { readCheckpoint, writeCheckpoint } from "./checkpoint/trainer-state.ts";
export { type ExtractedCode, extractCode } from "./code/extract.ts";
export {
  type CodeReason,
  type CodeReport,
  type GradeOptions,
  gradeCode,
  type RunOptions,
  runTests,
} from "./code/grade.ts";
export { integerLists, words } from "./code/inputs.ts";
export { type MadeTests, type MakeTestsOptions, makeTests } from "./code/make-tests.ts";
export { closeSharedPool, openSandboxPool, type SandboxPool } from "./code/pool.ts";
export { type CodeTest, type CodeTests, type Language, type Limits, parseTests } from "./code/tests.ts";
export { type Dataset, type DatasetOptions, dataset, splitByHash } from "./datasets/dataset.ts";
export { type DecontaminateOptions, decontaminate, type Overlap, overlapIndex } from "./datasets/decontaminate.ts";
export type { Mapping } from "./datasets/mapping.ts";
export { mappings } from "./datasets/mappings.ts";
export type { DatasetProblem } from "./datasets/problem.ts";
export { type DatasetTask, datasetTask, heldOutTask } from "./datasets/task.ts";
export { EmbeddedEngine, type EmbeddedOptions } from "./engine/embedded.ts";
export type * from "./engine/engine.ts";
export { availableProviders, onnxRuntime } from "./engine/onnxruntime.ts";
export { referenceRuntime } from "./engine/reference.ts";
export { openWorkerEngine } from "./engine/worker-engine.ts";
export { AutodidactError } from "./errors.ts";
export { type Comparison, compare, type Difference, type PairedProblem, pairedProblems } from "./eval/compare.ts";
export { type EvaluateOptions, type Evaluation, evaluate } from "./eval/evaluate.ts";
export { countReflectiveWords } from "./eval/reflection.ts";
export { endsInLoop, repetitionShare } from "./eval/repetition.ts";
export type { Estimate, EvalReport, FamilyReport, LevelReport, TextMeasures } from "./eval/report.ts";
export { type Curriculum, type CurriculumOptions, curriculum } from "./families/curriculum.ts";
export { families, loadFamily, loadTask } from "./families/families.ts";
export {
  defineFamily,
  defineFreeFamily,
  type Family,
  type FamilyDeclaration,
  type FamilyProblem,
  type FreeFamilyDeclaration,
  type Size,
} from "./families/family.ts";
export { type MixedProblem, type MixturePart, mixture } from "./families/mixture.ts";
export * as kinds from "./families/values.ts";
export { readGguf, writeGguf } from "./gguf/files.ts";
export {
  describeObjective,
  type Objective,
  type ObjectiveOverrides,
  type PresetName,
  presets,
  resolveObjective,
} from "./losses/objective.ts";
export { compareMaths, type MathsComparison, mathsEqual } from "./maths/compare.ts";
export { type AnswerSource, extractAnswers, type FoundAnswer } from "./maths/extract.ts";
export { gradeMaths, type MathsOptions } from "./maths/grade.ts";
export { type ModelConfig, modelConfigSchema } from "./model/config.ts";
export { parameterCount, parameterShapes } from "./model/parameters.ts";
export type { Policy } from "./model/policy.ts";
export { learningRateAt, type Schedule } from "./optimizer/schedule.ts";
export { type Random, random } from "./random.ts";
export { type Grade, Grader, gradeAnswer, type Scored, score, type VerifierFailure } from "./rewards/score.ts";
export { type Verification, verificationSchema } from "./rewards/verification.ts";
export { type RolloutOptions, rolloutGroups } from "./rollout/collect.ts";
export { type GradedRollouts, gradedRollouts } from "./rollout/graded.ts";
export type { Finish, Group, Rollout } from "./rollout/rollout.ts";
export { type ExportFormat, type ExportOptions, exportModel } from "./run/export.ts";
export { openTask } from "./run/load-task.ts";
export { openModel } from "./run/open-model.ts";
export { openPolicy } from "./run/open-policy.ts";
export { readRun } from "./run/reader.ts";
export { writeReport } from "./run/report.ts";
export { openRun, type RunDirectory } from "./run/run-directory.ts";
export { type Summary, summarySchema } from "./run/summary.ts";
export { type CountdownProblem, countdown } from "./tasks/countdown.ts";
export {
  type Answer,
  defineTask,
  type NamedTask,
  type Observation,
  type Problem,
  type Reward,
  type RewardName,
  type Split,
  type Task,
  type Verdict,
} from "./tasks/task.ts";
export { characterTokenizer } from "./tokenizer/character.ts";
export { renderChat } from "./tokenizer/chat.ts";
export { encodeText } from "./tokenizer/plain-text.ts";
export { type TextStream, textStream } from "./tokenizer/text-stream.ts";
export { loadTokenizer, type Tokenizer } from "./tokenizer/tokenizer.ts";
export { diagnosticsSchema } from "./trainers/diagnostics.ts";
export { type GrpoOptions, grpo } from "./trainers/grpo.ts";
export { type Document, type SftOptions, sft } from "./trainers/sft.ts";
export type { GrpoMetrics, GrpoStep, SftStep, Step } from "./trainers/step.ts";
export { code } from "./verifiers/code.ts";
export { thinkFormat } from "./verifiers/format.ts";
export { type JudgeOptions, judge, type Preference, preferences } from "./verifiers/judge.ts";
export { languageConsistency, languageOf, measureLanguage } from "./verifiers/language.ts";
export { maths } from "./verifiers/maths.ts";
export { scriptMixing } from "./verifiers/words.ts";
