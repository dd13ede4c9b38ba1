/**
 * How the members of a cluster talk: one listener, and one outgoing connection to each peer. Raft's messages go one way on
 * the sender's connection; calls are answered on the connection they came on; a snapshot has its own. Place in the map:
 * host/, driven by agent/server.
 */
import type { Socket } from "node:net";
import { type ClusterId, hex, type Instant, type MemberId } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { SnapshotMeta } from "../../raft/entry.ts";
import type { Message } from "../../raft/message.ts";
import { PeerError } from "./errors.ts";
import type { HttpAnswers } from "./http-answer.ts";
import { InboundConnection, type InboundHandlers } from "./inbound.ts";
import { PeerLink } from "./link.ts";
import { type ListenAddress, PeerListener } from "./listener.ts";
import { sendSnapshot } from "./snapshot-sender.ts";
import { PeerTally, type PeerTrafficNow, trafficNow } from "./traffic.ts";

export interface PeerTransportOptions {
  readonly self: MemberId;
  readonly clusterId: ClusterId;
  readonly listen: readonly ListenAddress[];
}

export interface PeerHandlers extends InboundHandlers {
  /** A peer cannot be reached at the moment. Called again for every attempt that fails; may come from within `send`. */
  unreachable(peer: MemberId): void;
  /** A peer says that this member was removed from the cluster. May be called again. */
  removed?(): void;
  /** Answers of the peer port to HTTP; nothing but 404 unless given. */
  readonly http?: HttpAnswers;
}

export interface PeerTransportModules {
  readonly logger: Logger;
  readonly clock: Clock;
  readonly handlers: PeerHandlers;
}

export class PeerTransport {
  readonly #options: PeerTransportOptions;
  readonly #modules: PeerTransportModules;
  readonly #listener: PeerListener;
  readonly #links = new Map<MemberId, PeerLink>();
  readonly #tallies = new Map<MemberId, PeerTally>();
  readonly #inbound = new Set<InboundConnection>();
  readonly #stop = new AbortController();

  constructor(options: PeerTransportOptions, modules: PeerTransportModules) {
    this.#options = options;
    this.#modules = modules;
    this.#listener = new PeerListener({
      clock: modules.clock,
      peer: (socket, first) => this.#accept(socket, first),
      http: modules.handlers.http ?? (() => null),
    });
  }

  /** Opens the peer port. Throws PeerError `peer.listen-failed`. */
  async listen(): Promise<void> {
    for (const address of this.#options.listen) await this.#listener.listen(address);
  }

  /** Where it listens, with the ports that the system chose. */
  addresses(): ListenAddress[] {
    return this.#listener.addresses();
  }

  /** The peers to connect to, with their URLs; this member may be among them. Others are disconnected. */
  setPeers(peers: ReadonlyMap<MemberId, readonly string[]>): void {
    if (this.#stop.signal.aborted) return;
    for (const [peer, link] of this.#links) {
      if (peers.has(peer)) continue;
      this.#links.delete(peer);
      link.close();
    }
    const { clusterId, self } = this.#options;
    const { clock, logger, handlers } = this.#modules;
    for (const [peer, urls] of peers) {
      if (peer === self) continue;
      const link = this.#links.get(peer);
      if (link) {
        link.setUrls(urls);
        continue;
      }
      const tally = this.#tallies.get(peer) ?? new PeerTally();
      this.#tallies.set(peer, tally);
      const modules = {
        clock,
        logger,
        tally,
        unreachable: (of: MemberId) => handlers.unreachable(of),
        removed: () => handlers.removed?.(),
      };
      this.#links.set(peer, new PeerLink({ clusterId, self, peer, urls }, modules));
    }
  }

  /** Closes what such peers have opened; when they come again they are judged again. */
  disconnect(isUnwanted: (peer: MemberId) => boolean): void {
    for (const connection of this.#inbound) {
      if (connection.peer !== null && isUnwanted(connection.peer)) connection.close("the peer was removed");
    }
  }

  /** Sends, or drops: no connection, unknown peer, queue full, too large for a frame. All that is sent in one turn leaves as one write. */
  send(message: Message): void {
    this.#links.get(message.to)?.send(message);
  }

  /** Asks a peer. Rejects with PeerError; see there for which codes mean that nothing happened. */
  call(to: MemberId, method: string, payload: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const link = this.#links.get(to);
    return link ? link.call(method, payload, signal) : Promise.reject(unknownPeer(to));
  }

  /** Streams a snapshot and waits until the peer has installed it. Throws PeerError, or what `chunks` throws. */
  async sendSnapshot(to: MemberId, meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const url = this.#links.get(to)?.url;
    if (url === undefined) {
      await chunks[Symbol.asyncIterator]().return?.();
      throw unknownPeer(to);
    }
    const { clusterId, self } = this.#options;
    const options = { clusterId, self, peer: to, url, meta, signal: this.#stop.signal };
    await sendSnapshot(options, { clock: this.#modules.clock, chunks });
  }

  /** The peers that this member is connected to, and since when. */
  active(): Map<MemberId, { readonly connectedSince: Instant }> {
    const active = new Map<MemberId, { readonly connectedSince: Instant }>();
    for (const [peer, link] of this.#links) {
      const { connectedSince } = link;
      if (connectedSince !== null) active.set(peer, { connectedSince });
    }
    return active;
  }

  /** What went to and came from each peer since the start of the process. */
  traffic(): PeerTrafficNow[] {
    return [...this.#links].map(([peer, { connection }]) => {
      const inbound = [...this.#inbound].filter((each) => each.peer === peer);
      const open = connection ? [connection, ...inbound] : inbound;
      return trafficNow(peer, connection !== null, this.#tallies.get(peer)!, open);
    });
  }

  /** Closes everything at once; open calls fail with `peer.disconnected`. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#listener.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    for (const connection of this.#inbound) connection.close("the member stops");
  }

  #accept(socket: Socket, first: Buffer): void {
    const { clock, logger, handlers } = this.#modules;
    const self = { clusterId: this.#options.clusterId, id: this.#options.self };
    const connection = new InboundConnection(
      { self, socket, first },
      { clock, logger, handlers, closed: (closed) => this.#closed(closed) },
    );
    this.#inbound.add(connection);
  }

  #closed(connection: InboundConnection): void {
    this.#inbound.delete(connection);
    const tally = connection.peer === null ? undefined : this.#tallies.get(connection.peer);
    if (tally === undefined) return;
    tally.closed(connection);
    tally.receiveFailures++;
  }
}

function unknownPeer(peer: MemberId): PeerError {
  return new PeerError(`${hex(peer)} is not a peer of this member`, { code: "peer.unknown", peer });
}
