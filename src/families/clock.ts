import { defineFamily } from "./family.ts";
import type { Kind } from "./values.ts";

const day = 24 * 60;
const show = (minutes: number): string => {
  const time = ((minutes % day) + day) % day;
  return `${String(Math.floor(time / 60)).padStart(2, "0")}:${String(time % 60).padStart(2, "0")}`;
};

/** Minutes since midnight. */
const time: Kind<number> = {
  form: "time as HH:MM on the 24-hour clock",
  parse(value) {
    const match = /^(\d{1,2}):(\d{2})(?: ?(?:h|hours))?$/.exec(value);
    const [hours, minutes] = match ? [Number(match[1]), Number(match[2])] : [99, 99];
    return hours < 24 && minutes < 60 ? hours * 60 + minutes : null;
  },
  show,
};

const duration = (minutes: number): string => {
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  const parts = [hours > 0 ? `${hours} h` : "", rest > 0 || hours === 0 ? `${rest} min` : ""];
  return parts.filter((part) => part !== "").join(" ");
};

export const clock = defineFamily({
  name: "clock",
  asks: "the time after some durations ahead and back",
  grows: "how many durations, and how long",
  levels: [
    { durations: 1, longest: 90, back: "no" },
    { durations: 1, longest: 600, back: "yes" },
    { durations: 2, longest: 900, back: "yes" },
    { durations: 4, longest: 1_440, back: "yes" },
    { durations: 6, longest: 3_000, back: "yes" },
  ],
  draw({ durations, longest, back }, random) {
    const changes = Array.from(
      { length: durations },
      () => random.int(11, longest) * (back === "yes" && random.chance(0.5) ? -1 : 1),
    );
    return { start: random.int(0, day - 1), changes };
  },
  ask({ start, changes }) {
    const moves = changes.map((change) => `${duration(Math.abs(change))} ${change < 0 ? "back" : "ahead"}`);
    return `A clock shows ${show(start)} (24-hour clock). It is moved ${moves.join(", then ")}. What does it show now?`;
  },
  kind: time,
  solve: ({ start, changes }) => changes.reduce((sum, change) => sum + change, start),
  steps({ start, changes }) {
    let now = start;
    return changes
      .map((change) => {
        const before = show(now);
        now += change;
        return `${before} and ${duration(Math.abs(change))} ${change < 0 ? "back" : "ahead"} is ${show(now)}.`;
      })
      .join("\n");
  },
});
