/** The SETTINGS of the peer (RFC 9113, 6.5.2): each value is checked, three of them concern a server's sending side. */
import { ErrorCode } from "./error-code.ts";
import { Http2Error } from "./errors.ts";
import { framePayloadBytesMax, int31Max, readUint32, Setting } from "./frame.ts";

export interface PeerSettings {
  /** Absent: not mentioned. */
  streamWindow?: number;
  headerTableBytes?: number;
}

const settingBytes = 6;
const frameSizeMax = 2 ** 24 - 1;

/** Throws Http2Error. A setting that is named twice counts with its last value. */
export function readSettings(bytes: Uint8Array, start: number, end: number): PeerSettings {
  if ((end - start) % settingBytes !== 0) {
    throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS of a broken length");
  }
  const settings: PeerSettings = {};
  for (let at = start; at < end; at += settingBytes) {
    const id = (bytes[at]! << 8) | bytes[at + 1]!;
    const value = readUint32(bytes, at + 2);
    if (id === Setting.INITIAL_WINDOW_SIZE) {
      if (value > int31Max) throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, "initial window too large");
      settings.streamWindow = value;
    } else if (id === Setting.HEADER_TABLE_SIZE) {
      settings.headerTableBytes = Math.min(settings.headerTableBytes ?? value, value);
    } else if (
      (id === Setting.ENABLE_PUSH && value > 1) ||
      (id === Setting.MAX_FRAME_SIZE && (value < framePayloadBytesMax || value > frameSizeMax))
    ) {
      throw new Http2Error(ErrorCode.PROTOCOL_ERROR, `setting ${id} out of range`);
    }
  }
  return settings;
}
