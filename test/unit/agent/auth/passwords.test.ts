/** Passwords around a hasher that counts: what costs a bcrypt, and what is remembered. */
import { test } from "tap";
import { Passwords } from "../../../../src/agent/auth/passwords.ts";
import { AgentError } from "../../../../src/base/errors.ts";
import { KvError } from "../../../../src/store/errors.ts";

function world() {
  const counts = { hashed: 0, verified: 0 };
  const state: { fail: string | null } = { fail: null };
  const refuse = (): void => {
    if (state.fail !== null) throw new AgentError("refused", { code: state.fail });
  };
  const hasher = {
    async hash(password: string, cost: number) {
      counts.hashed++;
      refuse();
      return `hash ${cost} ${password}`;
    },
    async verify(password: string, hash: string) {
      counts.verified++;
      refuse();
      return hash.endsWith(` ${password}`);
    },
  };
  return { counts, state, passwords: new Passwords({ cost: 10 }, { hasher }) };
}

test("a right password costs once, a wrong one always", async (t) => {
  const { counts, passwords } = world();
  t.ok(await passwords.verify("u", "pw", "hash 10 pw"));
  t.ok(await passwords.verify("u", "pw", "hash 10 pw"));
  t.equal(counts.verified, 1);
  t.notOk(await passwords.verify("u", "no", "hash 10 pw"));
  t.notOk(await passwords.verify("u", "no", "hash 10 pw"));
  t.equal(counts.verified, 3);
  t.ok(await passwords.verify("v", "pw", "hash 10 pw"), "another user");
  t.notOk(await passwords.verify("u", "pw", "hash 10 changed"), "another hash");
  t.equal(counts.verified, 5);
});

test("a user that does not exist costs what the others cost", async (t) => {
  const { counts, passwords } = world();
  t.notOk(await passwords.verify("x", "", null));
  t.notOk(await passwords.verify("x", "pw", null));
  t.same(counts, { hashed: 0, verified: 2 }, "the first time, too");
});

test("a hash travels as base64; one that a client made is looked at", async (t) => {
  const { passwords } = world();
  t.equal(Buffer.from(await passwords.hashed("pw"), "base64").toString(), "hash 10 pw");
  await t.rejects(passwords.hashed("ü".repeat(37)), /longer than 72 bytes/);
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const tail = "x".repeat(53);
  t.equal(passwords.given(base64(`$2a$10$${tail}`)), base64(`$2a$10$${tail}`));
  for (const bad of ["", "pw", `$2a$03$${tail}`, `$2a$31$${tail}`, `$1a$10$${tail}`, `$2a$10$${tail}x`]) {
    t.throws(() => passwords.given(base64(bad)), new KvError("auth.invalid-management"), bad);
  }
});

test("a full queue is the client's too many requests", async (t) => {
  const { state, passwords } = world();
  for (const [fail, code] of [
    ["password.busy", "kv.too-many-requests"],
    ["password.stopped", "kv.stopped"],
    ["password.refused", "auth.failed"],
  ] as const) {
    state.fail = fail;
    await t.rejects(passwords.verify("u", "pw", "hash 10 pw"), { code });
    await t.rejects(passwords.verify("u", "pw", null), { code });
  }
  state.fail = null;
  t.notOk(await passwords.verify("u", "pw", null), "a failure is not kept");
});
