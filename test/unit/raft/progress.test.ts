import { test } from "tap";
import { Index, Instant } from "../../../src/base/ids.ts";
import { Progress } from "../../../src/raft/progress.ts";
import { entries, entry } from "./support.ts";

const progress = (next: number, messagesMax = 2, bytesMax = 1000): Progress =>
  new Progress(Index(next), Instant(0), { messagesMax, bytesMax });

const first = Index(1);

test("probe: one append at a time, then the pipeline opens", async (t) => {
  const follower = progress(5);
  t.ok(follower.canSend);
  follower.sent(entries("5@1 6@1"));
  t.notOk(follower.canSend);
  t.equal(follower.next, 5, "nothing is assumed while probing");
  t.ok(follower.succeeded(Index(6), first));
  t.same([follower.state, follower.match, follower.next, follower.canSend], ["replicate", 6, 7, true]);
});

test("probe: a refusal moves back, an outdated one does not", async (t) => {
  const follower = progress(10);
  follower.sent([]);
  t.notOk(follower.rejected(Index(8), Index(3)), "that was about another append");
  t.ok(follower.rejected(Index(9), Index(3)));
  t.same([follower.next, follower.canSend], [4, true]);
  follower.sent([]);
  t.ok(follower.rejected(Index(3), Index(9)), "a hint never moves forward");
  t.equal(follower.next, 3);
});

test("probe: an empty log that matches at zero opens the pipeline too", async (t) => {
  const follower = progress(1);
  follower.sent([]);
  t.ok(follower.succeeded(Index(0), first));
  t.equal(follower.state, "replicate");
});

test("replicate: the window of messages and of bytes", async (t) => {
  const follower = progress(1);
  follower.succeeded(Index(0), first);
  follower.sent(entries("1@1"));
  follower.sent(entries("2@1 3@1"));
  t.notOk(follower.canSend, "two messages");
  t.ok(follower.canSendEmpty);
  t.equal(follower.next, 4);
  t.ok(follower.succeeded(Index(1), first));
  t.ok(follower.canSend);
  follower.sent([entry("4@1", "normal", Buffer.alloc(5000))]);
  follower.succeeded(Index(3), first);
  t.notOk(follower.canSend, "too many bytes, though one message");
  follower.succeeded(Index(4), first);
  t.ok(follower.canSend);
  t.notOk(follower.succeeded(Index(2), first), "old news");
});

test("replicate: a refusal, or a broken way, goes back to probing after what matched", async (t) => {
  const follower = progress(1);
  follower.succeeded(Index(3), first);
  follower.sent(entries("4@1 5@1"));
  t.notOk(follower.rejected(Index(3), Index(3)), "refused before it matched");
  t.ok(follower.rejected(Index(5), Index(5)));
  t.same([follower.state, follower.next], ["probe", 4]);
  follower.succeeded(Index(3), first);
  follower.sent(entries("4@1"));
  follower.unreachable();
  t.same([follower.state, follower.next], ["probe", 4]);
});

test("snapshot: silence until it is sent, then one probe after a sign of life", async (t) => {
  const follower = progress(3);
  follower.awaitSnapshot();
  t.same([follower.canSend, follower.canSendEmpty], [false, false]);
  follower.snapshotSent(Index(20), true);
  t.same([follower.state, follower.next, follower.canSend], ["probe", 21, false]);
  t.ok(follower.mayAsk(Instant(100), 50));
  t.ok(follower.canSend);
  t.notOk(follower.mayAsk(Instant(149), 50), "answers in a burst lead to one question");
  t.ok(follower.mayAsk(Instant(150), 50));
});

test("snapshot: failed, or not needed any more", async (t) => {
  const failed = progress(3);
  failed.awaitSnapshot();
  failed.snapshotSent(Index(20), false);
  t.same([failed.state, failed.next], ["probe", 1]);
  const caughtUp = progress(3);
  caughtUp.awaitSnapshot();
  t.ok(caughtUp.succeeded(Index(4), Index(9)));
  t.equal(caughtUp.state, "snapshot", "still behind the log");
  t.ok(caughtUp.succeeded(Index(8), Index(9)));
  t.equal(caughtUp.state, "replicate");
});
