/** `npm run sim -- --seed N [--count M] [--story]`: replays seeds of the simulation; see test/simulation/run.ts. */
import "../test/simulation/run.ts";
