/** Users, roles and the switch: every refusal of etcd.md 9.2 and 9.6 in its order, and what counts a revision. */
import { test } from "tap";
import { AuthWorld, hashed } from "../../../support/auth-world.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const user = (name: string) => ({ name, password: "", options: undefined, hashedPassword: hashed("h") });
const perm = (key: string, end = "") => ({ permType: 0, key: bytes(key), range_end: bytes(end) });

test("auth is turned on only with a root that holds root", (t) => {
  const world = new AuthWorld();
  t.equal(world.revision, 1);
  t.equal(world.apply("auth-disable", {}), null, "off already");
  t.equal(world.apply("auth-enable", {}), "auth.root-user-missing");
  world.addUser("root");
  t.equal(world.apply("auth-enable", {}), "auth.root-role-missing");
  t.equal(world.apply("user-grant-role", { user: "root", role: "root" }), null, "the role need not exist");
  t.equal(world.revision, 3);
  t.equal(world.apply("auth-enable", {}), null);
  t.equal(world.apply("auth-enable", {}), null, "on already");
  t.equal(world.revision, 4, "counted once");
  t.equal(world.apply("auth-disable", {}), null);
  t.equal(world.revision, 5);
  t.end();
});

test("every refusal leaves everything as it was", (t) => {
  const world = new AuthWorld();
  world.addUser("root", "root");
  world.addUser("u", "root");
  world.grant("r", "READ", "a", "c");
  world.apply("auth-enable", {});
  const before = [...world.auth.table.encoded()].map((row) => row.toString());
  const table: [string | null, string | null][] = [
    [world.apply("user-add", user("")), "auth.user-empty"],
    [world.apply("user-add", user("u")), "auth.user-exists"],
    [world.apply("user-add", user("n".repeat(65_536))), "kv.request-too-large"],
    [world.apply("user-delete", { name: "x" }), "auth.user-not-found"],
    [world.apply("user-delete", { name: "root" }), "auth.invalid-management"],
    [world.apply("user-change-password", { ...user("x") }), "auth.user-not-found"],
    [world.apply("user-grant-role", { user: "x", role: "y" }), "auth.user-not-found"],
    [world.apply("user-grant-role", { user: "u", role: "y" }), "auth.role-not-found"],
    [world.apply("user-grant-role", { user: "u", role: "root" }), null],
    [world.apply("user-revoke-role", { name: "root", role: "root" }), "auth.invalid-management"],
    [world.apply("user-revoke-role", { name: "x", role: "r" }), "auth.user-not-found"],
    [world.apply("user-revoke-role", { name: "u", role: "r" }), "auth.role-not-granted"],
    [world.apply("role-add", { name: "" }), "auth.role-empty"],
    [world.apply("role-add", { name: "r" }), "auth.role-exists"],
    [world.apply("role-delete", { role: "root" }), "auth.invalid-management"],
    [world.apply("role-delete", { role: "x" }), "auth.role-not-found"],
    [world.apply("role-grant-permission", { name: "x", perm: undefined }), "auth.permission-not-given"],
    [world.apply("role-grant-permission", { name: "x", perm: perm("b", "a") }), "auth.invalid-management"],
    [world.apply("role-grant-permission", { name: "x", perm: perm("b", "b") }), "auth.invalid-management"],
    [world.apply("role-grant-permission", { name: "x", perm: perm("a") }), "auth.role-not-found"],
    [world.apply("role-revoke-permission", { role: "x", ...perm("a") }), "auth.role-not-found"],
    [world.apply("role-revoke-permission", { role: "r", ...perm("a") }), "auth.permission-not-granted"],
    [world.apply("auth-token", { user: "x", token: "t", authRevision: world.revision }), "auth.failed"],
    [
      world.apply("auth-token", { user: "u", token: "t", authRevision: world.revision - 1 }),
      "auth.old-revision",
    ],
  ];
  for (const [i, [actual, expected]] of table.entries()) t.equal(actual, expected, `row ${i}`);
  t.same(
    [...world.auth.table.encoded()].map((row) => row.toString()),
    before,
  );
  t.end();
});

test("permissions are kept by interval, sorted by key", (t) => {
  const world = new AuthWorld();
  world.grant("r", "READ", "m", "n");
  world.grant("r", "WRITE", "a", "\0");
  world.grant("r", "READWRITE", "m", "n");
  world.grant("r", "READ", "m");
  const shown = (): string[] =>
    world.auth.table
      .role("r")!
      .keyPermission.map(
        ({ permType, key, range_end }) =>
          `${permType} ${Buffer.from(key)} ${JSON.stringify(Buffer.from(range_end).toString())}`,
      );
  t.same(shown(), ['1 a "\\u0000"', '0 m ""', '2 m "n"']);
  t.equal(world.apply("role-revoke-permission", { role: "r", ...perm("m") }), null);
  t.same(shown(), ['1 a "\\u0000"', '2 m "n"']);
  t.end();
});

test("a deleted role is taken from all; a deleted user and a new password end tokens", (t) => {
  const world = new AuthWorld();
  world.enable();
  world.grant("r", "READ", "a");
  world.addUser("u", "r");
  world.addUser("v", "r");
  t.equal(world.apply("role-delete", { role: "r" }), null);
  t.same(world.auth.table.user("u")!.roles, []);
  const token = (name: string): string | null =>
    world.apply("auth-token", { user: name, token: "T", authRevision: world.revision });
  const [first, second] = [token("u"), token("v")];
  t.match(first, /^T\.\d+$/);
  t.equal(world.tokens.get(first!), "u");
  world.apply("user-change-password", { name: "u", password: "", hashedPassword: hashed("other") });
  t.notOk(world.tokens.has(first!));
  t.ok(world.tokens.has(second!));
  world.apply("user-delete", { name: "v" });
  t.notOk(world.tokens.has(second!));
  const third = token("u");
  world.apply("auth-disable", {});
  t.notOk(world.tokens.has(third!), "all die with auth");
  t.end();
});

test("a user without a password keeps none", (t) => {
  const world = new AuthWorld();
  world.apply("user-add", { ...user("n"), options: { no_password: true } });
  t.equal(world.auth.table.user("n")!.password.length, 0);
  t.equal(
    world.apply("user-change-password", { name: "n", password: "", hashedPassword: hashed("x") }),
    null,
  );
  t.equal(world.auth.table.user("n")!.password.length, 0);
  t.end();
});

test("the rows hold all of it", (t) => {
  const world = new AuthWorld();
  world.enable();
  world.grant("r", "READWRITE", "a", "c");
  world.addUser("bob", "r");
  world.addUser("gone");
  world.apply("user-delete", { name: "gone" });
  world.grant("s", "READ", "x");
  world.apply("role-delete", { role: "s" });
  const other = world.reloaded();
  t.same([...other.auth.table.encoded()], [...world.auth.table.encoded()]);
  t.ok(other.auth.table.enabled);
  t.same(other.auth.table.userNames(), ["bob", "root"]);
  other.auth.reset();
  t.notOk(other.auth.table.enabled);
  t.equal(other.revision, 1);
  t.end();
});
