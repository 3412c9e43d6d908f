import { liveView } from "./live-view.ts";
import { plainView } from "./plain-view.ts";
import type { View, ViewStream } from "./view-contract.ts";

export type { View, ViewStream } from "./view-contract.ts";

export interface ViewOptions {
  readonly stream: ViewStream;
  /** A terminal is drawn on in place; anything else gets plain lines without control codes. */
  readonly isTTY: boolean;
  readonly totalSteps: number;
  /** NO_COLOR and TERM are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @default Date.now */
  readonly now?: () => number;
}

/** The view that suits the stream. */
export function createView({ stream, isTTY, totalSteps, env, now = Date.now }: ViewOptions): View {
  const terminal = isTTY && env.TERM !== "dumb";
  const drawing = { stream, totalSteps, color: terminal && !env.NO_COLOR, now };
  return terminal ? liveView(drawing) : plainView(drawing);
}
