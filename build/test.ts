/** `npm test [-- GROUP | FILE ...]`: everything that this machine can run, one folder after the other. */
import process from "node:process";
import { select } from "./groups.ts";
import { printOutcome, runGroups } from "./suite.ts";
import { bringUpToDate } from "./up-to-date.ts";

const selection = await select(process.argv.slice(2)).catch((error: Error) => {
  console.error(`npm test: ${error.message}`);
  process.exit(2);
});
if (process.getuid?.() !== 0)
  console.log("Not root: tests that need it are skipped, the reasons are listed at the end.");
if (selection.some(({ group, files }) => group.needsExecutable && files.length > 0)) {
  // The tests say what cannot be tested without the executable; a build that fails must not hide their result.
  await bringUpToDate().catch((error: Error) =>
    console.error(`dist/agent cannot be built: ${error.message}`),
  );
}
process.exitCode = printOutcome(await runGroups(selection));
