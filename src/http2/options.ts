/** What waits to be sent on all connections of a server together: clients that read slowly are many, memory is one. */
export interface SharedOutboxes {
  /** Counted by the connections. */
  bytes: number;
  /** From here on, connections that hold more than `fairBytes` themselves count as full; the others do not notice. */
  readonly bytesMax: number;
  readonly fairBytes: number;
}

/** The bounds of one connection. */
export interface Http2Options {
  readonly shared: SharedOutboxes;
  /** What a client may send ahead on a stream, and on the connection. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Streams that are open at a time; further ones are refused. */
  readonly streamsMax: number;
  /** `write` says "wait" from here on, per stream. */
  readonly outboxBytesMax: number;
  /** No new streams while the outboxes of all streams hold this much, and `write` says "wait" to each after one message. */
  readonly outboxTotalBytesMax: number;
  /** Closer pings are strikes against the peer, unless we sent it something meanwhile; the third too many ends the connection. */
  readonly pingIntervalMsMin: number;
  /** Announced as SETTINGS_MAX_HEADER_LIST_SIZE; requests beyond it are reset. */
  readonly headerListBytesMax: number;
}
