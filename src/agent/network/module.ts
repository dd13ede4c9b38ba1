/** The overlay as the rest of the agent sees it: for the status screen, the API and the order of closing. */
import type { NetworkConfig } from "../../network/config.ts";

/** A host that the data plane reaches. */
export interface PeerStatus {
  readonly subnet: string;
  readonly publicIp: string;
  readonly mac: string;
}

/** How far this host's overlay is. What is not known yet is null. */
export interface NetworkStatus {
  readonly config: NetworkConfig | null;
  /** Our subnet as `a.b.c.d/n`. */
  readonly subnet: string | null;
  readonly backend: string | null;
  readonly device: string | null;
  readonly mtu: number | null;
  readonly publicIp: string | null;
  readonly peers: readonly PeerStatus[];
  /** One line about what is missing or wrong; null when all is well. */
  readonly problem: string | null;
}

/** One lease of the cluster. */
export interface LeaseStatus {
  readonly subnet: string;
  readonly publicIp: string;
  readonly backend: string;
  /** Whether it is this host's own. */
  readonly self: boolean;
  /** Whether it never ends. */
  readonly reservation: boolean;
}

export interface NetworkModule {
  status(): NetworkStatus;
  /** All leases of the cluster in the order of their keys. */
  leases(): LeaseStatus[];
  /** Stops; leaves lease, device, routes and subnet.env in place (flannel.md 3.6). */
  close(): Promise<void>;
}
