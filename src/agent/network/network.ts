/**
 * The overlay of this host as a part of the agent: waits for a configuration, leases a subnet, keeps the data plane. The
 * decisions are in network/ (pure); here the store's and the kernel's events are fed in and the effects carried out.
 *
 * Order of one start: the keys are listed and watched; a valid configuration and an external interface make the subnet
 * manager begin; the held subnet makes the data plane. Losing the store later changes nothing on this host.
 */
import { utf8 } from "../../base/bytes.ts";
import { AgentError } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger, Random, Timer } from "../../base/ports.ts";
import { Scope } from "../../base/scope.ts";
import { SubnetEnvFile } from "../../host/network/subnet-env-file.ts";
import {
  type VxlanSelf,
  vxlanAttributes,
  vxlanDeviceName,
  vxlanMac,
  vxlanMtu,
} from "../../network/backends/vxlan.ts";
import { type ConfigVerdict, type NetworkConfig, parseNetworkConfig } from "../../network/config.ts";
import { formatIpv4, formatPrefix, type Prefix, parseIpv4 } from "../../network/ipv4.ts";
import type {
  ExternalChoice,
  ExternalInterface,
  ExternalVerdict,
  KernelPort,
} from "../../network/kernel-state.ts";
import { LeaseSet, parseLeaseRecord } from "../../network/lease-set.ts";
import { previousSubnet } from "../../network/subnet-env.ts";
import { newSubnetManager } from "../../network/subnet-manager.ts";
import type { KeyValue, KvClient } from "../../store/kv.ts";
import { DataPlane } from "./data-plane.ts";
import { watchKeys } from "./key-watch.ts";
import { NetworkKeys } from "./keys.ts";
import { LeaseStore } from "./lease-store.ts";
import type { LeaseStatus, NetworkModule, NetworkStatus } from "./module.ts";
import { leaseStatuses, peerStatuses } from "./status.ts";
import { SubnetDriver } from "./subnet-driver.ts";

/** Pause before the external interface is looked for again. */
const externalRetryMs = 1_000;

export interface NetworkOptions {
  /** Default `/coreos.com/network`. */
  readonly prefix?: string | undefined;
  /** Name or address of the external interface; default: that of the default route. */
  readonly iface?: string | undefined;
  /** The address under which peers reach this host; default: the external interface's. */
  readonly publicIp?: string | undefined;
  /** Default `/run/flannel/subnet.env`. */
  readonly subnetFile?: string | undefined;
  readonly machineId: string;
  /** How long before its end a lease is renewed, 1 to 1439; default 60 (flannel.md 3.1). */
  readonly renewMarginMinutes?: number | undefined;
}

export interface NetworkModules {
  readonly kv: KvClient;
  /** Stays the caller's to close. */
  readonly kernel: KernelPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Starts the overlay; returns at once, since a configuration may come hours later. `status` tells how far it is. */
export function startNetwork(options: NetworkOptions, modules: NetworkModules): NetworkModule {
  return new Network(options, modules);
}

class Network implements NetworkModule {
  readonly #options: NetworkOptions;
  readonly #modules: NetworkModules;
  readonly #scope = new Scope();
  readonly #keys: NetworkKeys;
  readonly #store: LeaseStore;
  readonly #subnetFile: SubnetEnvFile;
  readonly #leases = new LeaseSet();
  readonly #choice: ExternalChoice;
  #config: NetworkConfig | null = null;
  #configText: string | null = null;
  #external: ExternalInterface | null = null;
  #driver: SubnetDriver | null = null;
  #plane: DataPlane | null = null;
  #subnet: Prefix | null = null;
  #timer: Timer | null = null;
  /** Revision of the store that `#leases` shows. */
  #revision = 0;
  #problems = { store: null as string | null, config: null as string | null, lease: null as string | null };

