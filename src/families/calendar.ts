import { defineFamily } from "./family.ts";
import { oneOf } from "./values.ts";

const weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const months = "January February March April May June July August September October November December".split(" ");

/** Days from 1 January 1970 (a Thursday) in the Gregorian calendar. */
function dayNumber([year, month, day]: readonly number[]): number {
  return Date.UTC(year!, month! - 1, day!) / 86_400_000;
}

const show = ([year, month, day]: readonly number[]): string => `${day} ${months[month! - 1]} ${year}`;

interface Content {
  /** Year, month, day. */
  readonly from: readonly number[];
  /** Index in weekdays; null where the weekday is not told. */
  readonly known: number | null;
  readonly days: number;
}

function dateAfter({ from, days }: Content): readonly number[] {
  const date = new Date((dayNumber(from) + days) * 86_400_000);
  return [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
}

function weekdayAfter({ from, days }: Content): string {
  return weekdays[(((dayNumber(from) + days + 3) % 7) + 7) % 7]!;
}

export const calendar = defineFamily({
  name: "calendar",
  asks: "the weekday of a date, from another date whose weekday is told",
  grows: "how far the dates are apart, back as well as ahead; at level 5 no weekday is told",
  levels: [
    { days: [3, 27], told: "same month" },
    { days: [15, 80], told: "same year" },
    { days: [80, 360], told: "yes" },
    { days: [400, 4_000], told: "yes" },
    { days: [8_000, 40_000], told: "no" },
  ],
  draw({ days, told }, random): Content | null {
    const from = [random.int(1950, 2049), random.int(1, 12), random.int(1, 28)];
    const distance = random.int(days[0]!, days[1]!) * (random.chance(0.5) ? 1 : -1);
    const content = { from, days: distance, known: told === "no" ? null : (((dayNumber(from) + 3) % 7) + 7) % 7 };
    const to = dateAfter(content);
    if (told === "same month" && to[1] !== from[1]) return null;
    return told === "same year" && to[0] !== from[0] ? null : content;
  },
  balance: { classes: () => weekdays, of: weekdayAfter },
  same: (content) => show(dateAfter(content)),
  ask(content) {
    const { from, known } = content;
    const given =
      known === null ? "In the Gregorian calendar" : `${show(from)} is a ${weekdays[known]}. In the Gregorian calendar`;
    return `${given}, which day of the week is ${show(dateAfter(content))}?`;
  },
  kind: { ...oneOf(weekdays), form: "day of the week" },
  solve: weekdayAfter,
  steps(content) {
    const { from, days } = content;
    const start = weekdays[(((dayNumber(from) + 3) % 7) + 7) % 7];
    const turn = ((days % 7) + 7) % 7;
    return `${show(from)} is a ${start}; the other date is ${Math.abs(days)} days ${days < 0 ? "before" : "after"} it, which comes to ${turn} weekdays ahead.`;
  },
});
