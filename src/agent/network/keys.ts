/** Where the overlay's keys are (flannel.md 2): `<prefix>/config` and one key per host under `<prefix>/subnets/`. */
import { utf8 } from "../../base/bytes.ts";
import type { LeaseRecord } from "../../network/lease-set.ts";
import type { KeyValue } from "../../store/kv.ts";

const subnets = "subnets/";

export class NetworkKeys {
  /** Ends in one slash. */
  readonly root: string;

  constructor(prefix: string) {
    this.root = `${prefix}/`.replaceAll(/\/+/g, "/");
  }

  get config(): string {
    return `${this.root}config`;
  }

  lease(name: string): Buffer {
    return utf8.encode(this.root + subnets + name);
  }

  get leases(): Buffer {
    return utf8.encode(this.root + subnets);
  }

  isConfig(key: Uint8Array): boolean {
    return utf8.decode(key) === this.config;
  }

  /** The lease's name in a key, or null for a key that is none. */
  leaseName(key: Uint8Array): string | null {
    const text = utf8.decode(key);
    return text.startsWith(this.root + subnets) ? text.slice(this.root.length + subnets.length) : null;
  }

  /** The record of a key below `subnets/`, or null. */
  record(kv: KeyValue): LeaseRecord | null {
    const name = this.leaseName(kv.key);
    return name === null
      ? null
      : { name, value: utf8.decode(kv.value), modRevision: kv.mod_revision, storeLease: kv.lease };
  }
}
