/** An estimate with its 95 % interval: bootstrap over problems, since samples of one problem are not independent. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What is reported of the text of answers, as means over them, and never rewarded; docs/rewards.md has the definitions. */
export interface TextMeasures {
  /** Share of n-grams (eight pieces) that stood in the answer before. */
  readonly repetitionShare: number;
  /** Share of answers that end in a loop: one piece of text three times or more. */
  readonly loopShare: number;
  /** Share of words that are not in the answer's most common script. */
  readonly languageMixing: number;
}

/** Scores of one model on held-out problems, k samples each. */
export interface EvalReport extends TextMeasures {
  readonly problems: number;
  readonly samplesPerProblem: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Mean correctness over all samples. */
  readonly pass1: Estimate;
  /** Unbiased pass@k (Chen et al. 2021, eq. 1) for k = 1, 2, 4, ... samplesPerProblem. */
  readonly passAtK: Readonly<Record<string, number>>;
  /** The 95 % interval of each. */
  readonly passAtKIntervals?: Readonly<Record<string, Pick<Estimate, "low" | "high">>>;
  /** Share of problems whose most common answer among all samples is right. */
  readonly majority: Estimate;
  /** Completion tokens. */
  readonly meanLength: number;
  readonly p95Length: number;
  readonly truncatedShare: number;
  /** Share of answers with nothing gradable in them. */
  readonly parseFailureShare: number;
  /** Share of answers of which some verifier failed or was late. */
  readonly verifierErrorShare: number;
  /** Reward parts by name with their weight and unweighted mean; those of weight 0 are only reported. */
  readonly rewardParts: Readonly<Record<string, { readonly weight: number; readonly mean: number }>>;
  readonly reflectiveWordsPerResponse: number;
  /** Share of answers by reason code; "correct" is one of them. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly byLevel: readonly LevelReport[];
  /** By name; there where problems name their family. */
  readonly byFamily?: readonly FamilyReport[];
}

export interface LevelReport extends PartReport {
  readonly level: number;
}

export interface FamilyReport extends PartReport {
  readonly family: string;
}

/** Scores on some of the problems. */
export interface PartReport {
  readonly problems: number;
  readonly pass1: Estimate;
  readonly majority: number;
  readonly meanLength: number;
  readonly reflectiveWordsPerResponse: number;
}
