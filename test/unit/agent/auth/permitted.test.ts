/** A refusal by a member that may be behind, and a write that met a change on its way. */
import { test } from "tap";
import { asOfNow, permitted } from "../../../../src/agent/auth/permitted.ts";
import { KvError } from "../../../../src/store/errors.ts";

const denied = new KvError("auth.permission-denied");
const old = new KvError("auth.old-revision");

test("what is allowed is allowed at once; a refusal is looked at again after a round", async (t) => {
  let rounds = 0;
  let allowed = true;
  const barrier = async (): Promise<void> => {
    rounds++;
  };
  const check = (): void => {
    if (!allowed) throw denied;
  };
  t.equal(permitted(check, barrier), null);
  allowed = false;
  await t.rejects(permitted(check, barrier)!, denied);
  const again = permitted(check, async () => {
    allowed = true;
  });
  await t.resolves(again!);
  t.equal(rounds, 1);
  const other = new KvError("auth.invalid-token");
  t.throws(
    () =>
      permitted(() => {
        throw other;
      }, barrier),
    other,
  );
});

test("a write that was refused for its age is proposed anew while its caller grows with the member", async (t) => {
  let revision = 3;
  const caller = {
    user: "u",
    get authRevision() {
      return revision;
    },
  };
  let proposed = 0;
  const refusedOnce = async (): Promise<string> => {
    if (proposed++ > 0) return "done";
    revision++;
    throw old;
  };
  t.equal(await asOfNow(caller, refusedOnce), "done");
  t.equal(proposed, 2);
  const always = (grows: boolean) => async (): Promise<never> => {
    proposed++;
    if (grows) revision++;
    throw old;
  };
  proposed = 0;
  await t.rejects(asOfNow(caller, always(false)), old);
  t.equal(proposed, 1, "nothing is known here that was not known before");
  await t.rejects(asOfNow(caller, always(true)), old);
  t.equal(proposed, 6, "not for ever");
  await t.rejects(
    asOfNow(caller, () => Promise.reject(denied)),
    denied,
  );
});
