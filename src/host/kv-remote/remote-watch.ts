/**
 * A watch stream that outlives its connection. Each watcher has a cursor; when the gRPC stream is lost it is opened again,
 * wherever the connection leads then, and every watcher is created again from its cursor. The caller sees one `created` per
 * watcher and an unbroken sequence of events. A resume that meets a compaction cancels the watcher, as etcd does.
 *
 *   idle --create--> opening --connected--> open --lost--> waiting --backoff--> opening      any --close/stop/refused--> closed
 *
 * Watch ids on the wire are the caller's plus one: the wire's 0 means "choose one", and ours must survive the server.
 */
import type { Clock } from "../../base/ports.ts";
import type { Caller, WatchResponse, WatchSink, WatchStream } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import {
  type ResponseHeader,
  type WatchCreateRequest,
  WatchRequest,
  WatchResponse as WatchResponseCodec,
} from "../../store/wire/messages.ts";
import type { Init } from "../../store/wire/protobuf.ts";
import { kvErrorOfStatus } from "../../store/wire/status.ts";
import { backoffMs, pause } from "./backoff.ts";
import type { Connections } from "./connections.ts";
import type { CallEnd, GrpcCall } from "./grpc-call.ts";
import type { GrpcConnection } from "./grpc-connection.ts";
import { type CallMetadata, metadataOf } from "./metadata.ts";
import { WatchCursor } from "./watch-cursor.ts";

/** A member that has lost its leader must end the stream, so that the watch moves to one that has (etcd.md section 1). */
const everyWatch = { hasleader: "true" };

export class RemoteWatch implements WatchStream {
  readonly #sink: WatchSink;
  readonly #onEnd: () => void;
  readonly #metadata: CallMetadata;
  /** The caller wants to hear that no server has a leader, instead of waiting. */
  readonly #requiresLeader: boolean;
  readonly #connections: Connections;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  /** Created watchers, by the caller's id. */
  readonly #live = new Map<number, WatchCursor>();
  /** Sent on the present stream and not answered, in order: the server answers creates in order (etcd.md 5.1). */
  #creating: WatchCursor[] = [];
  #nextId = 0;
  #progressWanted = false;
  #paused = false;
  #call: GrpcCall | null = null;
  #opening = false;
  /** Since the last message of a server. */
  #attempts = 0;
  #header: ResponseHeader | undefined;

  constructor(
    options: { sink: WatchSink; caller: Caller | undefined; onEnd: () => void },
    modules: { connections: Connections; clock: Clock },
  ) {
    this.#sink = options.sink;
    this.#onEnd = options.onEnd;
    this.#metadata = { ...metadataOf(options.caller), ...everyWatch };
    this.#requiresLeader = options.caller?.requiresLeader ?? false;
    this.#connections = modules.connections;
    this.#clock = modules.clock;
  }

