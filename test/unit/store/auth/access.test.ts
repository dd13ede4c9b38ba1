/** Who may do what (etcd.md 9.8, 9.9, 8.9): a table a rule. */
import { test } from "tap";
import type { AdminRequest, AdminRpc } from "../../../../src/store/admin.ts";
import type { Command } from "../../../../src/store/command.ts";
import type { Caller } from "../../../../src/store/kv.ts";
import * as wire from "../../../../src/store/wire/messages.ts";
import { AuthWorld, codeOf } from "../../../support/auth-world.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const denied = "auth.permission-denied";

/** u reads a to c and e, writes b to d; nobody has no role; root is root. */
function world(): AuthWorld {
  const world = new AuthWorld();
  world.grant("reader", "READ", "a", "c");
  world.grant("reader", "READ", "e");
  world.grant("writer", "WRITE", "b", "d");
  world.addUser("u", "reader", "writer");
  world.addUser("nobody");
  world.enable();
  return world;
}

const put = (key: string, more: Partial<wire.PutRequest> = {}): wire.PutRequest =>
  wire.PutRequest.create({ key: bytes(key), ...more });
const range = (key: string, end = ""): wire.RangeRequest =>
  wire.RangeRequest.create({ key: bytes(key), range_end: bytes(end) });
const del = (key: string, end = "", prev_kv = false): wire.DeleteRangeRequest =>
  wire.DeleteRangeRequest.create({ key: bytes(key), range_end: bytes(end), prev_kv });
const op = (init: Partial<wire.RequestOp>): wire.RequestOp => wire.RequestOp.create(init);

test("keys", (t) => {
  const w = world();
  const { access } = w.auth;
  const u = w.as("u");
  const table: [string, () => void, string | null][] = [
    ["read a key", () => access.range(range("a"), u), null],
    ["read the interval", () => access.range(range("a", "c"), u), null],
    ["read beyond it", () => access.range(range("a", "d"), u), denied],
    ["read from a key on", () => access.range(range("e", "\0"), u), denied],
    ["watch from a key on", () => access.watch(range("e", "\0"), u), denied],
    ["watch without a key", () => access.watch(range("", "c"), u), denied],
    ["watch one key", () => access.watch(range("e"), u), null],
    ["write", () => access.put(put("b"), u), null],
    ["write where only reading is granted", () => access.put(put("a"), u), denied],
    ["write and see what was there", () => access.put(put("b", { prev_kv: true }), u), null],
    ["the same without reading", () => access.put(put("c", { prev_kv: true }), u), denied],
    ["delete", () => access.deleteRange(del("b", "d"), u), null],
    ["delete beyond", () => access.deleteRange(del("b", "e"), u), denied],
    ["delete and see", () => access.deleteRange(del("b", "d", true), u), denied],
    ["no roles", () => access.range(range("a"), w.as("nobody")), denied],
    ["no such user", () => access.range(range("a"), w.as("x")), denied],
    ["root", () => access.range(range("\0", "\0"), w.as("root")), null],
    ["nobody", () => access.range(range("a"), w.as(null)), "auth.user-empty"],
    ["the agent itself", () => access.range(range("\0", "\0"), undefined), null],
    [
      "an old identity",
      () => access.range(range("a"), { user: "u", authRevision: w.revision - 1 }),
      "auth.old-revision",
    ],
  ];
  for (const [name, run, expected] of table) t.equal(codeOf(run), expected, name);
  w.apply("auth-disable", {});
  t.equal(
    codeOf(() => access.range(range("\0", "\0"), w.as(null))),
    null,
    "open while auth is off",
  );
  t.end();
});

test("a change of permissions counts at once", (t) => {
  const w = world();
  const { access } = w.auth;
  t.equal(
    codeOf(() => access.range(range("a"), w.as("u"))),
    null,
  );
  w.apply("user-revoke-role", { name: "u", role: "reader" });
  t.equal(
    codeOf(() => access.range(range("a"), w.as("u"))),
    denied,
  );
  w.grant("writer", "READ", "a");
  t.equal(
    codeOf(() => access.range(range("a"), w.as("u"))),
    null,
  );
  t.end();
});

test("txn: compares and both branches, nested ones too", (t) => {
  const w = world();
  const u = w.as("u");
  const txn = (init: Partial<wire.TxnRequest>): wire.TxnRequest => wire.TxnRequest.create(init);
  const nest = (request: wire.TxnRequest): wire.RequestOp => op({ request_txn: request });
  const compare = (key: string, end = ""): wire.Compare =>
    wire.Compare.create({ key: bytes(key), range_end: bytes(end) });
  const good = op({ request_put: put("b") });
  const bad = op({ request_put: put("x") });
  w.lease(7n, "x");
  const table: [string, wire.TxnRequest, string | null][] = [
    ["nothing", txn({}), null],
    ["good", txn({ compare: [compare("a")], success: [good] }), null],
    ["compare", txn({ compare: [compare("d")] }), denied],
    ["compare of an interval", txn({ compare: [compare("a", "\0")] }), denied],
    ["success", txn({ success: [bad] }), denied],
    ["failure", txn({ success: [good], failure: [bad] }), denied],
    ["range", txn({ failure: [op({ request_range: range("a", "d") })] }), denied],
    ["delete", txn({ success: [op({ request_delete_range: del("a") })] }), denied],
    ["delete that shows", txn({ success: [op({ request_delete_range: del("c", "", true) })] }), denied],
    ["put that shows", txn({ success: [op({ request_put: put("c", { prev_kv: true }) })] }), denied],
    ["put to a lease of others", txn({ success: [op({ request_put: put("b", { lease: 7n }) })] }), denied],
    ["nested", txn({ failure: [nest(txn({ success: [nest(txn({ failure: [bad] }))] }))] }), denied],
    ["nested compare", txn({ success: [nest(txn({ compare: [compare("x")] }))] }), denied],
  ];
  for (const [name, request, expected] of table) {
    t.equal(
      codeOf(() => w.auth.access.txn(request, u)),
      expected,
      name,
    );
  }
  t.equal(
    codeOf(() => w.auth.access.txn(txn({}), w.as(null))),
    "auth.user-empty",
    "even an empty one",
  );
  t.end();
});

