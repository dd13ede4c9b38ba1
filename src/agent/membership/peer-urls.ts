/** Peer URLs as MemberAdd and MemberUpdate take them (etcd.md 7). */
import { KvError } from "../../store/errors.ts";

const schemes: ReadonlySet<string> = new Set(["http:", "https:", "unix:", "unixs:"]);

/** The URLs, sorted. Throws `kv.member-urls-invalid`: none, or one that is not scheme, host and port alone. */
export function checkedPeerUrls(urls: readonly string[]): string[] {
  if (urls.length === 0 || !urls.every(isPeerUrl)) throw new KvError("kv.member-urls-invalid");
  return [...urls].sort();
}

/** URL.parse hides the port that is the scheme's own, and gives a path to everybody; so the text decides on both. */
function isPeerUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && schemes.has(url.protocol) && /^[a-z]+:\/\/[^/?#@]+:\d+$/.test(text);
}
