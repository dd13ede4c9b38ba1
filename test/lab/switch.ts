/**
 * The network between the hosts of a lab: one bridge in a namespace of its own, one port per host. Cuts are rules of the
 * bridge's filter between two ports, so a cut loses frames silently, ARP too, as a broken switch does.
 */
import { must } from "./command.ts";

/** Addresses of a lab: hosts are at `<net>.1` and up, the switch itself is `<net>.254` and the default gateway. */
export class Switch {
  readonly #space: string;
  readonly net: string;

  private constructor(space: string, net: string) {
    this.#space = space;
    this.net = net;
  }

  /** Makes the namespace `space` with its bridge. `net` is the first three numbers of a /24. */
  static async make(space: string, net: string): Promise<Switch> {
    await must(["ip", "netns", "add", space]);
    const made = new Switch(space, net);
    await made.#ip("link", "add", "br0", "type", "bridge");
    await made.#ip("addr", "add", `${net}.254/24`, "dev", "br0");
    await made.#ip("link", "set", "br0", "up");
    await made.#nft("add table bridge lab");
    await made.#nft("add chain bridge lab cuts { type filter hook forward priority 0; }");
    return made;
  }

  #ip(...words: string[]): Promise<string> {
    return must(["ip", "-n", this.#space, ...words]);
  }

  #nft(command: string): Promise<string> {
    return must(["ip", "netns", "exec", this.#space, "nft", command]);
  }

  /** Plugs the namespaces of process `pid` in as host `number`: its eth0. The kernel removes the pair when they go. */
  async plug(number: number, pid: number): Promise<void> {
    const port = `p${number}`;
    // A host keeps its card over a reboot: with another address its neighbours would talk to the old one for seconds.
    const mac = `02:79:00:00:00:${number.toString(16).padStart(2, "0")}`;
    const card = ["name", "eth0", "address", mac, "netns", String(pid)];
    await this.#ip("link", "add", port, "type", "veth", "peer", ...card);
    await this.#ip("link", "set", port, "master", "br0", "up");
    const inside = (...words: string[]) => must(["nsenter", "-t", String(pid), "-n", "ip", ...words]);
    await inside("addr", "add", `${this.net}.${number}/24`, "dev", "eth0");
    await inside("link", "set", "eth0", "up");
    await inside("route", "add", "default", "via", `${this.net}.254`);
  }

  /** Takes the port out, if it is still there. */
  async unplug(number: number): Promise<void> {
    await this.#ip("link", "del", `p${number}`).catch(() => undefined);
  }

  /** The cable of one host: without it its eth0 has no carrier. */
  async cable(number: number, state: "up" | "down"): Promise<void> {
    await this.#ip("link", "set", `p${number}`, state);
  }

  /** Loses every frame between the two, both ways. */
  async cut(one: number, other: number): Promise<void> {
    for (const [from, to] of [
      [one, other],
      [other, one],
    ])
      await this.#nft(`add rule bridge lab cuts iifname p${from} oifname p${to} drop`);
  }

  /** Undoes all cuts. */
  async heal(): Promise<void> {
    await this.#nft("flush chain bridge lab cuts");
  }
}
