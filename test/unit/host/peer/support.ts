/** Members on loopback with real sockets, and a way to await facts. */
import { ClusterId, MemberId } from "../../../../src/base/ids.ts";
import { silent } from "../../../../src/base/ports.ts";
import { systemClock } from "../../../../src/host/clock.ts";
import { type PeerHandlers, PeerTransport } from "../../../../src/host/peer/transport.ts";
import type { Message } from "../../../../src/raft/message.ts";

export const clusterId = ClusterId(0xc1n);

export interface TestMember {
  readonly id: MemberId;
  readonly transport: PeerTransport;
  readonly url: string;
  readonly port: number;
  readonly received: Message[];
  readonly unreachable: MemberId[];
}

export async function startMember(
  id: bigint,
  handlers: Partial<PeerHandlers> = {},
  options: { readonly port?: number; readonly clusterId?: ClusterId } = {},
): Promise<TestMember> {
  const received: Message[] = [];
  const unreachable: MemberId[] = [];
  const transport = new PeerTransport(
    {
      self: MemberId(id),
      clusterId: options.clusterId ?? clusterId,
      listen: [{ host: "127.0.0.1", port: options.port ?? 0 }],
    },
    {
      logger: silent,
      clock: systemClock,
      handlers: {
        message: (message) => received.push(message),
        call: async (_from, _method, payload) => payload,
        snapshot: async () => {},
        unreachable: (peer) => unreachable.push(peer),
        ...handlers,
      },
    },
  );
  await transport.listen();
  const { port } = transport.addresses()[0]!;
  return { id: MemberId(id), transport, url: `http://127.0.0.1:${port}`, port, received, unreachable };
}

/** Each knows all. */
export function introduce(...members: TestMember[]): void {
  const peers = new Map(members.map((member) => [member.id, [member.url]]));
  for (const member of members) member.transport.setPeers(peers);
}

/** Waits until `fact` holds; the test runner's own deadline is the only one. */
export async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((resolve) => setTimeout(resolve, 5));
}
