/** The gate of a server: in which order it refuses, and who it says calls. */
import { test } from "tap";
import type { Identity } from "../../../../src/agent/auth/tokens.ts";
import { ServerGate } from "../../../../src/agent/server-gate.ts";
import { KvError } from "../../../../src/store/errors.ts";

const put = "/etcdserverpb.KV/Put";
const watch = "/etcdserverpb.Watch/Watch";

function world() {
  const state = { leader: true, learner: false, enabled: true, known: new Set(["good"]) };
  const invalid = (): never => {
    throw new KvError("auth.invalid-token");
  };
  const identity = (token: string): Identity => ({
    caller: () => (state.known.has(token) ? { user: "u", authRevision: 3, token } : invalid()),
  });
  const gate = new ServerGate({
    hasLeader: () => state.leader,
    leaderLoss: { listen: () => () => {} },
    isLearner: () => state.learner,
    authEnabled: () => state.enabled,
    tokens: {
      identify(token) {
        if (token === "later") return Promise.resolve(identity("good"));
        if (token === "never") return Promise.reject(new KvError("auth.invalid-token"));
        return state.known.has(token) ? identity(token) : invalid();
      },
    },
  });
  const admit = async (path: string, headers: Record<string, string> = {}) =>
    gate.admit(path, new Map(Object.entries(headers)));
  return { state, admit };
}

test("a token says who calls", async (t) => {
  const { state, admit } = world();
  t.match(await admit(put, { token: "good" }), { user: "u", authRevision: 3, token: "good" });
  t.match(await admit(put, { authorization: "Bearer good" }), { user: "u" });
  t.match(await admit(put, { token: "later" }), { user: "u" });
  t.match(await admit(put), { user: null, authRevision: 0 }, "nobody is let in, and judged later");
  await t.rejects(admit(put, { token: "bad" }), { code: "auth.invalid-token" });
  await t.rejects(admit(put, { token: "never" }), { code: "auth.invalid-token" });
  t.match(await admit("/etcdserverpb.Auth/Authenticate", { token: "bad" }), { user: null });
  state.enabled = false;
  t.match(await admit(put, { token: "bad" }), { user: null, token: "bad" }, "ignored while auth is off");
});

test("a stream lives on with a bad token, and is told when it asks", async (t) => {
  const { state, admit } = world();
  for (const token of ["bad", "never"]) {
    const caller = await admit(watch, { token });
    t.throws(() => caller.user, { code: "auth.invalid-token" }, token);
  }
  const caller = await admit(watch, { token: "good" });
  t.equal(caller.user, "u");
  state.known.delete("good");
  t.throws(() => caller.user, { code: "auth.invalid-token" }, "taken away meanwhile");
  state.known.add("good");
  t.equal((await admit(watch, { token: "later" })).user, "u");
  state.enabled = false;
  const early = await admit(watch, { token: "good" });
  state.enabled = true;
  t.equal(early.user, "u", "looked up when auth was turned on");
  t.equal((await admit(watch)).user, null);
});

test("no leader, and learners", async (t) => {
  const { state, admit } = world();
  state.leader = false;
  t.ok(await admit(put));
  await t.rejects(admit(put, { hasleader: "true" }), { code: "kv.no-leader" });
  state.learner = true;
  await t.rejects(admit(put, { hasleader: "true" }), { code: "kv.learner-unsupported" });
  await t.rejects(admit(watch), { code: "kv.learner-unsupported" });
  for (const path of ["Maintenance/Status", "Maintenance/Snapshot", "KV/Range"]) {
    t.ok(await admit(`/etcdserverpb.${path}`), path);
  }
});
