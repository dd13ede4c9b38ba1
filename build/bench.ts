/** `npm run bench -- [start] [memory] [put]`: measures dist/agent, brought up to date first, beside Debian's etcd. */
import { bringUpToDate } from "./up-to-date.ts";

await bringUpToDate();
await import("../test/bench/main.ts");
