/** One host of the overlay test: the agent's network, run inside a namespace by `ip netns exec`, store in the parent. */
import { openNetwork } from "../../../../src/agent/network/open.ts";
import type { Logger } from "../../../../src/base/ports.ts";
import { SystemRandom, systemClock } from "../../../../src/host/clock.ts";
import { ipcKv } from "./ipc-kv.ts";

const log = (level: string) => (fields: object, message: string) => {
  if (process.env.OVERLAY_LOG) console.error(process.env.OVERLAY_LOG, level, message, JSON.stringify(fields));
};
const logger: Logger = {
  debug: log("debug"),
  info: log("info"),
  warn: log("warn"),
  error: log("error"),
  child: () => logger,
};
const options = JSON.parse(process.argv[2] ?? "{}") as {
  machineId: string;
  iface?: string;
  subnetFile: string;
};

const opening = openNetwork(options, { kv: ipcKv(), clock: systemClock, random: new SystemRandom(), logger });
process.on("message", async (message: { ask?: string; id?: number }) => {
  const network = await opening;
  if (message.ask === "status")
    process.send?.({ answer: message.id, status: network.status(), leases: network.leases() });
  if (message.ask === "stop") {
    await network.close();
    process.disconnect();
  }
});
