/** Simple tokens on one member: how long they live, and the wait for one that is not applied here yet. */
import { test } from "tap";
import {
  SimpleTokens,
  type SimpleTokensModules,
  SimpleTokenTable,
  simpleTokensMax,
} from "../../../../src/agent/auth/simple-tokens.ts";
import { KvError } from "../../../../src/store/errors.ts";
import { HandClock } from "../../../support/hand-clock.ts";
import { seededRandom } from "../../../support/random.ts";

const ttlMs = 300_000;
const token = (index: number): string => `${"A".repeat(16)}.${index}`;

function world() {
  const clock = new HandClock();
  const table = new SimpleTokenTable({ ttlMs }, { clock });
  const state = { applied: 10, revision: 3, barriers: 0, whileWaiting: () => {}, proposed: [] as string[] };
  const modules: SimpleTokensModules = {
    propose: async (user, prefix, revision) => {
      state.proposed.push(`${user} ${prefix} ${revision}`);
      return `${prefix}.11`;
    },
    appliedIndex: () => state.applied,
    authRevision: () => state.revision,
    barrier: async () => {
      state.barriers++;
      state.whileWaiting();
    },
    clock,
    random: seededRandom(7),
  };
  return { clock, table, state, tokens: new SimpleTokens(table, modules) };
}

const invalid = new KvError("auth.invalid-token");

test("a token lives since its last use, a hundredth more or less", async (t) => {
  const { clock, table } = world();
  table.grant("u", "one");
  table.grant("v", "two");
  await clock.advance(ttlMs - 1);
  t.equal(table.use("one")?.user, "u");
  await clock.advance(1);
  t.equal(table.use("two"), undefined, "not used");
  await clock.advance(ttlMs - 2);
  t.equal(table.use("one")?.user, "u");
  await clock.advance(ttlMs);
  t.equal(table.use("one"), undefined);
  t.equal(table.size, 0);
});

test("those that nobody asks for again go when others come", async (t) => {
  const { clock, table } = world();
  for (let i = 0; i < 100; i++) table.grant("u", `${i}`);
  await clock.advance(ttlMs / 2);
  table.use("50");
  await clock.advance(ttlMs / 2);
  table.grant("v", "more");
  t.equal(table.size, 2);
});

test("a user's tokens go together, and all at once", (t) => {
  const { table } = world();
  for (const name of ["a", "b", "c"]) table.grant(name === "c" ? "v" : "u", name);
  table.forgetUser("u");
  t.equal(table.use("a"), undefined);
  t.equal(table.use("c")?.user, "v");
  table.forgetAll();
  t.equal(table.size, 0);
  t.end();
});

test("of too many, the one that was idle longest goes", async (t) => {
  const { clock, table } = world();
  for (let i = 0; i < simpleTokensMax; i++) table.grant("u", `${i}`);
  await clock.advance(ttlMs / 2);
  table.use("0");
  table.grant("u", "more");
  t.equal(table.size, simpleTokensMax);
  t.equal(table.use("0")?.user, "u");
  t.equal(table.use("1"), undefined);
});

test("a caller is as new as the member when it is asked", async (t) => {
  const { table, tokens, state } = world();
  table.grant("u", token(5));
  const caller = (await tokens.identify(token(5))).caller();
  t.match(caller, { user: "u", token: token(5), authRevision: 3 });
  state.revision = 4;
  t.equal(caller.authRevision, 4);
  table.forgetUser("u");
  await t.rejects(async () => tokens.identify(token(5)), invalid);
});

test("a caller whose token was taken away is older than everything; an expired one is not", async (t) => {
  const { clock, table, tokens } = world();
  const callerOf = async (index: number, user: string) => {
    table.grant(user, token(index));
    return (await tokens.identify(token(index))).caller();
  };
  const gone = await callerOf(5, "u");
  const other = await callerOf(6, "v");
  table.forgetUser("u");
  table.grant("u", token(7));
  t.equal(gone.authRevision, 0, "also when there is a user of that name again");
  t.equal(other.authRevision, 3);
  await clock.advance(ttlMs);
  t.equal(table.use(token(6)), undefined);
  t.equal(other.authRevision, 3, "a call that began in time may end");
  const last = await callerOf(8, "v");
  table.forgetAll();
  t.equal(last.authRevision, 0);
});

test("a token from the future is waited for, once; others are not", async (t) => {
  const { table, tokens, state } = world();
  for (const bad of ["", "x", token(5), token(10), "A.99", `${token(99)}0000000000000000`, `${token(99)}x`]) {
    t.throws(() => tokens.identify(bad), invalid, bad);
  }
  t.equal(state.barriers, 0);
  await t.rejects(async () => tokens.identify(token(11)), invalid);
  t.equal(state.barriers, 1);
  state.whileWaiting = () => table.grant("u", token(12));
  t.equal((await tokens.identify(token(12))).caller().user, "u");
});

test("sixteen letters, different each time", async (t) => {
  const { tokens, state } = world();
  t.match(await tokens.assign("u", 3), /^[A-Za-z]{16}\.11$/);
  await tokens.assign("u", 3);
  t.not(state.proposed[0], state.proposed[1]);
});
