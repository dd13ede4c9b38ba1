/** The frame layer's numbers (RFC 9113, 4.1 and 6), and the nine bytes in front of every frame. */

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = { END_STREAM: 1, ACK: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const;

export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** What a client sends before its first frame (RFC 9113, 3.4). */
export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
export const frameHeaderBytes = 9;
/** Payload of one frame: the value that every peer takes, so we neither announce nor use another. */
export const framePayloadBytesMax = 16_384;
/** Flow-control windows before any SETTINGS or WINDOW_UPDATE (RFC 9113, 6.9.2). */
export const defaultWindowBytes = 65_535;
/** Largest window, window increment and stream id. */
export const int31Max = 2 ** 31 - 1;

/** Writes a frame header at `at` and returns the position behind it. */
export function writeFrameHeader(
  into: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  into[at] = length >>> 16;
  into[at + 1] = length >>> 8;
  into[at + 2] = length;
  into[at + 3] = type;
  into[at + 4] = flags;
  return writeUint32(into, at + 5, streamId);
}

/** Writes `value` big-endian and returns the position behind it. */
export function writeUint32(into: Uint8Array, at: number, value: number): number {
  into[at] = value >>> 24;
  into[at + 1] = value >>> 16;
  into[at + 2] = value >>> 8;
  into[at + 3] = value;
  return at + 4;
}

/** Four bytes, big-endian. The caller has checked that they are there. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
