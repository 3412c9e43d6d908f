import type { Random } from "../random.ts";
import { defineFamily } from "./family.ts";
import { type Kind, parts } from "./values.ts";

type Command = string | readonly [times: number, commands: readonly Command[]];
interface Pose {
  readonly x: number;
  readonly y: number;
  /** 0 north, 1 east, 2 south, 3 west. */
  readonly facing: number;
}

function move(pose: Pose, command: Command): Pose {
  if (typeof command !== "string") {
    const [times, commands] = command;
    let now = pose;
    for (let i = 0; i < times; i++) now = commands.reduce(move, now);
    return now;
  }
  if (command === "left") return { ...pose, facing: (pose.facing + 3) % 4 };
  if (command === "right") return { ...pose, facing: (pose.facing + 1) % 4 };
  const steps = Number(command.split(" ")[1]) * (command.startsWith("back") ? -1 : 1);
  const [dx, dy] = (
    [
      [0, 1],
      [1, 0],
      [0, -1],
      [-1, 0],
    ] as const
  )[pose.facing]!;
  return { ...pose, x: pose.x + dx * steps, y: pose.y + dy * steps };
}

const start: Pose = { x: 0, y: 0, facing: 0 };

function show(command: Command): string {
  return typeof command === "string" ? command : `${command[0]} times (${command[1].map(show).join(", ")})`;
}

function drawCommands(random: Random, count: number, steps: number, depth: number): Command[] {
  return Array.from({ length: count }, (): Command => {
    if (depth > 0 && random.chance(0.3))
      return [random.int(2, 4), drawCommands(random, random.int(2, 3), steps, depth - 1)];
    const kind = random.pick(["left", "right", "forward", "forward", "back"]);
    return kind === "left" || kind === "right" ? kind : `${kind} ${random.int(1, steps)}`;
  });
}

/** `(3, -2)`, `3, -2`, `x = 3, y = -2`. */
const point: Kind<readonly [number, number]> = {
  form: "x, y",
  parse(text) {
    const values = parts(text)?.map((part, i) => part.replace(i === 0 ? /^x ?[=:] ?/i : /^y ?[=:] ?/i, ""));
    if (values?.length !== 2 || !values.every((value) => /^[-+\u2212]?\d{1,6}$/.test(value))) return null;
    const [x, y] = values.map((value) => Number(value.replace("\u2212", "-")));
    return [x! + 0, y! + 0];
  },
  show: ([x, y]) => `${x}, ${y}`,
};

const end = ({ commands }: { commands: readonly Command[] }): Pose => commands.reduce(move, start);

export const robot = defineFamily({
  name: "robot",
  asks: "where a robot stands after its commands",
  grows: "how many commands, how long the ways; loops from level 3 on, loops in loops at level 5",
  levels: [
    { commands: 6, steps: 5, loops: 0 },
    { commands: 10, steps: 9, loops: 0 },
    { commands: 8, steps: 9, loops: 1 },
    { commands: 14, steps: 15, loops: 1 },
    { commands: 14, steps: 20, loops: 2 },
  ],
  draw({ commands: count, steps, loops }, random) {
    const commands = drawCommands(random, count, steps, loops);
    const { x, y } = end({ commands });
    const nested = JSON.stringify(commands).includes("[[") || commands.some((command) => typeof command !== "string");
    return (loops === 0 || nested) && (x !== 0 || y !== 0) ? { commands } : null;
  },
  ask: ({ commands }) =>
    `A robot stands at x = 0, y = 0 and looks north (y grows to the north, x to the east). It does: ${commands.map(show).join(", ")}. "left" and "right" turn it by 90 degrees on the spot, "back" moves it without turning. Where does it stand then?`,
  kind: point,
  solve(content): readonly [number, number] {
    const { x, y } = end(content);
    return [x + 0, y + 0];
  },
  steps({ commands }) {
    let pose = start;
    return commands
      .map((command) => {
        pose = move(pose, command);
        const way = ["north", "east", "south", "west"][pose.facing];
        return `${show(command)}: at (${pose.x + 0}, ${pose.y + 0}), looking ${way}`;
      })
      .join("\n");
  },
});
