/**
 * The compatibility suite's cases are data: steps, each with what must come of it. Requests and answers are written with
 * the proto's field names and bytes as text; of an answer only the fields that are named are compared. Marks stand for what
 * differs from run to run: `rev(n)` is the revision at the case's start plus n, `keep(name)` takes a value from an answer,
 * `kept(name)` uses it, and `check` looks at a value with a function.
 */

/** A request or an expected answer, in the proto's field names. */
export type Fields = { readonly [name: string]: unknown };

/** What must come of a call: an answer (its named fields) or a refusal. */
export type Expected = Fields | RefusalExpected;
/** gRPC code and exact text. */
export class RefusalExpected {
  readonly code: number;
  readonly text: string | Mark;
  constructor(code: number, text: string | Mark) {
    this.code = code;
    this.text = text;
  }
}

export class Mark {
  readonly type: "rev" | "keep" | "kept" | "check";
  readonly value: number | string | ((value: unknown) => boolean);
  readonly about: string;
  constructor(type: Mark["type"], value: Mark["value"], about: string) {
    this.type = type;
    this.value = value;
    this.about = about;
  }
}

/** The revision at the start of the case plus `offset`. */
export const rev = (offset: number): Mark => new Mark("rev", offset, `revision +${offset}`);
/** Any value; remembers it under `name`. */
export const keep = (name: string): Mark => new Mark("keep", name, `kept as ${name}`);
/** The value remembered under `name`. */
export const kept = (name: string): Mark => new Mark("kept", name, `the ${name}`);
/** A value of which `holds` is true. */
export const check = (about: string, holds: (value: never) => boolean): Mark =>
  new Mark("check", holds as (value: unknown) => boolean, about);
export const positive = check("more than 0", (value: number | bigint) => value > 0);
export const absent = check("absent", (value: unknown) => value === undefined);

/** Etcd's own error: text without its prefix. */
export const refused = (code: number, text: string): RefusalExpected =>
  new RefusalExpected(code, `etcdserver: ${text}`);
/** An error whose text has no prefix. */
export const refusedAs = (code: number, text: string): RefusalExpected => new RefusalExpected(code, text);

/** An error whose text is one of several, because chance decides. */
export const refusedLike = (code: number, text: Mark): RefusalExpected => new RefusalExpected(code, text);

/** What the oracle, etcd 3.4, does instead, and why that is no mistake of ours. */
export interface Differs {
  readonly reason: string;
  readonly expected: Expected;
}

export interface CallOptions {
  /** gRPC metadata; values may be marks. */
  readonly metadata?: Readonly<Record<string, string | Mark>>;
  /** Which member; the first when absent. `leader` and `follower` are found by Status. */
  readonly at?: number | "leader" | "follower";
  readonly etcd34?: Differs;
}

export type Step =
  | ({
      readonly do: "call";
      readonly rpc: string;
      readonly request: Fields;
      readonly expected: Expected;
    } & CallOptions)
  | ({
      readonly do: "start";
      readonly name: string;
      readonly rpc: string;
      readonly request: Fields;
    } & CallOptions)
  | { readonly do: "join"; readonly name: string; readonly expected: Expected; readonly etcd34?: Differs }
  | { readonly do: "abandon"; readonly name: string }
  | ({ readonly do: "open"; readonly name: string; readonly rpc: string } & CallOptions)
  | { readonly do: "send"; readonly name: string; readonly request: Fields }
  | { readonly do: "next"; readonly name: string; readonly expected: Fields; readonly etcd34?: Differs }
  | { readonly do: "finish"; readonly name: string }
  | {
      readonly do: "ended";
      readonly name: string;
      readonly expected: RefusalExpected | "ok";
      readonly etcd34?: Differs;
    }
  | { readonly do: "close"; readonly name: string }
  | ({
      readonly do: "until";
      readonly rpc: string;
      readonly request: Fields;
      readonly expected: Expected;
    } & CallOptions)
  | {
      readonly do: "member";
      readonly act: "stop" | "kill-leader" | "kill-follower";
      readonly index?: number;
    };

/** One unary call, or a whole server stream whose messages are then listed as `messages`. */
export function call(rpc: string, request: Fields, expected: Expected = {}, options: CallOptions = {}): Step {
  return { do: "call", rpc, request, expected, ...options };
}
/** Starts a call that `join` waits for; `abandon` cancels it. */
export const start = (name: string, rpc: string, request: Fields, options: CallOptions = {}): Step => ({
  do: "start",
  name,
  rpc,
  request,
  ...options,
});
export const join = (name: string, expected: Expected, etcd34?: Differs): Step => ({
  do: "join",
  name,
  expected,
  ...(etcd34 ? { etcd34 } : {}),
});
export const abandon = (name: string): Step => ({ do: "abandon", name });
/** Opens a stream. */
export const open = (name: string, rpc: string, options: CallOptions = {}): Step => ({
  do: "open",
  name,
  rpc,
  ...options,
});
export const send = (name: string, request: Fields): Step => ({ do: "send", name, request });
/** The stream's next message. */
export const next = (name: string, expected: Fields, etcd34?: Differs): Step => ({
  do: "next",
  name,
  expected,
  ...(etcd34 ? { etcd34 } : {}),
});
/** Half-closes our side. */
export const finish = (name: string): Step => ({ do: "finish", name });
/** How the stream ends by itself. */
export const ended = (name: string, expected: RefusalExpected | "ok", etcd34?: Differs): Step => ({
  do: "ended",
  name,
  expected,
  ...(etcd34 ? { etcd34 } : {}),
});
/** Cancels the stream. */
export const close = (name: string): Step => ({ do: "close", name });
/** Repeats a call until what is expected comes. */
export function until(rpc: string, request: Fields, expected: Expected, options: CallOptions = {}): Step {
  return { do: "until", rpc, request, expected, ...options };
}

export interface Case {
  readonly name: string;
  /** The first etcd that has the feature, when the oracle is older. */
  readonly since?: string;
  /** Why the oracle cannot be asked, when it is old enough. */
  readonly oracleSkips?: string;
  /** Why the case does not hold of us (yet); listed, and in docs/known-gaps.md. */
  readonly pending?: string;
  readonly steps: readonly Step[];
}

/** Cases that share a server: before each, all keys and leases are removed. */
export interface CaseGroup {
  readonly name: string;
  readonly cases: readonly Case[];
  readonly members?: number;
  /** Flags of the server beyond the usual ones, by etcd's names. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Makes flags that need files; `directory` is removed afterwards. */
  readonly makeFlags?: (directory: string) => Readonly<Record<string, string>>;
  /** Members are processes of their own, so that they can be killed. */
  readonly separate?: boolean;
  /** A server for each case, because its cases leave it unusable. */
  readonly fresh?: boolean;
}
