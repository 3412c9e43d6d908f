// Runs the compiled tests: node scripts/test.js [part of a path ...]
// Finds the files itself, since `node --test` takes no globs on Node 20 and shells on Windows expand none.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const wanted = process.argv.slice(2).map((filter) => filter.replaceAll("\\", "/").replace(/\.ts$/, ".js"));

const files = ["dist/src", "dist/test"]
  .flatMap((folder) => {
    try {
      return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
    } catch (error) {
      if (error.code === "ENOENT") return [];
      throw error;
    }
  })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".test.js"))
  .filter((name) => wanted.length === 0 || wanted.some((filter) => name.includes(filter)))
  .sort();

if (files.length === 0) {
  console.error(
    wanted.length > 0
      ? `no compiled test matches ${process.argv.slice(2).join(" ")}; run npm run build first, or name a part of a path such as run/report`
      : "no compiled tests; run npm run build first",
  );
  process.exit(1);
}

// "spec" ends with the counts of tests, passes, failures and skips on a terminal and in a log alike.
const child = spawn(process.execPath, ["--enable-source-maps", "--test", "--test-reporter=spec", ...files], {
  cwd: root,
  stdio: "inherit",
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  process.exitCode = signal ? 1 : code;
});
