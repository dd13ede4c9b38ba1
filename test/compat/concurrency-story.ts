/** Lock and Election as a client sees them, told in lines: the same lines from etcd and from us (etcd.md 10). */
import { silent } from "../../src/base/ports.ts";
import { Connections } from "../../src/host/kv-remote/connections.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import {
  CampaignRequest,
  CampaignResponse,
  LeaderKey,
  LeaderRequest,
  LeaderResponse,
  LockRequest,
  LockResponse,
  ProclaimRequest,
  ProclaimResponse,
  ResignRequest,
  ResignResponse,
  UnlockRequest,
  UnlockResponse,
} from "../../src/store/wire/concurrency-messages.ts";
import type { Codec, Init } from "../../src/store/wire/protobuf.ts";
import { systemClock } from "./clock.ts";

const services = {
  Lock: ["v3lockpb.Lock/Lock", LockRequest, LockResponse],
  Unlock: ["v3lockpb.Lock/Unlock", UnlockRequest, UnlockResponse],
  Campaign: ["v3electionpb.Election/Campaign", CampaignRequest, CampaignResponse],
  Proclaim: ["v3electionpb.Election/Proclaim", ProclaimRequest, ProclaimResponse],
  Leader: ["v3electionpb.Election/Leader", LeaderRequest, LeaderResponse],
  Resign: ["v3electionpb.Election/Resign", ResignRequest, ResignResponse],
} as const;
type Rpc = keyof typeof services;
type Shape<C> = C extends Codec<infer S> ? S : never;
type RequestOf<Name extends Rpc> = Shape<(typeof services)[Name][1]>;
type ResponseOf<Name extends Rpc> = Shape<(typeof services)[Name][2]>;

/** A client of the two services, and of the plain store beside them. */
export class ConcurrencyClient {
  readonly kv: RemoteKv;
  readonly #connections: Connections;

  constructor(endpoint: string) {
    const modules = { clock: systemClock, logger: silent };
    this.kv = new RemoteKv({ endpoints: [endpoint], requestTimeoutMs: 10_000 }, modules);
    this.#connections = new Connections({ endpoints: [endpoint] }, modules);
  }

