import type { RaftEvent } from "../../src/raft/event.ts";

type WithoutNow<Event> = Event extends unknown ? Omit<Event, "now"> : never;

/** A raft event before the runner stamps its virtual time on it. */
export type UnstampedEvent = WithoutNow<RaftEvent>;
