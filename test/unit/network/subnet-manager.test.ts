import fc from "fast-check";
import { test } from "tap";
import { Instant, LeaseId } from "../../../src/base/ids.ts";
import { allocate, isCompatible } from "../../../src/network/allocate.ts";
import { type NetworkConfig, parseNetworkConfig } from "../../../src/network/config.ts";
import {
  formatPrefix,
  Ipv4,
  overlaps,
  type Prefix,
  parseIpv4,
  parsePrefix,
} from "../../../src/network/ipv4.ts";
import { formatLeaseName, type LeaseAttributes, type SubnetLease } from "../../../src/network/lease.ts";
import { parseLeaseRecord } from "../../../src/network/lease-set.ts";
import {
  leaseTtlSeconds,
  newSubnetManager,
  type SubnetEffect,
  type SubnetEvent,
  type SubnetManager,
  step,
} from "../../../src/network/subnet-manager.ts";

function configOf(text: string): NetworkConfig {
  const verdict = parseNetworkConfig(text);
  if (!verdict.ok) throw new Error(verdict.problem);
  return verdict.config;
}

const config = configOf('{"Network":"10.5.0.0/16","SubnetMin":"10.5.1.0","SubnetMax":"10.5.4.0"}');
const attributes = (publicIp: string): LeaseAttributes => ({
  publicIp: parseIpv4(publicIp)!,
  publicIpv6: null,
  backendType: "vxlan",
  backendData: { VNI: 1, VtepMAC: "02:00:00:00:00:01" },
});
const lease = (subnet: string, publicIp: string, rest: Partial<SubnetLease> = {}): SubnetLease => {
  const prefix = parsePrefix(subnet)!;
  return {
    name: formatLeaseName(prefix),
    subnet: prefix,
    attributes: attributes(publicIp),
    modRevision: 7,
    storeLease: LeaseId(9n),
    ...rest,
  };
};
const hour = 3_600_000;
const now = Instant(1000);

/** Effects as one line each, times as hours from `now`. */
function show(effects: SubnetEffect[]): string[] {
  return effects.map((effect) => {
    switch (effect.type) {
      case "create":
        return `create ${effect.name} ${effect.ttlSeconds}`;
      case "overwrite":
        return `overwrite ${effect.name}@${effect.modRevision} ${effect.ttlSeconds} replaces ${effect.replaces}`;
      case "delete":
        return `delete ${effect.name}@${effect.modRevision}`;
      case "hold":
        return `hold ${formatPrefix(effect.subnet)}`;
      case "wake":
        return `wake ${effect.at === null ? "never" : `${(effect.at - now) / hour} h`}`;
      case "report":
        return `report ${effect.problem}`;
      default:
        return effect.type;
    }
  });
}

function manager(previous: Prefix | null = null): SubnetManager {
  return newSubnetManager({ config, attributes: attributes("192.168.0.1"), renewMarginMs: hour, previous });
}

function listed(subject: SubnetManager, leases: SubnetLease[], random = 0): string[] {
  step(subject, { type: "start", now });
  return show(step(subject, { type: "listed", leases, random, now }));
}

function holding(storeLease = 5n): SubnetManager {
  const subject = manager();
  listed(subject, []);
  step(subject, { type: "written", modRevision: 10, storeLease: LeaseId(storeLease), now });
  return subject;
}

test("acquiring", async (t) => {
  const others = [lease("10.5.1.0/24", "192.168.0.2"), lease("10.5.3.0/25", "192.168.0.3")];
  const rows: Array<{
    what: string;
    previous?: string;
    leases: SubnetLease[];
    random?: number;
    expected: string[];
  }> = [
    { what: "nothing there: the first free one", leases: [], expected: ["create 10.5.1.0-24 86400"] },
    { what: "random chooses", leases: [], random: 6, expected: ["create 10.5.3.0-24 86400"] },
    {
      what: "taken ones are skipped, of any length",
      leases: others,
      random: 1,
      expected: ["create 10.5.4.0-24 86400"],
    },
    {
      what: "a shorter lease takes many",
      leases: [lease("10.5.0.0/22", "192.168.0.2")],
      expected: ["create 10.5.4.0-24 86400"],
    },
    {
      what: "out of subnets",
      leases: [lease("10.5.0.0/16", "192.168.0.2")],
      expected: ["report out of subnets: all of 10.5.0.0/16 are leased", "wake 0.0002777777777777778 h"],
    },
    {
      what: "our own by PublicIP is kept",
      leases: [...others, lease("10.5.2.0/24", "192.168.0.1")],
      expected: ["overwrite 10.5.2.0-24@7 86400 replaces 9"],
    },
    {
      what: "a reservation stays one",
      leases: [lease("10.5.2.0/24", "192.168.0.1", { storeLease: LeaseId(0n) })],
      expected: ["overwrite 10.5.2.0-24@7 null replaces 0"],
    },
    {
      what: "our own outside of the range goes",
      leases: [lease("10.5.9.0/24", "192.168.0.1")],
      expected: ["delete 10.5.9.0-24@7"],
    },
    {
      what: "our own of another length goes",
      leases: [lease("10.5.2.0/25", "192.168.0.1")],
      expected: ["delete 10.5.2.0-25@7"],
    },
    {
      what: "the previous one if free",
      previous: "10.5.4.0/24",
      leases: others,
      expected: ["create 10.5.4.0-24 86400"],
    },
    {
      what: "the previous one is somebody else's now",
      previous: "10.5.1.0/24",
      leases: others,
      expected: ["create 10.5.2.0-24 86400"],
    },
    {
      what: "the previous one is of another network",
      previous: "10.9.1.0/24",
      leases: [],
      expected: ["create 10.5.1.0-24 86400"],
    },
  ];
  for (const { what, previous, leases, random, expected } of rows) {
    const subject = manager(previous ? parsePrefix(previous) : null);
    t.same(listed(subject, leases, random), expected, what);
  }
});

