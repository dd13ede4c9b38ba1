/** The overlay where the host can carry it, and an explained absence where it cannot: the agent lives on either way. */
import { probeNetwork } from "../../host/network/probe.ts";
import type { NetworkModule } from "./module.ts";
import { type NetworkModules, type NetworkOptions, startNetwork } from "./network.ts";

/** Probes, logs one line if the overlay is not possible here, else starts it. Owns the kernel port. */
export async function openNetwork(
  options: NetworkOptions,
  modules: Omit<NetworkModules, "kernel">,
): Promise<NetworkModule> {
  const verdict = await probeNetwork(modules);
  if (!verdict.ok) {
    modules.logger.warn({ problem: verdict.problem }, "the overlay network is off");
    return absentNetwork(verdict.problem);
  }
  const { kernel } = verdict;
  const network = startNetwork(options, { ...modules, kernel });
  return {
    status: () => network.status(),
    leases: () => network.leases(),
    async close() {
      await network.close();
      kernel.close();
    },
  };
}

/** A network that is off, and says why; null: because somebody wanted it so. */
export function absentNetwork(problem: string | null): NetworkModule {
  return {
    status: () => ({
      config: null,
      subnet: null,
      backend: null,
      device: null,
      mtu: null,
      publicIp: null,
      peers: [],
      problem,
    }),
    leases: () => [],
    close: async () => {},
  };
}
