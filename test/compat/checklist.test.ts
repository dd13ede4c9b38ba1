/**
 * The acceptance checklist of etcd.md section 22, a line each: the check itself where it is small, else where it is made. What
 * later issues bring is listed as pending.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Test, test } from "tap";
import {
  gatewayNumbers,
  killed,
  onePort,
  readyLine,
  versionAndHealth,
  watchOfEverything,
} from "./checklist-checks.ts";
import { groups } from "./suite/suite.ts";

type Proof =
  | { readonly cases: readonly string[] }
  | { readonly file: string; readonly title: string }
  | { readonly pending: string }
  | { readonly run: (t: Test) => Promise<void> };
interface Line {
  readonly text: string;
  readonly proofs: readonly Proof[];
}

/** A case of the suite, by the beginning of `group: name`. */
const cases = (...names: string[]): Proof => ({ cases: names });
const inFile = (file: string, title: string): Proof => ({ file, title });
const pending = (reason: string): Proof => ({ pending: reason });

/** In the order of the specification, from 1 on. */
const lines: readonly Line[] = [
  { text: "clean put on a fresh store has revision 2", proofs: [cases("first revision: a fresh store")] },
  {
    text: "all strings of section 11 exact",
    proofs: [inFile("compat/suite.coverage.test.ts", "every error text is provoked by a case")],
  },
  { text: "a historical read returns the current header.revision", proofs: [cases("kv: history")] },
  { text: "a delete of nothing keeps the revision", proofs: [cases("kv: a delete of nothing")] },
  {
    text: "txn compares on the state before, operations see earlier ones",
    proofs: [cases("txn: compares see the state before")],
  },
  { text: "the duplicate rule with nested branches", proofs: [cases("txn: the duplicate rule")] },
  { text: "watch from 1 after 10,000 puts, with concurrent puts", proofs: [{ run: watchOfEverything }] },
  {
    text: "watch below compaction cancels with compact_revision",
    proofs: [cases("watch: below the compacted")],
  },
  {
    text: "progress -1 only when all are synced",
    proofs: [cases("watch: progress on request", "watch: no progress while a watcher waits")],
  },
  {
    text: "lease minimum 2 s, keepalive of unknown TTL 0, TimeToLive of unknown -1",
    proofs: [cases("lease: grant:", "lease: keepalive: an answer", "lease: time to live")],
  },
  { text: "keys of a lease go in one revision", proofs: [cases("lease: revoke deletes", "lease: expiry")] },
  {
    text: "leader kill during keepalive: no early expiry",
    proofs: [
      inFile("conformance/lease-leader.test.ts", "the leader is killed: leases that are kept alive live on"),
    ],
  },
  {
    text: "NOSPACE drill",
    proofs: [
      cases("quota: the quota drill"),
      inFile("compat/quota-drill.test.ts", "a full store is emptied"),
    ],
  },
  {
    text: "snapshot save passes etcdctl's checks",
    proofs: [
      cases("maintenance: snapshot"),
      inFile("compat/snapshot.test.ts", "etcdctl takes a snapshot of ours for etcd's"),
    ],
  },
  {
    text: "auth: token, revoke takes effect at once, prefix permission, nested txn",
    proofs: [
      cases(
        "auth identity: authenticate",
        "auth permissions: a revoked permission",
        "auth permissions: intervals",
        "auth permissions: txn: nested",
      ),
    ],
  },
  {
    text: "gateway put, range, watch with base64 and string ints; error superset",
    proofs: [inFile("compat/gateway.test.ts", "the gateway answers as etcd's"), { run: gatewayNumbers }],
  },
  { text: "/version numeric, /health string true", proofs: [{ run: versionAndHealth }] },
  { text: "v2", proofs: [pending("the v2 API comes with issue 6")] },
  { text: "kill -9 at any point: acknowledged writes survive", proofs: [{ run: killed }] },
  {
    text: "member add, remove, learner promote under load",
    proofs: [
      inFile("conformance/membership.test.ts", "a cluster of one grows to three under load"),
      inFile("conformance/membership-kill.test.ts", "members come, go and are killed in between"),
    ],
  },
  { text: "HashKV equal on all members", proofs: [cases("three members: hashes are equal")] },
  {
    text: "`ready to serve client requests` in the log",
    proofs: [{ run: readyLine }, pending("of the program called `etcd`: comes with issue 5")],
  },
  {
    text: "HTTP/1 and gRPC on one port",
    proofs: [{ run: onePort }, pending("with TLS: comes with issue 5")],
  },
];

test("the acceptance checklist has its 23 lines", async (t) => t.equal(lines.length, 23));

for (const [i, { text, proofs }] of lines.entries()) {
  for (const proof of proofs) {
    const name = `${i + 1}. ${text}`;
    if ("pending" in proof) test(name, { skip: `pending: ${proof.pending}` }, () => {});
    else test(name, { timeout: 120_000 }, (t) => prove(t, proof));
  }
}

async function prove(t: Test, proof: Exclude<Proof, { pending: string }>): Promise<void> {
  if ("run" in proof) return proof.run(t);
  if ("file" in proof) {
    const source = await readFile(join(import.meta.dirname, "..", proof.file), "utf8");
    t.ok(source.includes(proof.title), `test/${proof.file}: ${proof.title}`);
    return;
  }
  const all = groups.flatMap(({ name, cases: list }) =>
    list.map((one) => ({ ...one, name: `${name}: ${one.name}` })),
  );
  for (const name of proof.cases) {
    const found = all.filter((one) => one.name.startsWith(name));
    t.ok(found.length > 0 && found.every((one) => one.pending === undefined), `suite.agent.test.ts: ${name}`);
  }
}
