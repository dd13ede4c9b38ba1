/** Auth as part of the store: checked when an entry is applied, in the rows, in the hash, and for watchers that run. */
import { test } from "tap";
import { Index } from "../../../../src/base/ids.ts";
import type { CommandKind, CommandOf, CommandRequests } from "../../../../src/store/command.ts";
import { hashStore } from "../../../../src/store/hash.ts";
import type { Caller } from "../../../../src/store/kv.ts";
import type { StoreWrite } from "../../../../src/store/storage.ts";
import * as wire from "../../../../src/store/wire/messages.ts";
import { hashed } from "../../../support/auth-world.ts";
import { StoreWorld } from "../../../support/store-world.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

function world(): StoreWorld {
  const world = new StoreWorld();
  for (const name of ["root", "u"]) {
    world.done("user-add", { name, password: "", options: undefined, hashedPassword: hashed(name) });
  }
  world.done("user-grant-role", { user: "root", role: "root" });
  world.done("role-add", { name: "r" });
  const perm = { permType: 2, key: bytes("a"), range_end: bytes("c") };
  world.done("role-grant-permission", { name: "r", perm });
  world.done("user-grant-role", { user: "u", role: "r" });
  world.done("auth-enable", {});
  return world;
}

function applyAs<Kind extends CommandKind>(
  world: StoreWorld,
  caller: Caller,
  kind: Kind,
  request: CommandRequests[Kind],
): string | undefined {
  const writes: StoreWrite[] = [];
  const index = Index(world.store.appliedIndex + 1);
  const command = { kind, requestId: 1n, wallMs: 0, caller, request } as CommandOf<Kind>;
  const outcome = world.store.apply(index, command, writes);
  world.records.write(writes);
  return outcome.error?.code;
}

test("an entry is judged in the order of the log", (t) => {
  const w = world();
  const put = wire.PutRequest.create({ key: bytes("a") });
  const u = { user: "u", authRevision: w.store.auth.table.revision };
  t.equal(applyAs(w, u, "put", put), undefined);
  t.equal(applyAs(w, { user: null, authRevision: 0 }, "put", put), "auth.user-empty");
  t.equal(applyAs(w, u, "put", wire.PutRequest.create({ key: bytes("x") })), "auth.permission-denied");
  t.equal(applyAs(w, u, "auth-disable", {}), "auth.permission-denied");
  w.done("user-revoke-role", { name: "u", role: "r" });
  w.flush();
  t.equal(applyAs(w, u, "put", put), "auth.old-revision", "proposed before, applied after");
  const now = { user: "u", authRevision: w.store.auth.table.revision };
  t.equal(applyAs(w, now, "put", put), "auth.permission-denied");
  t.equal(w.store.revision, 2, "and only the first changed anything");
  t.end();
});

test("users, roles and the switch are in the rows, in a snapshot, and in the hash", (t) => {
  const w = world();
  const restarted = w.restarted();
  t.ok(restarted.store.auth.table.enabled);
  t.equal(hashStore(restarted.store), hashStore(w.store));
  const other = new StoreWorld();
  const before = hashStore(other.store);
  other.install(w);
  t.same([...other.store.auth.table.encoded()], [...w.store.auth.table.encoded()]);
  t.equal(hashStore(other.store), hashStore(w.store));
  t.not(hashStore(other.store), before);
  other.done("role-delete", { role: "r" });
  t.not(hashStore(other.store), hashStore(w.store));
  t.end();
});

test("ten thousand watchers are asked in slices, before anything later is delivered", (t) => {
  const w = world();
  const heard: wire.WatchResponse[] = [];
  let allowed = true;
  let asked = 0;
  const stream = w.store.openWatch(
    {
      deliver(response) {
        heard.push(response);
        return true;
      },
      closed: () => t.fail("the stream lives on"),
    },
    ({ key }) => {
      const own = Buffer.from(key).toString() === "a";
      return () => {
        asked++;
        return own || allowed ? null : "denied";
      };
    },
  );
  const count = 10_000;
  for (let i = 0; i < count; i++) {
    stream.create({ key: bytes(i === 7 ? "a" : "b") });
    if (i % 1000 === 999) w.pumpAll();
  }
  w.pumpAll();
  t.equal(heard.filter(({ created, canceled }) => created && !canceled).length, count);
  heard.length = 0;
  asked = 0;
  allowed = false;
  w.done("user-revoke-role", { name: "u", role: "r" });
  w.done("put", wire.PutRequest.create({ key: bytes("b") }));
  w.done("put", wire.PutRequest.create({ key: bytes("a") }));
  w.flush();
  t.ok(w.pump(1000), "not all in one turn");
  t.equal(asked, 1000);
  t.ok(
    heard.every(({ events }) => events.length === 0),
    "nothing is delivered meanwhile",
  );
  w.pumpAll();
  t.equal(
    heard.filter(({ canceled, cancel_reason }) => canceled && cancel_reason === "denied").length,
    count - 1,
  );
  t.equal(heard.filter(({ events }) => events.length > 0).length, 1, "only who may still watch");
  t.end();
});
