import type { LocateOptions } from "../run/locate-model.ts";
import type { Context } from "./command.ts";
import { createView, type View } from "./view.ts";

/**
 * How a command that shows nothing else finds its model: relative to its directory, by its environment; a download is shown on stderr
 * while it lasts.
 */
export function downloadOptions(context: Context): Required<Omit<LocateOptions, "hub">> & Pick<LocateOptions, "hub"> {
  const { stderr, env, cwd, signal } = context;
  let view: View | null = null;
  return {
    cwd,
    signal,
    hub: { env },
    observer: {
      note: (text) => void stderr.write(`${text}\n`),
      phase(what, why) {
        view ??= createView({ stream: stderr, isTTY: stderr.isTTY === true, totalSteps: 0, env });
        view.phase(what, why);
      },
      progress(fraction, what) {
        view?.progress(fraction, what);
        if (fraction < 1) return;
        view?.done([what]);
        view = null;
      },
    },
  };
}
