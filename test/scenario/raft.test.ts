/** Every story is told again and compared, line by line. See test/support/story.ts for how to read and write one. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { retell } from "../support/story.ts";

const folder = join(import.meta.dirname, "stories");

for (const name of readdirSync(folder).filter((file) => file.endsWith(".story"))) {
  test(name, async (t) => {
    const expected = readFileSync(join(folder, name), "utf8");
    t.equal(
      retell(expected),
      expected,
      "as written (node test/scenario/run.ts --rewrite, then read the diff)",
    );
    t.notMatch(expected, /BROKEN/, "every invariant holds at every step");
  });
}
