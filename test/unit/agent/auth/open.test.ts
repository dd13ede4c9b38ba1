/** Who is judged on a member that is behind the others: only on what it has after a read round, where nobody judges again. */
import { hashSync } from "bcryptjs";
import { test } from "tap";
import { openAuth, prepareAuth } from "../../../../src/agent/auth/open.ts";
import type { Member } from "../../../../src/agent/member.ts";
import { Scope } from "../../../../src/base/scope.ts";
import type { AdminRequest, AdminRpc } from "../../../../src/store/admin.ts";
import { adminRpcs } from "../../../../src/store/admin.ts";
import { KvError } from "../../../../src/store/errors.ts";
import type { Caller } from "../../../../src/store/kv.ts";
import { hashed } from "../../../support/auth-world.ts";
import { HandClock } from "../../../support/hand-clock.ts";
import { seededRandom } from "../../../support/random.ts";
import { StoreWorld } from "../../../support/store-world.ts";

const nobody: Caller = { user: null, authRevision: 0 };
const root = { type: "root" } as const;
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

async function world(t: { teardown(done: () => unknown): void }) {
  const clock = new HandClock();
  const { store, done } = bound(new StoreWorld());
  const state = { catchUp: (): void => {}, rounds: 0, leader: true };
  const kv = {
    async barrier() {
      state.rounds++;
      if (!state.leader) throw new KvError("kv.timeout");
      state.catchUp();
    },
  } as unknown as Member;
  const scope = new Scope();
  t.teardown(() => scope.close());
  const base = await prepareAuth({ token: { type: "simple", ttlMs: 1000 }, bcryptCost: 4 }, { clock });
  const auth = openAuth(base, { store, kv, scope, clock, random: seededRandom(1) });
  const authorize = async <Name extends AdminRpc>(name: Name, caller: Caller): Promise<void> => {
    const request = adminRpcs[name].request.create({}) as AdminRequest<Name>;
    await auth.authorize(name, request, { caller });
  };
  return { auth, state, done, authorize };
}

function bound(world: StoreWorld) {
  return { store: world.store, done: world.done.bind(world) };
}

test("changes of membership are nobody else's to judge", async (t) => {
  for (const name of ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote", "MoveLeader"] as const) {
    const { state, done, authorize } = await world(t);
    await authorize(name, nobody);
    t.equal(state.rounds, 1, `${name} costs a round`);
    state.catchUp = () => {
      done("user-add", { name: "root", password: "", hashedPassword: hashed("x"), options: undefined });
      done("user-grant-role", { user: "root", role: "root" });
      done("auth-enable", {});
    };
    await t.rejects(authorize(name, nobody), { code: "auth.user-empty" }, name);
  }
});

test("a change over HTTP is judged by the password that is good now", async (t) => {
  const { auth, state, done } = await world(t);
  const { http } = auth;
  done("user-add", {
    name: "root",
    password: "",
    hashedPassword: hashed(hashSync("old", 4)),
    options: undefined,
  });
  done("user-grant-role", { user: "root", role: "root" });
  t.same(await http.judge(root, undefined), { ok: true }, "auth is off");
  done("auth-enable", {});
  t.match(await http.judge(root, undefined), { ok: false, status: 401 });
  t.same(await http.judge(root, basic("root:old")), { ok: true });
  state.catchUp = () => {
    done("user-change-password", { name: "root", password: "", hashedPassword: hashed("another") });
    state.catchUp = () => {};
  };
  t.match(await http.judge(root, basic("root:old")), { ok: false, status: 401 });
  state.leader = false;
  t.match(await http.judge(root, basic("root:old")), { ok: false, status: 503 });
});

test("what is read over HTTP may be old, a refusal not", async (t) => {
  const { auth, state, done } = await world(t);
  const need = { type: "read", keys: [{ key: Buffer.from("a"), range_end: Buffer.from("b") }] } as const;
  const judge = (authorization?: string, agents = false) =>
    auth.http.judge({ ...need, agents }, authorization);
  done("user-add", { name: "root", password: "", hashedPassword: hashed("x"), options: undefined });
  done("user-grant-role", { user: "root", role: "root" });
  t.same(await judge(), { ok: true });
  t.equal(state.rounds, 0, "nothing to ask while auth is off");
  t.equal(auth.http.agentPass(), undefined);
  done("auth-enable", {});
  t.match(await judge(), { ok: false, status: 401 });
  const pass = auth.http.agentPass()!;
  t.same(await judge(pass, true), { ok: true }, "an agent of the cluster");
  t.match(await judge(pass), { ok: false, status: 401 }, "which is no user");
  t.match(await auth.http.judge(root, pass), { ok: false, status: 401 });
  t.match(await judge("Agent ", true), { ok: false, status: 401 });
  t.match(await judge(`${pass.slice(0, -4)}AAA=`, true), { ok: false, status: 401 });
  state.leader = false;
  t.match(await judge(), { ok: false, status: 401 }, "also without a leader");
  state.leader = true;
  state.catchUp = () => void done("auth-disable", {});
  t.same(await judge(), { ok: true }, "it was off already");
});
