/** Batches are shared by those who are shown the same, and hold what was put in. */
import fc from "fast-check";
import { test } from "tap";
import { EventBatch, SharedEvent } from "../../../src/store/watch/event-batch.ts";
import { Event, KeyValue, WatchResponse } from "../../../src/store/wire/messages.ts";

function shared(at: number, bytes = 10): SharedEvent {
  const kv = KeyValue.create({ key: Buffer.from(`k${at}`), value: Buffer.alloc(bytes), mod_revision: at });
  return new SharedEvent(Event.create({ kv }));
}

test("equal sequences are one batch, and every batch is its sequence", async () => {
  const pool = [0, 1, 2].map((at) => shared(at));
  const sequence = fc.array(fc.nat(2), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(sequence, { minLength: 1, maxLength: 20 }), (sequences) => {
      const start = EventBatch.empty();
      const seen = new Map<string, EventBatch>();
      for (const places of sequences) {
        const batch = places.reduce((before, at) => before.with(pool[at]!), start);
        const events = places.map((at) => pool[at]!.event);
        const known = seen.get(places.join());
        if (known !== undefined && known !== batch) throw new Error("an equal sequence is another batch");
        seen.set(places.join(), batch);
        if (batch.events.length !== events.length || batch.events.some((event, at) => event !== events[at]))
          throw new Error("other events");
        if (!WatchResponse.encode({ events }).equals(batch.encoded)) throw new Error("other bytes");
      }
    }),
  );
});

test("encodings are made once", async (t) => {
  const start = EventBatch.empty();
  const [one, two] = [shared(1), shared(2)];
  t.equal(start.with(one).encoded, start.with(one).encoded);
  t.equal(start.with(one).encoded, one.encoded, "a single event is not copied");
  const both = start.with(one).with(two);
  t.equal(both.encoded, start.with(one).with(two).encoded);
  t.equal(both.events, start.with(one).with(two).events);
});

test("pieces: every event once, in order, none over the limit but a single event", async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(900), { minLength: 1, maxLength: 30 }), (sizes) => {
      const batch = sizes.reduce((before, size, at) => before.with(shared(at, size)), EventBatch.empty());
      const pieces = batch.pieces(1000);
      const events = pieces.flatMap((piece) => piece.events);
      if (events.some((event, at) => event !== batch.events[at]) || events.length !== sizes.length)
        throw new Error("other events");
      for (const piece of pieces) {
        const response = WatchResponse.encode({ watch_id: 1, fragment: true, events: piece.events });
        if (response.length > 1000 && piece.length > 1) throw new Error("too long");
      }
      if (pieces.length === 1 && pieces[0] !== batch) throw new Error("what fits is not copied");
    }),
  );
});