  create(request: Init<WatchCreateRequest>): void {
    if (this.#closed.signal.aborted) return;
    const cursor = new WatchCursor(request.watch_id || this.#freeId(), request);
    this.#creating.push(cursor);
    if (this.#call) this.#send({ create_request: cursor.open(cursor.watchId + 1) });
    else this.#open();
  }

  cancel(watchId: number): void {
    const cursor = this.#live.get(watchId) ?? this.#creating.find((each) => each.watchId === watchId);
    if (!cursor || this.#closed.signal.aborted) return;
    cursor.canceling = true;
    if (this.#call) this.#send({ cancel_request: { watch_id: watchId + 1 } });
  }

  requestProgress(): void {
    if (this.#closed.signal.aborted) return;
    this.#progressWanted = true;
    if (this.#call) this.#send({ progress_request: {} });
    else this.#open();
  }

  resume(): void {
    this.#paused = false;
    this.#call?.resume();
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#call?.cancel();
    this.#call = null;
    this.#onEnd();
  }

  /** Closes and tells the sink that the store stopped in good order. */
  stop(): void {
    if (this.#closed.signal.aborted) return;
    this.close();
    this.#sink.closed(null);
  }

  #freeId(): number {
    const taken = (id: number): boolean =>
      this.#live.has(id) || this.#creating.some((each) => each.watchId === id);
    while (taken(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #send(request: Init<WatchRequest>): void {
    this.#call?.write(WatchRequest.encode(request));
  }

  #open(): void {
    if (this.#opening) return;
    this.#opening = true;
    void this.#connect().finally(() => {
      this.#opening = false;
    });
  }

  /** Tries until connected or closed; a watch has no deadline. */
  async #connect(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await pause(backoffMs(this.#attempts++, this.#connections.count), this.#clock, signal);
      const connection = await this.#connections.get().catch(() => null);
      if (signal.aborted) return;
      if (connection && this.#start(connection)) return;
    }
  }

  /** Opens the stream and everything on it. False when the connection went away meanwhile. */
  #start(connection: GrpcConnection): boolean {
    let lost = false;
    const call = connection.stream("/etcdserverpb.Watch/Watch", this.#metadata, {
      message: (bytes) => this.#receive(WatchResponseCodec.decode(bytes)),
      ended: (end) => {
        lost = true;
        if (call) this.#ended(end, connection);
      },
    });
    if (call === null || lost) return false;
    this.#call = call;
    if (this.#paused) call.pause();
    // Watchers that were live come first, so that the answers to creates keep their order.
    this.#creating = [...this.#live.values(), ...this.#creating];
    this.#live.clear();
    for (const cursor of this.#creating) {
      if (!cursor.canceling) this.#send({ create_request: cursor.open(cursor.watchId + 1) });
    }
    const canceled = this.#creating.filter((each) => each.canceling);
    this.#creating = this.#creating.filter((each) => !each.canceling);
    for (const cursor of canceled) this.#canceled(cursor);
    if (this.#progressWanted) this.#send({ progress_request: {} });
    return true;
  }

  /** The cancel that was lost with the stream has its effect here: the watcher is not created again. */
  #canceled(cursor: WatchCursor): void {
    if (!cursor.announced) {
      this.#deliver(
        WatchResponseCodec.create({ header: this.#header, watch_id: cursor.watchId, created: true }),
      );
    }
    const canceled = { header: this.#header, watch_id: cursor.watchId, canceled: true };
    this.#deliver(WatchResponseCodec.create(canceled));
  }

  #ended(end: CallEnd, connection: GrpcConnection): void {
    this.#call = null;
    if (this.#closed.signal.aborted) return;
    const { code } = end.status;
    const refused = end.fate === "answered" && code !== GrpcCode.UNAVAILABLE && code !== GrpcCode.OK;
    const error = kvErrorOfStatus(end.status);
    const leaderless = error.code === "kv.no-leader" && this.#requiresLeader;
    if (refused || (leaderless && this.#attempts >= this.#connections.count)) {
      this.close();
      this.#sink.closed(error);
      return;
    }
    this.#connections.abandon(connection);
    if (this.#live.size > 0 || this.#creating.length > 0 || this.#progressWanted) this.#open();
  }

  #receive(response: WatchResponse): void {
    this.#attempts = 0;
    // A cancel by compaction carries no revision.
    if (response.header?.revision) this.#header = response.header;
    if (response.created) {
      this.#created(response);
      return;
    }
    if (response.watch_id === -1) {
      this.#progressWanted = false;
      this.#deliver(response);
      return;
    }
    const watchId = response.watch_id - 1;
    const cursor = this.#live.get(watchId);
    if (!cursor) return;
    if (response.canceled) {
      this.#live.delete(watchId);
      this.#deliver({ ...response, watch_id: watchId });
      return;
    }
    const rest = cursor.accept(response);
    if (rest) this.#deliver({ ...rest, watch_id: watchId });
  }

  #created(response: WatchResponse): void {
    const cursor = this.#creating.shift();
    if (!cursor) return;
    const { watchId, announced } = cursor;
    if (response.canceled) {
      if (!announced && watchId === this.#nextId - 1) this.#nextId = watchId; // a refused create uses no id
      this.#deliver(announced ? { ...response, created: false, watch_id: watchId } : response);
      return;
    }
    this.#live.set(watchId, cursor);
    cursor.created(response.header?.revision ?? 0);
    if (!announced) this.#deliver({ ...response, watch_id: watchId });
  }

  #deliver(response: WatchResponse): void {
    if (this.#closed.signal.aborted || this.#sink.deliver(response)) return;
    this.#paused = true;
    this.#call?.pause();
  }
}
