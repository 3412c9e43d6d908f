/** Words that leave this machine: where its folders lie is private, and of no use elsewhere. */

const absolute = /^(?:\/[^/]+\/|[A-Za-z]:[\\/]).+/s;

/** A path by its last name, that of the run where it is RUN/model; by its id where it lies in the hub's cache. */
function lastName(path: string): string {
  if (!absolute.test(path)) return path;
  const parts = path.split(path.startsWith("/") ? "/" : /[\\/]/).filter((part) => part !== "");
  const cached = /^models--(.+?)--(.+)$/.exec(parts.find((part) => part.startsWith("models--")) ?? "");
  if (cached) return `${cached[1]}/${cached[2]}`;
  if (/^(model|adapter)$/.test(parts.at(-1)!)) parts.pop();
  return parts.at(-1)!;
}

/** A value of a recipe, each absolute path in it by its last name; several may stand with commas between. */
export const withoutFolders = (text: string): string => text.split(",").map(lastName).join(",");

/** The same for the words of a command line and the values of its flags. */
export function commandWithoutFolders(line: string): string {
  return line.replace(/'(?:[^']|'\\'')*'|[^\s']+/g, (word) => {
    const quote = word.startsWith("'") ? "'" : "";
    const [, flag = "", value] = /^(-*[\w.-]+=)?(.*)$/s.exec(quote ? word.slice(1, -1) : word)!;
    return `${quote}${flag}${withoutFolders(value!)}${quote}`;
  });
}
