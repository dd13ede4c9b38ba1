import { test } from "tap";
import { Index, Term } from "../../../src/base/ids.ts";
import { RaftLog } from "../../../src/raft/log.ts";
import { Persistence } from "../../../src/raft/persistence.ts";
import { entries, entryId, m } from "./support.ts";

const state = (term: number, vote: number | null, commit: number) => ({
  term: Term(term),
  vote: vote === null ? null : m(vote),
  commit: Index(commit),
});

test("what is handed over: each entry once, the hard state when it changed, a sync when it matters", async (t) => {
  const log = new RaftLog(entryId("0@0"), entries("1@1"));
  const persistence = new Persistence(log, state(1, null, 0));
  t.equal(persistence.next(log, state(1, null, 0)), null, "nothing changed");
  t.match(persistence.next(log, state(1, null, 1)), {
    sequence: 1,
    hardState: { commit: 1 },
    entries: [],
    sync: false,
  });
  t.match(persistence.next(log, state(2, 3, 1)), {
    sequence: 2,
    hardState: { term: 2, vote: 3n },
    sync: true,
  });
  log.append(entries("2@2"));
  t.match(persistence.next(log, state(2, 3, 1)), {
    sequence: 3,
    hardState: null,
    entries: [{ index: 2 }],
    sync: true,
  });
  t.equal(persistence.next(log, state(2, 3, 1)), null);
});

test("a cut log cuts what writes in flight will stand for, even where the terms look right again", async (t) => {
  const log = new RaftLog(entryId("2@1"), []);
  const persistence = new Persistence(log, state(1, null, 0));
  const replace = (from: number, ids: string): void => {
    log.truncate(Index(from));
    persistence.truncate(Index(from));
    log.append(entries(ids));
    persistence.next(log, state(1, null, 0));
  };
  log.append(entries("3@1 4@1 5@1"));
  persistence.next(log, state(1, null, 0));
  replace(4, "4@2");
  replace(4, "4@1 5@1");
  persistence.persisted(1, entryId("5@1"));
  t.equal(persistence.durable, 3, "the disk is about to overwrite 4 and 5");
  persistence.persisted(2, entryId("4@2"));
  t.equal(persistence.durable, 3);
  persistence.persisted(3, entryId("5@1"));
  t.equal(persistence.durable, 5);
});

test("one answer may stand for several writes; a lying one is a bug", async (t) => {
  const log = new RaftLog(entryId("0@0"), []);
  const persistence = new Persistence(log, state(1, null, 0));
  log.append(entries("1@1"));
  persistence.next(log, state(1, null, 0));
  persistence.next(log, state(2, null, 0));
  t.throws(() => persistence.persisted(9, null), "never handed over");
  t.throws(() => persistence.persisted(2, entryId("1@7")), "not what was handed over");
});

test("an installed snapshot is durable; what was in flight is void", async (t) => {
  const log = new RaftLog(entryId("0@0"), []);
  const persistence = new Persistence(log, state(1, null, 0));
  log.append(entries("1@1 2@1"));
  persistence.next(log, state(1, null, 0));
  log.reset(entryId("9@1"));
  persistence.reset(log.base);
  log.append(entries("10@1"));
  persistence.next(log, state(1, null, 9));
  persistence.persisted(1, null);
  t.equal(persistence.durable, 9);
  persistence.persisted(2, entryId("10@1"));
  t.equal(persistence.durable, 10);
});
