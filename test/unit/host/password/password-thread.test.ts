/** The password thread: real bcrypt, a bounded queue, and no thread when nobody asks. */
import { test } from "tap";
import { PasswordThread } from "../../../../src/host/password/password-thread.ts";
import { HandClock } from "../../../support/hand-clock.ts";

function world(jobsPendingMax = 10) {
  const clock = new HandClock();
  return { clock, thread: new PasswordThread({ jobsPendingMax, idleMs: 1000 }, { clock }) };
}

test("hashes and verifies, also hashes that Go made", async (t) => {
  const { thread } = world();
  t.teardown(() => thread.close());
  const hash = await thread.hash("pässword", 4);
  t.match(hash, /^\$2b\$04\$/);
  t.not(await thread.hash("pässword", 4), hash, "with a salt of its own");
  t.ok(await thread.verify("pässword", hash));
  t.notOk(await thread.verify("password", hash));
  t.ok(await thread.verify("pässword", hash.replace("$2b$", "$2a$")));
  t.notOk(await thread.verify("x", "not a hash"));
});

test("the thread is there only while it is needed", async (t) => {
  const { clock, thread } = world();
  t.notOk(thread.running);
  await thread.hash("a", 4);
  await clock.advance(999);
  await thread.hash("a", 4);
  await clock.advance(999);
  t.ok(thread.running);
  await clock.advance(1);
  t.notOk(thread.running);
  t.match(await thread.hash("a", 4), /^\$2b/, "and comes back");
  await thread.close();
  t.notOk(thread.running);
  t.equal(clock.pending, 0);
  await t.rejects(thread.hash("a", 4), { code: "password.stopped" });
});

test("too many are refused, and those that wait are told of the end", async (t) => {
  const { thread } = world(2);
  const waiting = [thread.hash("a", 12), thread.hash("b", 12)];
  await t.rejects(thread.hash("c", 4), { code: "password.busy" });
  const ended = Promise.all(waiting.map((each) => t.rejects(each, { code: "password.stopped" })));
  await thread.close();
  await ended;
});