test("leases", (t) => {
  const w = world();
  const { access } = w.auth;
  w.lease(1n, "b", "c");
  w.lease(2n, "b", "x");
  w.lease(3n);
  w.lease(4n, "a", "e");
  const table: [string, () => void, string | null][] = [
    ["write all its keys", () => access.leaseWrite(1n, w.as("u")), null],
    ["one is not", () => access.leaseWrite(2n, w.as("u")), denied],
    ["no keys", () => access.leaseWrite(3n, w.as("u")), null],
    ["no keys, nobody", () => access.leaseWrite(3n, w.as(null)), "auth.user-empty"],
    ["unknown", () => access.leaseWrite(9n, w.as("u")), null],
    ["root", () => access.leaseWrite(2n, w.as("root")), null],
    ["read all its keys", () => access.leaseRead(4n, w.as("u")), null],
    ["one is not to be read", () => access.leaseRead(1n, w.as("u")), denied],
    ["all leases", () => access.leases(w.as("u")), denied],
    ["all leases, root", () => access.leases(w.as("root")), null],
    ["put to a lease with keys of others", () => access.put(put("b", { lease: 2n }), w.as("u")), denied],
    ["put to an own one", () => access.put(put("b", { lease: 1n }), w.as("u")), null],
    ["keys that another member named", () => access.readEach([bytes("a"), bytes("x")], w.as("u")), denied],
  ];
  for (const [name, run, expected] of table) t.equal(codeOf(run), expected, name);
  t.end();
});

test("what the log asks for a caller", (t) => {
  const w = world();
  const command = (kind: string, request: object, caller: Caller | undefined): string | null =>
    codeOf(() => w.auth.access.command({ kind, request, caller } as unknown as Command));
  t.equal(command("put", put("b"), w.as("u")), null);
  t.equal(command("put", put("x"), w.as("u")), denied);
  t.equal(command("lease-grant", {}, w.as("nobody")), null);
  t.equal(command("lease-grant", {}, w.as(null)), "auth.user-empty");
  t.equal(command("lease-revoke", { ID: 1n }, w.as("u")), null);
  for (const kind of ["compact", "auth-disable", "user-add", "role-delete", "lease-expire"]) {
    t.equal(command(kind, {}, w.as("u")), denied, kind);
    t.equal(command(kind, {}, w.as("root")), null, `${kind} by root`);
    t.equal(command(kind, {}, undefined), null, `${kind} by the cluster`);
  }
  t.equal(command("alarm", { action: 0 }, w.as("u")), null);
  t.equal(command("alarm", { action: 2 }, w.as("u")), denied);
  t.end();
});

test("admin rpcs", (t) => {
  const w = world();
  const row = <Name extends AdminRpc>(name: Name, request: object, forU: string | null): void => {
    const ask = (user: string | null): string | null => w.admin(name, request as AdminRequest<Name>, user);
    t.equal(ask("u"), forU, `${name} ${JSON.stringify(request)}`);
    t.equal(ask("root"), null, `${name} by root`);
    if (forU !== null) t.equal(ask(null), "auth.user-empty", `${name} by nobody`);
  };
  for (const name of ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"] as const)
    row(name, {}, denied);
  for (const name of ["Defragment", "Hash", "HashKV", "MoveLeader", "Downgrade"] as const)
    row(name, {}, denied);
  for (const name of ["AuthEnable", "AuthDisable", "UserAdd", "UserList", "UserDelete"] as const)
    row(name, {}, denied);
  for (const name of ["RoleAdd", "RoleList", "RoleDelete", "RoleGrantPermission"] as const)
    row(name, {}, denied);
  row("Alarm", { action: 0 }, null);
  row("Alarm", { action: 1 }, denied);
  row("AuthStatus", {}, null);
  row("Authenticate", {}, null);
  row("UserGet", { name: "u" }, null);
  row("UserGet", { name: "root" }, denied);
  row("UserChangePassword", { name: "u" }, denied);
  row("RoleGet", { role: "reader" }, null);
  row("RoleGet", { role: "other" }, denied);
  t.equal(w.admin("Alarm", { action: 0 } as AdminRequest<"Alarm">, null), "auth.user-empty");
  t.equal(w.admin("AuthStatus", {}, null), null);
  t.end();
});
