/**
 * The overlay on the real kernel: two namespaces joined by a wire, our network module in each, pings between the leased
 * subnets, and every kind of damage repaired. Needs root, `ip` and `ping` (the test's tools, not the product's).
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "tap";
import type { LeaseStatus, NetworkStatus } from "../../../../src/agent/network/module.ts";
import { MemoryKv } from "../../../support/memory-kv.ts";
import { serveKv } from "./ipc-kv.ts";

const helper = fileURLToPath(new URL("overlay-host.ts", import.meta.url));
const deadlineMs = 20_000;

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return "needs root to make network namespaces";
  for (const [tool, flag] of [
    ["ip", "-V"],
    ["ping", "-V"],
  ] as const) {
    try {
      execFileSync(tool, [flag], { stdio: "ignore" });
    } catch {
      return `needs the program ${tool}`;
    }
  }
  try {
    execFileSync("ip", ["netns", "add", `argosy-probe-${process.pid}`], { stdio: "ignore" });
    execFileSync("ip", ["netns", "del", `argosy-probe-${process.pid}`], { stdio: "ignore" });
  } catch {
    return "cannot make network namespaces here";
  }
  return false;
}

interface Answer {
  readonly status: NetworkStatus;
  readonly leases: LeaseStatus[];
}

class Host {
  readonly namespace: string;
  readonly child: ChildProcess;
  readonly subnetFile: string;
  #asked = 0;

  constructor(namespace: string, directory: string, kv: MemoryKv, iface?: string) {
    this.namespace = namespace;
    this.subnetFile = join(directory, namespace, "subnet.env");
    const options = JSON.stringify({ machineId: namespace, iface, subnetFile: this.subnetFile });
    this.child = spawn("ip", ["netns", "exec", namespace, process.execPath, helper, options], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
      env: { ...process.env, NODE_OPTIONS: "", OVERLAY_LOG: process.env.OVERLAY_LOG && namespace },
    });
    serveKv(this.child, kv);
  }

  ip(...args: string[]): string {
    return execFileSync("ip", ["netns", "exec", this.namespace, "ip", ...args], { encoding: "utf8" });
  }

  bridge(...args: string[]): string {
    return execFileSync("ip", ["netns", "exec", this.namespace, "bridge", ...args], { encoding: "utf8" });
  }

  ping(address: string): boolean {
    try {
      const args = ["netns", "exec", this.namespace, "ping", "-c", "1", "-W", "1", address];
      execFileSync("ip", args, { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }

  ask(): Promise<Answer> {
    const id = ++this.#asked;
    return new Promise((resolve) => {
      const listen = (message: { answer?: number } & Answer): void => {
        if (message.answer !== id) return;
        this.child.off("message", listen);
        resolve(message);
      };
      this.child.on("message", listen);
      this.child.send({ ask: "status", id });
    });
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.child.once("exit", resolve));
    if (this.child.exitCode !== null) return;
    if (this.child.connected) this.child.send({ ask: "stop" });
    await exited;
  }
}

/** Waits for a fact; its time is reported, not judged. */
async function until(what: string, fact: () => boolean | Promise<boolean>): Promise<number> {
  const start = performance.now();
  for (;;) {
    if (await fact()) return performance.now() - start;
    if (performance.now() - start > deadlineMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const base = (status: NetworkStatus): string => status.subnet!.split("/")[0]!;

test("two hosts, one overlay", { skip: whyNot(), timeout: 120_000 }, async (t) => {
  const names = [`argosy-a-${process.pid}`, `argosy-b-${process.pid}`] as const;
  const directory = mkdtempSync(join(tmpdir(), "argosy-overlay-"));
  const run = (...args: string[]): void => {
    execFileSync("ip", args);
  };
  for (const name of names) run("netns", "add", name);
  const hosts: Host[] = [];
  t.teardown(async () => {
    for (const host of hosts) host.child.kill();
    for (const name of names) run("netns", "del", name);
    rmSync(directory, { recursive: true });
  });
  run("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1]);
  names.forEach((name, at) => {
    run("-n", name, "addr", "add", `192.168.77.${at + 1}/24`, "dev", "eth0");
    run("-n", name, "link", "set", "lo", "up");
    run("-n", name, "link", "set", "eth0", "up");
  });
  run("-n", names[1], "route", "add", "default", "via", "192.168.77.1");

  const kv = new MemoryKv();
  const key = (path: string): Buffer => Buffer.from(`/coreos.com/network/${path}`);
  const a = new Host(names[0], directory, kv, "eth0");
  const b = new Host(names[1], directory, kv);
  hosts.push(a, b);

  await until(
    "a waits for a configuration",
    async () => (await a.ask()).status.problem?.includes("config") ?? false,
  );
  await kv.put({
    key: key("config"),
    value: Buffer.from('{"Network":"10.5.0.0/16","Backend":{"Type":"udp"}}'),
  });
  await until("a refuses udp", async () => (await a.ask()).status.problem?.includes("Backend.Type") ?? false);
  await kv.put({ key: key("config"), value: Buffer.from('{"network":"10.5.0.0/16"}') });
  for (const host of hosts) {
    await until("a peer each", async () => (await host.ask()).status.peers.length === 1);
    await until("the device", async () => (await host.ask()).status.problem === null);
  }
  const [statusA, statusB] = [(await a.ask()).status, (await b.ask()).status];
  const [baseA, baseB] = [base(statusA), base(statusB)];
  t.not(baseA, baseB, "different subnets");
  await until("ping", () => a.ping(baseB));
  t.ok(b.ping(baseA), "both ways");

  await t.test("what the device looks like", async (t) => {
    const [link] = JSON.parse(a.ip("-j", "-d", "link", "show", "flannel.1")) as [
      { mtu: number; address: string; linkinfo: object },
    ];
    t.equal(link.mtu, 1450);
    t.match(link.address, /^.[26ae]:/, "unicast, locally administered");
    t.match(link.linkinfo, {
      info_kind: "vxlan",
      info_data: { id: 1, local: "192.168.77.1", link: "eth0", port: 8472, learning: false },
    });
    t.match(a.ip("addr", "show", "flannel.1"), new RegExp(`inet ${baseA}/32 scope global`));
    t.match(a.ip("route"), `${baseB}/24 via ${baseB} dev flannel.1 onlink`);
    t.match(
      readFileSync(a.subnetFile, "utf8"),
      `FLANNEL_SUBNET=${baseA.replace(/0$/, "1")}/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n`,
    );
    t.equal(statSync(a.subnetFile).mode & 0o777, 0o644);
  });

  const route = (): boolean => a.ip("route").includes(`${baseB}/24 via ${baseB} dev flannel.1 onlink`);
  const arp = (): boolean =>
    a.ip("neigh").includes(`${baseB} dev flannel.1 lladdr ${statusA.peers[0]!.mac} PERMANENT`);
  const fdb = (): boolean => {
    const text = a.bridge("fdb", "show", "dev", "flannel.1");
    return (
      text.includes(`${statusA.peers[0]!.mac} dst 192.168.77.2 self permanent`) &&
      !text.includes("192.168.77.9")
    );
  };
  const address = (): boolean => a.ip("addr", "show", "dev", "flannel.1").includes(`inet ${baseA}/32`);
  const device = (): boolean => {
    const text = a.ip("-d", "link", "show");
    return (
      text.includes("flannel.1") &&
      text.includes("mtu 1450") &&
      text.includes("vxlan id 1 local 192.168.77.1")
    );
  };
  const whole = (): boolean =>
    device() && address() && arp() && fdb() && route() && /flannel.1:.*[<,]UP/.test(a.ip("link"));
  t.ok(whole(), "whole before the damage");
  const mac = statusA.peers[0]!.mac;
  const damages: Array<[string, () => unknown]> = [
    ["route deleted", () => a.ip("route", "del", `${baseB}/24`)],
    [
      "route changed",
      () => a.ip("route", "change", `${baseB}/24`, "via", "10.5.255.254", "dev", "flannel.1", "onlink"),
    ],
    ["ARP entry deleted", () => a.ip("neigh", "del", baseB, "dev", "flannel.1")],
    [
      "ARP entry changed",
      () =>
        a.ip(
          "neigh",
          "replace",
          baseB,
          "lladdr",
          "02:00:00:00:00:09",
          "dev",
          "flannel.1",
          "nud",
          "permanent",
        ),
    ],
    [
      "ARP entry not permanent",
      () => a.ip("neigh", "replace", baseB, "lladdr", mac, "dev", "flannel.1", "nud", "stale"),
    ],
    ["FDB entry deleted", () => a.bridge("fdb", "del", mac, "dev", "flannel.1", "dst", "192.168.77.2")],
    [
      "FDB entry redirected",
      () => a.bridge("fdb", "replace", mac, "dev", "flannel.1", "dst", "192.168.77.9"),
    ],
    [
      "FDB entry added",
      () => a.bridge("fdb", "add", "02:00:00:00:00:09", "dev", "flannel.1", "dst", "192.168.77.9"),
    ],
    ["address flushed", () => a.ip("addr", "flush", "dev", "flannel.1")],
    ["link down", () => a.ip("link", "set", "flannel.1", "down")],
    ["MTU changed", () => a.ip("link", "set", "flannel.1", "mtu", "1300")],
    ["MAC changed", () => a.ip("link", "set", "flannel.1", "address", "02:00:00:00:00:07")],
    ["device deleted", () => a.ip("link", "del", "flannel.1")],
    [
      "device of another VNI",
      () => {
        a.ip("link", "del", "flannel.1");
        try {
          a.ip("link", "add", "flannel.1", "type", "vxlan", "id", "7", "dstport", "8472", "dev", "eth0");
        } catch {
          // The agent was faster.
        }
      },
    ],
  ];
  for (const [name, damage] of damages) {
    damage();
    const took = await until(`${name}, repaired`, whole);
    await until("ping after repair", () => a.ping(baseB));
    t.pass(`${name}: whole again`);
    t.comment(`${name}: whole again after at most ${took.toFixed(0)} ms (several ip commands included)`);
  }

  await t.test("foreign entries stay", async (t) => {
    a.ip("addr", "add", "172.20.0.1/32", "dev", "flannel.1");
    a.ip("route", "add", "172.21.0.0/16", "dev", "flannel.1", "proto", "static");
    a.ip("route", "add", "10.5.250.0/24", "via", "192.168.77.2", "dev", "eth0");
    a.ip("route", "del", `${baseB}/24`);
    await until("repaired", whole);
    t.match(a.ip("addr", "show", "dev", "flannel.1"), "172.20.0.1/32");
    t.match(a.ip("route"), "172.21.0.0/16");
    t.match(a.ip("route"), "10.5.250.0/24 via 192.168.77.2");
  });

  await t.test("the own key is deleted: taken back in place", async (t) => {
    await kv.deleteRange({ key: key(`subnets/${baseA}-24`) });
    await until("back", async () => (await kv.range({ key: key(`subnets/${baseA}-24`) })).kvs.length === 1);
    t.equal((await a.ask()).status.subnet, statusA.subnet);
    await until("b has a again", () => b.ping(baseA));
  });

  await t.test("a lost store changes nothing", async (t) => {
    const release = kv.hold();
    kv.breakWatches();
    t.ok(whole() && a.ping(baseB), "whole and reachable");
    a.ip("route", "del", `${baseB}/24`);
    await until("repaired without the store", whole);
    release();
  });

  await t.test("a peer's lease ends: its entries go", async (t) => {
    await b.stop();
    t.ok(a.ping(baseB), "b stopped: its device stays, and answers");
    await kv.deleteRange({ key: key(`subnets/${baseB}-24`) });
    await until(
      "gone",
      () => !a.ip("route").includes(`${baseB}/24`) && !a.ip("neigh").includes(baseB) && !fdb(),
    );
    t.equal((await a.ask()).status.peers.length, 0);
    t.equal((await a.ask()).leases.length, 1);
  });

  await t.test("a restart keeps subnet, MAC and device", async (t) => {
    const index = a.ip("-o", "link", "show", "flannel.1").split(":")[0];
    await a.stop();
    const again = new Host(names[0], directory, kv, "eth0");
    hosts.push(again);
    await until(
      "leased",
      async () => (await again.ask()).status.mtu === 1450 && (await again.ask()).status.subnet !== null,
    );
    t.equal((await again.ask()).status.subnet, statusA.subnet);
    t.equal(again.ip("-o", "link", "show", "flannel.1").split(":")[0], index, "the same device");
    await again.stop();
  });
});