  constructor(options: NetworkOptions, modules: NetworkModules) {
    const {
      iface,
      publicIp,
      prefix = "/coreos.com/network",
      subnetFile = "/run/flannel/subnet.env",
    } = options;
    const { signal } = this.#scope;
    this.#options = options;
    this.#modules = modules;
    this.#choice = {
      iface,
      publicIp: publicIp === undefined ? undefined : (parseIpv4(publicIp) ?? undefined),
    };
    this.#keys = new NetworkKeys(prefix);
    this.#store = new LeaseStore({ keys: this.#keys, signal }, modules);
    this.#subnetFile = new SubnetEnvFile(subnetFile);
    const sink = {
      snapshot: (kvs: readonly KeyValue[], revision: number) => this.#snapshot(kvs, revision),
      put: (kv: KeyValue) => this.#put(kv),
      deleted: (key: Uint8Array, revision: number) => this.#deleted(key, revision),
      problem: (problem: string | null) =>
        this.#report("store", problem && `the store does not answer: ${problem}`),
    };
    this.#scope.defer(() => this.#timer?.cancel());
    this.#scope.defer(() => this.#plane?.close());
    this.#scope.defer(() => this.#driver?.close());
    const watching = watchKeys({ prefix: this.#keys.root, signal }, { ...modules, sink });
    this.#scope.defer(() => watching);
  }

  status(): NetworkStatus {
    const config = this.#config;
    const { store, config: configProblem, lease } = this.#problems;
    return {
      config,
      subnet: this.#subnet && formatPrefix(this.#subnet),
      backend: config?.backend.type ?? null,
      device: config && vxlanDeviceName(config),
      mtu: this.#plane?.mtu ?? (config && this.#external && vxlanMtu(config, this.#external)),
      publicIp: this.#driver && formatIpv4(this.#driver.manager.attributes.publicIp),
      peers: config && this.#subnet ? peerStatuses(config, this.#subnet, this.#leases.list()) : [],
      problem: configProblem ?? this.#plane?.problem ?? lease ?? store,
    };
  }

  leases(): LeaseStatus[] {
    return leaseStatuses(this.#leases.list(), this.#driver?.manager.held?.name);
  }

  close(): Promise<void> {
    return this.#scope.close();
  }

  #report(kind: "store" | "config" | "lease", problem: string | null): void {
    if (problem !== null && problem !== this.#problems[kind])
      this.#modules.logger.warn({ problem }, "network waits");
    this.#problems[kind] = problem;
  }

  // What the store says.

  #snapshot(kvs: readonly KeyValue[], revision: number): void {
    this.#revision = revision;
    const leases = kvs.map((kv) => this.#parse(kv)).filter((lease) => lease !== null);
    if (this.#leases.replace(leases)) this.#plane?.wake();
    const config = kvs.find((kv) => this.#keys.isConfig(kv.key));
    this.#configured(config ? utf8.decode(config.value) : null);
    this.#driver?.observe();
  }

  #put(kv: KeyValue): void {
    this.#revision = kv.mod_revision;
    if (this.#keys.isConfig(kv.key)) this.#configured(utf8.decode(kv.value));
    const name = this.#keys.leaseName(kv.key);
    if (name === null) return;
    const lease = this.#parse(kv);
    if (lease ? this.#leases.put(lease) : this.#leases.remove(name)) this.#plane?.wake();
    if (name === this.#driver?.manager.held?.name) this.#driver?.observe();
  }

  #deleted(key: Uint8Array, revision: number): void {
    this.#revision = revision;
    if (this.#keys.isConfig(key)) this.#configured(null);
    const name = this.#keys.leaseName(key);
    if (name === null) return;
    if (this.#leases.remove(name)) this.#plane?.wake();
    if (name === this.#driver?.manager.held?.name) this.#driver?.observe();
  }

  #parse(kv: KeyValue): ReturnType<typeof parseLeaseRecord> {
    const record = this.#keys.record(kv);
    if (!record) return null;
    const lease = parseLeaseRecord(record);
    if (!lease)
      this.#modules.logger.warn({ lease: record.name }, "subnet lease is not readable and is skipped");
    return lease;
  }

  /** The first valid configuration counts until the agent restarts (flannel.md 1). */
  #configured(text: string | null): void {
    if (this.#driver) {
      if (text !== null && text !== this.#configText) {
        this.#configText = text;
        this.#modules.logger.info(
          {},
          "network configuration changed; it takes effect when the agent restarts",
        );
      }
      return;
    }
    this.#configText = text;
    const verdict: ConfigVerdict =
      text === null
        ? { ok: false, problem: "does not exist, so no network is configured" }
        : parseNetworkConfig(text);
    this.#config = verdict.ok ? verdict.config : null;
    if (verdict.ok) this.#begin(verdict.config);
    else this.#report("config", `${this.#keys.config}: ${verdict.problem}`);
  }

  /** Needs the external interface, which may come up after the agent. */
  #begin(config: NetworkConfig): void {
    if (this.#scope.signal.aborted || this.#driver) return;
    const verdict = this.#findExternal();
    if (!verdict.ok) {
      this.#report("config", verdict.problem);
      this.#beginLater();
      return;
    }
    this.#report("config", null);
    const { external } = verdict;
    this.#external = external;
    const mac = vxlanMac(this.#options.machineId, config);
    const manager = newSubnetManager({
      config,
      attributes: vxlanAttributes(this.#choice.publicIp ?? external.address, mac, config),
      renewMarginMs: (this.#options.renewMarginMinutes ?? 60) * 60_000,
      previous: this.#previous(),
    });
    const sink = {
      held: (subnet: Prefix, reason: string) => this.#hold(subnet, reason),
      problem: (problem: string | null) => this.#report("lease", problem),
      known: (name: string) => ({ lease: this.#leases.get(name) ?? null, revision: this.#revision }),
    };
    this.#driver = new SubnetDriver({ manager }, { ...this.#modules, store: this.#store, sink });
    this.#driver.start();
  }

  #beginLater(): void {
    const { clock } = this.#modules;
    this.#timer?.cancel();
    this.#timer = clock.at(
      Instant(clock.now() + externalRetryMs),
      () => this.#config && this.#begin(this.#config),
    );
  }

  #findExternal(): ExternalVerdict {
    try {
      return this.#modules.kernel.external(this.#choice);
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      return { ok: false, problem: error.message };
    }
  }

  /** A file that cannot be read is as good as none; writing it will tell. */
  #previous(): Prefix | null {
    try {
      return previousSubnet(this.#subnetFile.read() ?? "");
    } catch {
      return null;
    }
  }

  #hold(subnet: Prefix, reason: string): void {
    const { logger } = this.#modules;
    logger.info({ subnet: formatPrefix(subnet), reason }, "subnet leased");
    this.#subnet = subnet;
    this.#plane?.close();
    const config = this.#config;
    const external = this.#external;
    if (!config || !external) return;
    const self: VxlanSelf = { subnet, external, mac: vxlanMac(this.#options.machineId, config) };
    const leases = (): ReturnType<LeaseSet["list"]> => this.#leases.list();
    this.#plane = new DataPlane(
      { config, choice: this.#choice, self },
      { ...this.#modules, subnetFile: this.#subnetFile, leases },
    );
  }
}
