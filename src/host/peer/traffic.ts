/** What went over the connections with each peer, for the metrics: read from the sockets, not counted on the way. */
import type { MemberId } from "../../base/ids.ts";

/** A connection's bytes, while it is open and after. */
export interface CountedBytes {
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** Sums over the closed connections with one peer. */
export class PeerTally {
  sentBytes = 0;
  receivedBytes = 0;
  /** Messages that were dropped. */
  sendFailures = 0;
  /** Connections from the peer that ended, for whatever reason. */
  receiveFailures = 0;
  /** Connections to the peer that stood and ended. */
  disconnects = 0;

  closed(connection: CountedBytes): void {
    this.sentBytes += connection.bytesWritten;
    this.receivedBytes += connection.bytesRead;
  }
}

/** One tally with its open connections added. */
export interface PeerTrafficNow {
  readonly peer: MemberId;
  readonly connected: boolean;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly sendFailures: number;
  readonly receiveFailures: number;
  readonly disconnects: number;
}

export function trafficNow(
  peer: MemberId,
  connected: boolean,
  tally: PeerTally,
  open: Iterable<CountedBytes>,
): PeerTrafficNow {
  let { sentBytes, receivedBytes } = tally;
  for (const { bytesRead, bytesWritten } of open) {
    sentBytes += bytesWritten;
    receivedBytes += bytesRead;
  }
  const { sendFailures, receiveFailures, disconnects } = tally;
  return { peer, connected, sentBytes, receivedBytes, sendFailures, receiveFailures, disconnects };
}
