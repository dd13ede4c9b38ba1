/** The bounds of one connection. */
export interface Http2Options {
  /** What a client may send ahead on a stream, and on the connection. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Streams that are open at a time; further ones are refused. */
  readonly streamsMax: number;
  /** `write` says "wait" from here on, per stream. */
  readonly outboxBytesMax: number;
  /** No new streams while the outboxes of all streams hold this much. */
  readonly outboxTotalBytesMax: number;
  /** Announced as SETTINGS_MAX_HEADER_LIST_SIZE; requests beyond it are reset. */
  readonly headerListBytesMax: number;
}
