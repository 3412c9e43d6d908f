import { defineFamily } from "./family.ts";
import type { Kind } from "./values.ts";

type Edge = readonly [from: string, to: string, length: number];

interface Graph {
  readonly edges: readonly Edge[];
  readonly from: string;
  readonly to: string;
  readonly weighted: boolean;
}

function lengthOf(path: readonly string[], edges: readonly Edge[]): number | null {
  let sum = 0;
  for (const [i, node] of path.slice(1).entries()) {
    const edge = edges.find(([a, b]) => (a === path[i] && b === node) || (b === path[i] && a === node));
    if (edge === undefined) return null;
    sum += edge[2];
  }
  return sum;
}

/** A shortest path by Dijkstra's rule; null where there is none. */
function shortest({ edges, from, to }: Graph): string[] | null {
  const best = new Map<string, { length: number; path: string[] }>([[from, { length: 0, path: [from] }]]);
  const done = new Set<string>();
  while (true) {
    const open = [...best].filter(([node]) => !done.has(node)).sort((a, b) => a[1].length - b[1].length)[0];
    if (open === undefined) return null;
    const [node, { length, path }] = open;
    if (node === to) return path;
    done.add(node);
    for (const [a, b, step] of edges) {
      const next = a === node ? b : b === node ? a : null;
      if (next !== null && length + step < (best.get(next)?.length ?? Infinity))
        best.set(next, { length: length + step, path: [...path, next] });
    }
  }
}

const nodes: Kind<readonly string[]> = {
  form: "places from first to last, separated by commas",
  parse(text) {
    const names = text.toUpperCase().split(/ ?(?:->|\u2192|[-,>]) ?| /);
    return names.length <= 60 && names.every((name) => /^[A-Z]$/.test(name)) ? names : null;
  },
  show: (path) => path.join(", "),
};

export const graphPath = defineFamily({
  name: "graph-path",
  asks: "a shortest path between two places",
  grows: "how many places and connections; lengths from level 3 on",
  levels: [
    { places: 6, connections: 7, steps: 2, longest: 1 },
    { places: 9, connections: 12, steps: 3, longest: 1 },
    { places: 9, connections: 13, steps: 3, longest: 9 },
    { places: 13, connections: 22, steps: 4, longest: 20 },
    { places: 20, connections: 38, steps: 5, longest: 50 },
  ],
  draw({ places, connections, steps, longest }, random): Graph | null {
    const names = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].slice(0, places);
    const all = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b] as const));
    const edges = random
      .shuffle(all)
      .slice(0, connections)
      .map(([a, b]): Edge => [...random.shuffle([a, b]), random.int(1, longest)] as unknown as Edge);
    const [from, to] = random.shuffle(names) as [string, string, ...string[]];
    const graph = { edges, from, to, weighted: longest > 1 };
    const path = shortest(graph);
    return path !== null && path.length > steps ? graph : null;
  },
  same: ({ edges, from, to }) => {
    const sorted = edges.map(([a, b, length]) => `${[a, b].sort().join("")}${length}`).sort();
    return `${sorted.join(" ")} ${[from, to].sort().join("")}`;
  },
  ask: ({ edges, from, to, weighted }) =>
    `Places are connected like this, both ways${weighted ? ", with the length of the way" : ""}:\n${edges.map(([a, b, length]) => `${a}-${b}${weighted ? ` ${length}` : ""}`).join(", ")}\nGive a shortest way from ${from} to ${to}${weighted ? ": the sum of its lengths has to be as small as possible" : ": it has to have as few connections as possible"}.`,
  kind: nodes,
  solve: (graph) => shortest(graph)!,
  check(path, graph) {
    if (path[0] !== graph.from || path.at(-1) !== graph.to) return "wrong-ends";
    const length = lengthOf(path, graph.edges);
    if (length === null) return "not-connected";
    return length === lengthOf(shortest(graph)!, graph.edges) ? "correct" : "not-the-shortest";
  },
  vote(path, { edges, from, to }) {
    const length = path[0] === from && path.at(-1) === to ? lengthOf(path, edges) : null;
    return length === null ? `not-connected ${path.join(", ")}` : `length ${length}`;
  },
  steps(graph) {
    const path = shortest(graph)!;
    const parts = path.slice(1).map((node, i) => lengthOf([path[i]!, node], graph.edges));
    return `Looking at ways from ${graph.from} in order of length, the first to reach ${graph.to} has length ${parts.join(" + ")} = ${lengthOf(path, graph.edges)}.`;
  },
});
