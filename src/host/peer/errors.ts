/** What can go wrong between members. */
import { AgentError } from "../../base/errors.ts";
import type { MemberId } from "../../base/ids.ts";

/** Bytes from a peer are not a message. The connection they came on is closed. */
export class PeerCodecError extends AgentError<{ code: "peer.damaged" }> {
  override readonly name = "PeerCodecError";
  constructor(problem: string) {
    super(`damaged peer message: ${problem}`, { code: "peer.damaged" });
  }
}

export type PeerErrorDetail =
  /** The peer address cannot be listened on. */
  | { readonly code: "peer.listen-failed"; readonly host: string; readonly port: number }
  /** Not in the set given to `setPeers`. */
  | { readonly code: "peer.unknown"; readonly peer: MemberId }
  /** No connection, or it broke: the call may or may not have been carried out. */
  | { readonly code: "peer.disconnected"; readonly peer: MemberId }
  /** The caller's signal. */
  | { readonly code: "peer.canceled"; readonly peer: MemberId }
  /** Too many calls, or too many bytes, are on their way. Nothing was sent. */
  | { readonly code: "peer.busy"; readonly peer: MemberId }
  /** The peer's handler threw; `remote` is the code of what it threw, or `unknown`. */
  | { readonly code: "peer.call-failed"; readonly peer: MemberId; readonly remote: string }
  /** The peer does not speak to us: another cluster, another member, another version. */
  | { readonly code: "peer.refused"; readonly peer: MemberId; readonly reason: string };

export class PeerError extends AgentError<PeerErrorDetail> {
  override readonly name = "PeerError";
}
