/**
 * Keeps the kernel as the leases want it: whatever happened, read the device, compare, correct. Woken by changed leases,
 * by the kernel's own notifications, and by a slow full check for what neither announces. The loop is always the same, so
 * a deleted route, a deleted device and a new peer are one case.
 */
import { AgentError, messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import type { SubnetEnvFile } from "../../host/network/subnet-env-file.ts";
import { desiredVxlan, type VxlanSelf, vxlanDeviceName } from "../../network/backends/vxlan.ts";
import type { NetworkConfig } from "../../network/config.ts";
import { describeChange } from "../../network/describe.ts";
import { diff } from "../../network/diff.ts";
import { formatIpv4, type Ipv4 } from "../../network/ipv4.ts";
import type {
  Change,
  ExternalChoice,
  ExternalVerdict,
  FailedChange,
  KernelNews,
  KernelPort,
  KernelState,
} from "../../network/kernel-state.ts";
import type { SubnetLease } from "../../network/lease.ts";
import { formatSubnetEnv } from "../../network/subnet-env.ts";

/** Events of one burst are one look at the kernel. */
const settleMs = 5;
/** Full check while all is well. */
const checkMs = 30_000;
/** Full check after something could not be corrected. */
const retryMs = 1_000;
/**
 * Least time between two looks for the sake of others' links and addresses, and between two searches for the external
 * interface: these read tables of any size, and a host that starts containers announces links all the time.
 */
const othersEveryMs = 100;

/** Changes made in one turn of the loop: at about 45 microseconds each, below 10 ms. The rest follows in the next turns. */
const changesPerTurnMax = 200;
/** Changes beyond which one look is logged as a sum; each alone goes to the debug log. */
const changesLoggedMax = 20;
/** Looks in a row that found something to correct, after which somebody works against us and we slow down. */
const correctionsMax = 20;

export interface DataPlaneOptions {
  readonly config: NetworkConfig;
  readonly choice: ExternalChoice;
  /** As found at start; its address stands in our lease's device for good. */
  readonly self: VxlanSelf;
}

export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #modules: { kernel: KernelPort; clock: Clock; logger: Logger; subnetFile: SubnetEnvFile };
  readonly #leases: () => readonly SubnetLease[];
  /** Null until netlink notifications could be subscribed to. */
  #subscription: { close(): void } | null = null;
  #self: VxlanSelf;
  #timer: Timer | null = null;
  #due = Instant(Number.POSITIVE_INFINITY);
  #problem: string | null = null;
  #mtu: number | null = null;
  /** What the last look found and is not done yet. */
  #pending: Change[] = [];
  #failures: FailedChange[] = [];
  /** Something may have changed while changes were pending. */
  #stale = false;
  #corrections = 0;
  #lookedAt = Instant(Number.NEGATIVE_INFINITY);
  /** The external interface may be another one than in `#self`. */
  #externalStale = true;
  #externalAskedAt = Instant(Number.NEGATIVE_INFINITY);
  /** What the last search for the external interface came to, if it was not the one we use. */
  #moved: string | null = null;

  constructor(
    options: DataPlaneOptions,
    modules: {
      kernel: KernelPort;
      clock: Clock;
      logger: Logger;
      subnetFile: SubnetEnvFile;
      leases: () => readonly SubnetLease[];
    },
  ) {
    this.#options = options;
    this.#modules = modules;
    this.#leases = modules.leases;
    this.#self = options.self;
    this.#look();
  }

  /** What could not be brought about at the last look, in one line. */
  get problem(): string | null {
    return this.#problem;
  }

  /** MTU of the device, once there is one. */
  get mtu(): number | null {
    return this.#mtu;
  }

  /** The leases changed: look soon. */
  wake(): void {
    if (this.#pending.length > 0) this.#stale = true;
    else this.#schedule(settleMs, () => this.#look());
  }

  /** Stops looking. Everything in the kernel stays as it is (flannel.md 3.6). */
  close(): void {
    this.#timer?.cancel();
    this.#subscription?.close();
  }

  /** An earlier appointment stays; a later one gives way. */
  #schedule(ms: number, act: () => void): void {
    const at = Instant(this.#modules.clock.now() + ms);
    if (this.#timer && this.#due <= at) return;
    this.#timer?.cancel();
    this.#due = at;
    this.#timer = this.#modules.clock.at(at, () => {
      this.#timer = null;
      act();
    });
  }

  /** The kernel says that something changed; it has waited for the burst to end. Damage to our own is repaired at once. */
  #notified(news: KernelNews): void {
    if (news.external) this.#externalStale = true;
    if (this.#pending.length > 0) this.#stale = true;
    else if (this.#corrections >= correctionsMax) this.#schedule(retryMs, () => this.#look());
    else if (news.own) this.#look();
    else this.#schedule(this.#untilMs(this.#lookedAt, othersEveryMs), () => this.#look());
  }

  /** How long until `ms` after `since`. */
  #untilMs(since: Instant, ms: number): number {
    return Math.max(0, since + ms - this.#modules.clock.now());
  }

  #look(): void {
    this.#attempt(() => {
      const { config } = this.#options;
      const { kernel, clock } = this.#modules;
      this.#lookedAt = clock.now();
      this.#subscription ??= kernel.onChange(vxlanDeviceName(config), (news) => this.#notified(news));
      this.#refreshExternal();
      const desired = desiredVxlan(this.#self, this.#leases(), config);
      this.#pending = diff(kernel.read(desired.device.name), desired);
      this.#corrections = this.#pending.length === 0 ? 0 : this.#corrections + 1;
      this.#log(this.#pending);
      this.#failures = [];
      this.#stale = false;
      this.#work(desired);
    });
  }

  /** Makes the pending changes, some in each turn of the loop, so that a thousand peers hold up nobody. */
  #work(desired: KernelState): void {
    this.#attempt(() => {
      const { name } = desired.device;
      const batch = this.#pending.splice(0, changesPerTurnMax);
      if (batch.length > 0) this.#failures.push(...this.#modules.kernel.apply(name, batch));
      const homeless = this.#failures.some(({ change }) => change.type === "create-device");
      if (homeless) this.#pending = [];
      if (this.#pending.length > 0) {
        this.#timer?.cancel();
        this.#timer = null;
        return this.#schedule(0, () => this.#work(desired));
      }
      if (!homeless) this.#publish(desired.device.mtu);
      this.#finish(firstProblem(this.#failures) ?? this.#contested() ?? this.#moved);
    });
  }

  /** Runs one piece of work; an operating error ends this look, and the next one starts afresh. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      this.#pending = [];
      this.#finish(messageOf(error));
    }
  }

  #finish(problem: string | null): void {
    const { logger } = this.#modules;
    if (problem !== null && problem !== this.#problem) {
      logger.warn({ problem }, "overlay could not be set up as wanted");
    }
    if (problem === null && this.#problem !== null) logger.info({}, "overlay is as wanted again");
    this.#problem = problem;
    this.#timer?.cancel();
    this.#timer = null;
    this.#schedule(problem === null ? checkMs : retryMs, () => {
      this.#externalStale = true;
      this.#look();
    });
    if (this.#stale) this.#schedule(settleMs, () => this.#look());
    // With a problem the look above asks again.
    if (this.#externalStale && problem === null) {
      this.#schedule(this.#untilMs(this.#externalAskedAt, othersEveryMs), () => this.#look());
    }
  }

  #contested(): string | null {
    return this.#corrections < correctionsMax
      ? null
      : "what is set in the kernel does not stay; is another daemon at work?";
  }

  /** Containers may be attached once there is a device. */
  #publish(mtu: number): void {
    const { network } = this.#options.config;
    this.#mtu = mtu;
    this.#modules.subnetFile.write(
      formatSubnetEnv({ network, subnet: this.#self.subnet, mtu, ipMasq: false }),
    );
  }

  #log(changes: readonly Change[]): void {
    const { logger } = this.#modules;
    const many = changes.length > changesLoggedMax;
    if (many) logger.info({ changes: changes.length }, "overlay changes");
    for (const change of changes) {
      const fields = { change: describeChange(change), reason: change.reason };
      if (many) logger.debug(fields, "overlay change");
      else logger.info(fields, "overlay change");
    }
  }

  /**
   * The external interface may have come back under another index, or have another MTU. Another address would make this
   * another host to all peers, so that is only reported. While there is none, the last one stands. Asked for when it may
   * be another one, and once in a full check's time however busy we are.
   */
  #refreshExternal(): void {
    const { kernel, clock } = this.#modules;
    const everyMs = this.#externalStale ? othersEveryMs : checkMs;
    if (this.#untilMs(this.#externalAskedAt, everyMs) > 0) return;
    this.#externalStale = false;
    this.#externalAskedAt = clock.now();
    this.#moved = this.#useExternal(kernel.external(this.#options.choice));
  }

  #useExternal(verdict: ExternalVerdict): string | null {
    if (!verdict.ok) return verdict.problem;
    const { external } = verdict;
    const address: Ipv4 = this.#self.external.address;
    if (external.address !== address) {
      return `the external address changed from ${formatIpv4(address)} to ${formatIpv4(external.address)}; restart the agent to use it`;
    }
    this.#self = { ...this.#self, external };
    return null;
  }
}

function firstProblem(failures: readonly FailedChange[]): string | null {
  const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : "";
  return failures[0] ? failures[0].problem + more : null;
}
