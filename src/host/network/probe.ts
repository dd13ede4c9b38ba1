/**
 * Whether this host can carry the overlay at all, asked once at start: the addon loads, netlink answers, and the process
 * may change the network. A refusal is one line for the log; the agent goes on without the overlay.
 */
import { readFileSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import type { Clock } from "../../base/ports.ts";
import type { KernelPort } from "../../network/kernel-state.ts";
import { NetlinkError } from "../netlink/errors.ts";
import { openLibc } from "../netlink/libc.ts";
import { NetlinkKernel } from "./kernel.ts";

export type ProbeVerdict =
  | { readonly ok: true; readonly kernel: KernelPort }
  | { readonly ok: false; readonly problem: string };

/** CAP_NET_ADMIN's bit (linux/capability.h). */
const capNetAdmin = 12n;

/** Opens the kernel. The caller closes it. Never throws for an operating error. */
export async function probeNetwork(modules: { clock: Clock }): Promise<ProbeVerdict> {
  if (!mayAdminister()) {
    return {
      ok: false,
      problem:
        "the process lacks CAP_NET_ADMIN; run it as root, or switch the overlay off with --network off",
    };
  }
  try {
    const libc = await openLibc();
    return { ok: true, kernel: new NetlinkKernel({ libc, clock: modules.clock }) };
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return { ok: false, problem: messageOf(error) };
  }
}

/** Reads the effective capabilities of this process. Where /proc does not tell, the first change will. */
function mayAdminister(): boolean {
  try {
    const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"));
    return match === null || ((BigInt(`0x${match[1]}`) >> capNetAdmin) & 1n) === 1n;
  } catch {
    return true;
  }
}
