/** Tells all stories: `node test/scenario/run.ts` compares, `--rewrite` writes what happens now into the files. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { retell } from "../support/story.ts";

const folder = join(import.meta.dirname, "stories");
const isRewrite = process.argv.includes("--rewrite");
for (const name of readdirSync(folder).filter((file) => file.endsWith(".story"))) {
  const path = join(folder, name);
  const expected = readFileSync(path, "utf8");
  const actual = retell(expected);
  if (actual === expected) continue;
  if (isRewrite) writeFileSync(path, actual);
  else process.exitCode = 1;
  console.log(
    `${name} ${isRewrite ? "rewritten" : "differs; see node test/scenario/run.ts --rewrite and git diff"}`,
  );
}
