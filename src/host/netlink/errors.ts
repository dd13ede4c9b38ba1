/** Operating errors of netlink. A refusal of one request leaves the socket usable; `unavailable` means there is none. */
import { AgentError } from "../../base/errors.ts";

export type NetlinkDetail =
  /** No socket: not permitted, no such protocol, or the addon for system calls could not be loaded. */
  | { readonly code: "netlink.unavailable"; readonly errno: number }
  /** The kernel answered a request with an error. */
  | { readonly code: "netlink.refused"; readonly errno: number; readonly operation: string }
  /** A dump was interrupted by changes again and again. Asking later helps. */
  | { readonly code: "netlink.unsteady"; readonly operation: string }
  /** Sending or receiving failed. */
  | { readonly code: "netlink.failed"; readonly errno: number; readonly operation: string }
  /** Bytes that are no netlink message. */
  | { readonly code: "netlink.malformed"; readonly offset: number };

export class NetlinkError extends AgentError<NetlinkDetail> {
  override readonly name = "NetlinkError";
}

/** The numbers that this program tells apart (asm-generic/errno-base.h; the same on x86-64 and arm64). */
export const errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EAGAIN: 11,
  EEXIST: 17,
  ENODEV: 19,
  EADDRNOTAVAIL: 99,
  ENOBUFS: 105,
} as const;

const names = new Map<number, string>([
  ...Object.entries(errno).map(([name, value]): [number, string] => [value, name]),
  [16, "EBUSY"],
  [22, "EINVAL"],
  [95, "EOPNOTSUPP"],
  [97, "EAFNOSUPPORT"],
  [101, "ENETUNREACH"],
]);

/** `EEXIST`, or `errno 71` for one without a name here. */
export function errnoName(value: number): string {
  return names.get(value) ?? `errno ${value}`;
}
