import { fit, render } from "./spans.ts";
import type { Drawing, View } from "./view-contract.ts";
import { groupLines, shownGroup } from "./view-group.ts";
import { evaluationText, percent, timeLeft, timeText } from "./view-text.ts";

const width = 120;

/** The view where nobody can be drawn for: one line for each thing, for logs and pipes. */
export function plainView({ stream, totalSteps: known, now }: Drawing): View {
  let totalSteps = known;
  /** Seconds of the last steps. */
  const recent: number[] = [];
  const write = (text: string): void => void stream.write(`${fit(text, width)}\n`);
  let quarter = 0;
  let began = now();
  return {
    phase(text, why = "", steps = totalSteps) {
      totalSteps = steps;
      [quarter, began] = [0, now()];
      write(why ? `${text}: ${why}` : text);
    },
    progress(fraction, text) {
      // A line for each quarter, not for each call.
      const reached = Math.floor(fraction * 4);
      if (reached <= quarter || fraction >= 1) return;
      quarter = reached;
      write(`  ${percent(fraction)}  ${text}  left ${timeText(timeLeft(began, now(), fraction))}`);
    },
    step(step) {
      const seconds = step.kind === "grpo" ? step.timing.total : step.seconds;
      recent.push(seconds);
      if (recent.length > 10) recent.shift();
      const each = recent.reduce((sum, one) => sum + one, 0) / recent.length;
      const left = step.index < totalSteps ? `  left ${timeText(each * (totalSteps - step.index))}` : "";
      const head = `step ${String(step.index).padStart(String(totalSteps).length)}/${totalSteps}`;
      if (step.kind === "sft") {
        const heldOut = step.heldOutLoss === undefined ? "" : `  held-out ${step.heldOutLoss.toFixed(4)}`;
        write(`${head}  loss ${step.loss.toFixed(4)}${heldOut}  ${(step.tokens / seconds).toFixed(0)} tokens/s${left}`);
        return;
      }
      const { pass1, lengthMean, reflectiveWordsPerResponse, truncatedShare, entropy, gradNorm } = step.metrics;
      write(
        `${head}  right ${percent(pass1)}  length ${lengthMean.toFixed(0)}  words ${reflectiveWordsPerResponse.toFixed(2)}  cut ${percent(truncatedShare)}  entropy ${entropy.toFixed(2)}  grad ${gradNorm.toFixed(2)}  ${seconds.toFixed(1)} s${left}`,
      );
      for (const warning of step.warnings) stream.write(`warning: ${warning}\n`);
      const group = shownGroup(step);
      for (const line of group ? groupLines(group, 100) : []) stream.write(`${render(line, width, false).trimEnd()}\n`);
    },
    past() {},
    evaluation: (report, label) => write(`${label}: ${evaluationText(report)}`),
    note: (text) => void stream.write(`${text}\n`),
    done(lines) {
      for (const text of lines) stream.write(`${text}\n`);
    },
    close() {},
  };
}