test("keeping", async (t) => {
  const feed = (subject: SubnetManager, event: SubnetEvent): string[] => show(step(subject, event));
  const own = (rest: Partial<SubnetLease> = {}): SubnetLease =>
    lease("10.5.1.0/24", "192.168.0.1", { modRevision: 20, storeLease: LeaseId(6n), ...rest });

  await t.test("written, renewed at the margin, renewed again", async (t) => {
    const subject = manager();
    listed(subject, []);
    t.same(feed(subject, { type: "written", modRevision: 10, storeLease: LeaseId(5n), now }), [
      "hold 10.5.1.0/24",
      "report null",
      "wake 23 h",
    ]);
    t.same(feed(subject, { type: "wake", now: Instant(now + hour) }), ["wake 23 h"], "an early wake");
    const later = Instant(now + 23 * hour);
    t.same(feed(subject, { type: "wake", now: later }), ["overwrite 10.5.1.0-24@10 86400 replaces 5"]);
    t.same(feed(subject, { type: "written", modRevision: 30, storeLease: LeaseId(6n), now: later }), [
      "report null",
      "wake 46 h",
    ]);
  });

  await t.test("a failed renewal is tried again after a minute, as a renewal", async (t) => {
    const subject = holding();
    const later = Instant(now + 23 * hour);
    feed(subject, { type: "wake", now: later });
    const [, wake] = feed(subject, { type: "failed", problem: "kv.unavailable", now: later });
    t.equal(wake, `wake ${23 + 1 / 60} h`);
    t.same(feed(subject, { type: "wake", now: Instant(later + 60_000) }), [
      "overwrite 10.5.1.0-24@10 86400 replaces 5",
    ]);
  });

  await t.test("a lost race lists again; ten in a row pause", async (t) => {
    const subject = manager();
    listed(subject, []);
    for (let race = 0; race < 9; race++) {
      t.same(feed(subject, { type: "conflict", now }), ["list"]);
      feed(subject, { type: "listed", leases: [], random: race, now });
    }
    t.match(feed(subject, { type: "conflict", now }), [/^report lost the race/, /^wake/]);
  });

  await t.test("a reservation is never renewed", async (t) => {
    const subject = manager();
    listed(subject, [own({ storeLease: LeaseId(0n) })]);
    t.same(feed(subject, { type: "written", modRevision: 21, storeLease: LeaseId(0n), now }), [
      "hold 10.5.1.0/24",
      "report null",
      "wake never",
    ]);
  });

  await t.test("what is observed of the own key", async (t) => {
    const rows: Array<[string, SubnetLease | null, number, string[]]> = [
      ["gone: taken back in place", null, 20, ["create 10.5.1.0-24 86400"]],
      ["gone before our write: old news", null, 10, []],
      ["our own write", own({ modRevision: 10, storeLease: LeaseId(5n) }), 12, []],
      ["written by another of us: its lease counts", own(), 20, ["wake 23 h"]],
      ["made a reservation", own({ storeLease: LeaseId(0n) }), 20, ["wake never"]],
      [
        "another host's now: look for another",
        lease("10.5.1.0/24", "192.168.0.9", { modRevision: 20 }),
        20,
        ["list"],
      ],
      [
        "our address, other data: put right after a pause",
        own({ attributes: { ...attributes("192.168.0.1"), backendData: undefined } }),
        20,
        ["wake 0.0002777777777777778 h"],
      ],
    ];
    for (const [what, seen, revision, expected] of rows) {
      const subject = holding();
      t.same(feed(subject, { type: "observed", lease: seen, revision, now }), expected, what);
    }
  });

  await t.test(
    "the key went to another host while we were cut off: another subnet, and no other time",
    async (t) => {
      const subject = holding();
      feed(subject, { type: "observed", lease: null, revision: 20, now });
      t.same(feed(subject, { type: "conflict", now }), ["list"]);
      const leases = [lease("10.5.1.0/24", "192.168.0.9")];
      t.same(feed(subject, { type: "listed", leases, random: 0, now }), ["create 10.5.2.0-24 86400"]);
      t.match(feed(subject, { type: "written", modRevision: 25, storeLease: LeaseId(8n), now }), [
        "hold 10.5.2.0/24",
      ]);
    },
  );
});