  /** Rejects with an error whose message is `code text`. */
  async call<Name extends Rpc>(
    name: Name,
    request: Init<RequestOf<Name>>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<ResponseOf<Name>> {
    const [path, input, output] = services[name] as unknown as [
      string,
      Codec<RequestOf<Name>>,
      Codec<ResponseOf<Name>>,
    ];
    const connection = await this.#connections.get();
    const end = await connection.unary(`/${path}`, input.encode(request), {}, signal);
    if (end.status.code !== 0) throw new Error(`${end.status.code} ${end.status.message}`);
    return output.decode(end.message!);
  }

  /** What Observe says, until `stop`. */
  async observe(name: string, tell: (response: LeaderResponse) => void): Promise<() => void> {
    const connection = await this.#connections.get();
    const call = connection.stream(
      "/v3electionpb.Election/Observe",
      {},
      { message: (bytes) => tell(LeaderResponse.decode(bytes)), ended: () => {} },
    );
    call?.writeLast(LeaderRequest.encode({ name: Buffer.from(name) }));
    return () => call?.cancel();
  }

  /** Resolves when a range over `prefix` has `count` keys. */
  async untilCount(prefix: string, count: number): Promise<void> {
    const key = Buffer.from(prefix);
    const range_end = Buffer.from(
      prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
    );
    while ((await this.kv.range({ key, range_end, count_only: true })).count !== count);
  }

  close(): void {
    this.kv.close();
    this.#connections.close();
  }
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("utf8");

/** Runs the story on a fresh store. Revisions are told as they are, since both begin at 1. */
export async function concurrencyStory(endpoint: string): Promise<string[]> {
  const client = new ConcurrencyClient(endpoint);
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const attempt = async <T>(
    what: string,
    call: Promise<T>,
    shown: (answer: T) => string,
  ): Promise<T | null> =>
    call.then(
      (answer) => {
        say(`${what} -> ${shown(answer)}`);
        return answer;
      },
      (error: Error) => {
        say(`${what} -> error ${error.message}`);
        return null;
      },
    );
  const key = (answer: { key: Uint8Array; header: { revision: number } | undefined }): string =>
    `${text(answer.key)} at ${answer.header?.revision}`;
  const leader = (answer: CampaignResponse): string => {
    const { name, key, rev, lease } = answer.leader ?? LeaderKey.create();
    return `${text(name)} ${text(key)} rev=${rev} lease=${lease} at ${answer.header?.revision}`;
  };
  const kv = (answer: LeaderResponse): string =>
    `${text(answer.kv?.key)}=${text(answer.kv?.value)} created=${answer.kv?.create_revision} mod=${answer.kv?.mod_revision}`;
  const revision = (answer: { header: { revision: number } | undefined }): string =>
    `ok at ${answer.header?.revision}`;
  const b = (value: string): Buffer => Buffer.from(value);
  try {
    for (const ID of [0x10n, 0x20n, 0x30n, 0x40n]) await client.kv.leaseGrant({ ID, TTL: 600 });

    // Locks.
    await attempt("lock a 10", client.call("Lock", { name: b("a"), lease: 0x10n }), key);
    await attempt("lock a 10 again", client.call("Lock", { name: b("a"), lease: 0x10n }), key);
    await attempt("lock of no name", client.call("Lock", { name: b(""), lease: 0x10n }), key);
    await attempt("lock with an unknown lease", client.call("Lock", { name: b("a"), lease: 0x99n }), key);
    const second = attempt("lock a 20", client.call("Lock", { name: b("a"), lease: 0x20n }), key);
    await client.untilCount("a/", 2);
    const giveUp = new AbortController();
    const third = attempt(
      "lock a 30",
      client.call("Lock", { name: b("a"), lease: 0x30n }, giveUp.signal),
      key,
    );
    await client.untilCount("a/", 3);
    giveUp.abort();
    await third;
    await client.untilCount("a/", 2);
    await attempt("unlock a/10", client.call("Unlock", { key: b("a/10") }), revision);
    await second;
    await attempt("unlock nothing", client.call("Unlock", { key: b("a/10") }), revision);
    await attempt("unlock without a key", client.call("Unlock", {}), revision);
    const anonymous = await client.call("Lock", { name: b("own") });
    const lease = BigInt(`0x${text(anonymous.key).slice("own/".length)}`);
    say(`a lease of the server: ${(await client.kv.leaseTimeToLive({ ID: lease })).grantedTTL} s`);
    await attempt("unlock it", client.call("Unlock", { key: anonymous.key }), revision);

    // Elections.
    await attempt("leader of nobody", client.call("Leader", { name: b("e") }), kv);
    const seen: string[] = [];
    let wake = (): void => {};
    const told = async (count: number): Promise<void> => {
      while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
    };
    const stop = await client.observe("e", (response) => {
      seen.push(kv(response));
      wake();
    });
    const first = await attempt(
      "campaign e 10 one",
      client.call("Campaign", { name: b("e"), lease: 0x10n, value: b("one") }),
      leader,
    );
    await told(1);
    await attempt(
      "campaign e 10 uno",
      client.call("Campaign", { name: b("e"), lease: 0x10n, value: b("uno") }),
      leader,
    );
    await told(2);
    await attempt("leader", client.call("Leader", { name: b("e") }), kv);
    const next = attempt(
      "campaign e 20 two",
      client.call("Campaign", { name: b("e"), lease: 0x20n, value: b("two") }),
      leader,
    );
    await client.untilCount("e/", 2);
    await attempt(
      "proclaim eins",
      client.call("Proclaim", { leader: first!.leader!, value: b("eins") }),
      revision,
    );
    await told(3);
    const wrong = { ...first!.leader!, rev: 1 };
    await attempt("proclaim of another", client.call("Proclaim", { leader: wrong, value: b("x") }), revision);
    await attempt("proclaim of nobody", client.call("Proclaim", { value: b("x") }), revision);
    await attempt("resign of another", client.call("Resign", { leader: wrong }), revision);
    await attempt("resign of nobody", client.call("Resign", {}), revision);
    await attempt("resign", client.call("Resign", { leader: first!.leader! }), revision);
    await next;
    await told(4);
    await attempt(
      "proclaim after resigning",
      client.call("Proclaim", { leader: first!.leader!, value: b("x") }),
      revision,
    );
    await attempt("resign again", client.call("Resign", { leader: first!.leader! }), revision);
    await client.kv.leaseRevoke({ ID: 0x20n });
    await attempt("leader after its lease died", client.call("Leader", { name: b("e") }), kv);
    stop();
    for (const each of seen) say(`observed ${each}`);
    return lines;
  } finally {
    client.close();
  }
}

/** A lease that dies while its owner waits; told apart, since etcd 3.4 answers later and otherwise. */
export async function leaseDeathStory(endpoint: string): Promise<string> {
  const client = new ConcurrencyClient(endpoint);
  try {
    for (const ID of [0x11n, 0x21n]) await client.kv.leaseGrant({ ID, TTL: 600 });
    await client.call("Lock", { name: Buffer.from("d"), lease: 0x11n });
    const waiting = client.call("Lock", { name: Buffer.from("d"), lease: 0x21n }).then(
      () => "locked",
      (error: Error) => `error ${error.message}`,
    );
    await client.untilCount("d/", 2);
    await client.kv.leaseRevoke({ ID: 0x21n });
    await client.call("Unlock", { key: Buffer.from("d/11") });
    return await waiting;
  } finally {
    client.close();
  }
}
