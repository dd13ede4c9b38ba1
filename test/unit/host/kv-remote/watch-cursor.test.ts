import fc from "fast-check";
import { test } from "tap";
import { WatchCursor } from "../../../../src/host/kv-remote/watch-cursor.ts";
import * as wire from "../../../../src/store/wire/messages.ts";

const event = (revision: number, name: string): wire.Event =>
  wire.Event.create({ kv: wire.KeyValue.create({ mod_revision: revision, key: Buffer.from(name) }) });
const response = (events: wire.Event[], fragment = false, revision = 0): wire.WatchResponse =>
  wire.WatchResponse.create({ events, fragment, header: wire.ResponseHeader.create({ revision }) });

test("where a watcher resumes", async (t) => {
  const fresh = new WatchCursor(0, {});
  t.equal(fresh.open(1).start_revision, 0, "not created yet: from now, again");
  fresh.created(7);
  t.equal(fresh.open(1).start_revision, 8, "created at 7");
  fresh.accept(response([event(9, "a")]));
  t.equal(fresh.open(1).start_revision, 10);
  fresh.accept(response([], false, 20));
  t.equal(fresh.open(1).start_revision, 21, "a progress notification promises everything before it");
  const future = new WatchCursor(0, { start_revision: 100 });
  future.created(7);
  future.accept(response([], false, 20));
  t.equal(future.open(1).start_revision, 100, "a start in the future stays");
});

test("whatever breaks where, each event is seen once and in order", async (t) => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 });
  const choices = fc.infiniteStream(fc.nat(9));
  fc.assert(
    fc.property(sizes, choices, (perRevision, choice) => {
      const history = perRevision.flatMap((count, i) =>
        Array.from({ length: count }, (_, n) => event(i + 2, `${i + 2}.${n}`)),
      );
      const draw = (): number => choice.next().value!;
      const cursor = new WatchCursor(0, { start_revision: 2 });
      const seen: string[] = [];
      for (let breaks = 0; breaks < 200; breaks++) {
        const from = cursor.open(1).start_revision!;
        let rest = history.filter((each) => each.kv!.mod_revision >= from);
        if (rest.length === 0) return seen.length === history.length;
        while (rest.length > 0 && draw() > 0) {
          // A fragment ends anywhere; a whole response ends with a revision.
          let size = 1 + (draw() % rest.length);
          const fragment = draw() > 4 && size < rest.length;
          while (!fragment && rest[size] && rest[size]!.kv!.mod_revision === rest[size - 1]!.kv!.mod_revision)
            size++;
          const accepted = cursor.accept(response(rest.slice(0, size), fragment));
          for (const each of accepted?.events ?? []) seen.push(Buffer.from(each.kv!.key).toString());
          rest = rest.slice(size);
        }
      }
      const all = history.map((each) => Buffer.from(each.kv!.key).toString());
      t.strictSame(seen, all.slice(0, seen.length));
      return true;
    }),
    { numRuns: 500 },
  );
});