test("an allocated subnet is compatible and free", async () => {
  const other = fc.record({
    address: fc.integer({ min: 0x0a050000, max: 0x0a05ffff }).map(Ipv4),
    length: fc.integer({ min: 17, max: 31 }),
  });
  fc.assert(
    fc.property(fc.array(other, { maxLength: 40 }), fc.nat(0xffffffff), (subnets, random) => {
      const leases = subnets.map((subnet) => lease(formatPrefix(subnet), "192.168.0.2"));
      const subnet = allocate(config, leases, random);
      const bases = [1, 2, 3, 4].map((third) => ({ address: Ipv4(0x0a050000 + third * 256), length: 24 }));
      const free = bases.filter((base) => !subnets.some((taken) => overlaps(taken, base)));
      if (!subnet) return free.length === 0;
      return isCompatible(config, subnet) && free.some((base) => base.address === subnet.address);
    }),
  );
});

/**
 * Managers against a model of the store, stepped in any order, with answers lost, writes lost and keys deleted. At every
 * moment no subnet is leased twice; when the faults stop, everyone holds a lease of its own that the store agrees with.
 */
test("hosts in any interleaving, with faults, end with one subnet each", async () => {
  const small = configOf('{"Network":"10.5.0.0/20"}');
  const move = fc.record({
    host: fc.nat(5),
    fault: fc.constantFrom("none", "none", "lost", "unanswered", "deleted"),
    random: fc.nat(0xffffffff),
  });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
      const world = new Map<string, { value: string; revision: number; storeLease: bigint }>();
      let revision = 1;
      let leases = 1n;
      let time = 0;
      const hosts = Array.from({ length: 6 }, (_, at) => {
        const subject = newSubnetManager({
          config: small,
          attributes: attributes(`192.168.0.${at + 1}`),
          renewMarginMs: hour,
          previous: null,
        });
        const pending: SubnetEffect[] = [];
        return { subject, pending };
      });
      const all = (): SubnetLease[] =>
        [...world].sort().flatMap(([name, { value, revision: modRevision, storeLease }]) => {
          const parsed = parseLeaseRecord({ name, value, modRevision, storeLease });
          return parsed ? [parsed] : [];
        });
      const feed = (host: (typeof hosts)[number], event: SubnetEvent): void => {
        for (const effect of step(host.subject, event)) {
          if (["list", "create", "overwrite", "delete"].includes(effect.type)) host.pending.push(effect);
        }
        if (host.pending.length > 1) throw new Error("two calls at once");
      };
      const call = (effect: SubnetEffect, random: number, at: Instant): SubnetEvent => {
        if (effect.type === "list") return { type: "listed", leases: all(), random, now: at };
        if (effect.type !== "create" && effect.type !== "overwrite" && effect.type !== "delete")
          throw new Error("no call");
        const found = world.get(effect.name);
        const expected =
          effect.type === "create" ? found === undefined : found?.revision === effect.modRevision;
        if (!expected) return { type: "conflict", now: at };
        revision++;
        if (effect.type === "delete") {
          world.delete(effect.name);
          return { type: "deleted", now: at };
        }
        const storeLease = effect.ttlSeconds === null ? 0n : leases++;
        world.set(effect.name, { value: effect.value, revision, storeLease });
        return { type: "written", modRevision: revision, storeLease: LeaseId(storeLease), now: at };
      };
      const turn = (host: (typeof hosts)[number], fault: string, random: number): void => {
        time += 2000;
        const at = Instant(time);
        const { held } = host.subject;
        if (fault === "deleted" && held && world.delete(held.name)) revision++;
        const effect = host.pending.shift();
        if (effect) {
          const event = fault === "lost" ? null : call(effect, random, at);
          feed(host, event && fault !== "unanswered" ? event : { type: "failed", problem: fault, now: at });
        } else {
          feed(host, { type: "wake", now: at });
          const lease = held ? (all().find((candidate) => candidate.name === held.name) ?? null) : null;
          if (held && host.pending.length === 0) feed(host, { type: "observed", lease, revision, now: at });
        }
        const subnets = all().map((entry) => entry.subnet);
        if (subnets.some((left, i) => subnets.some((right, j) => i < j && overlaps(left, right))))
          throw new Error("overlap");
      };
      for (const host of hosts) feed(host, { type: "start", now: Instant(0) });
      for (const { host, fault, random } of moves) turn(hosts[host]!, fault, random);
      time += leaseTtlSeconds;
      for (let round = 0; round < 40; round++) {
        hosts.forEach((host, at) => {
          turn(host, "none", round * 7 + at);
        });
      }
      const entries = all();
      for (const { subject } of hosts) {
        const mine = entries.filter((entry) => entry.attributes.publicIp === subject.attributes.publicIp);
        if (mine.length !== 1 || mine[0]!.name !== subject.held?.name)
          throw new Error("not exactly one lease of its own");
      }
    }),
    { numRuns: 50 },
  );
});
