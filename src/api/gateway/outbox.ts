/**
 * The answers of one gateway call on their way out, in slices: an answer of many megabytes is made while it is sent, some of it
 * in each turn of the event loop, and no faster than the client takes it. What was added first leaves first.
 */

/** Of one answer in one turn of the event loop. */
const sliceCharacters = 128 * 1024;

export interface OutboxModules {
  /** Sends a part of an answer; `last` is its end. False: the client takes no more for now, `resume` follows. */
  readonly send: (text: string, last: boolean) => boolean;
  /** Everything has left, after `add` said "wait". */
  readonly drained: () => void;
  /** An answer could not be made: it must not look whole. The error is thrown besides. */
  readonly broken: () => void;
}

export class Outbox {
  readonly #modules: OutboxModules;
  #answers: Iterator<string>[] = [];
  #turn: NodeJS.Immediate | undefined;
  /** The client takes no more. */
  #held = false;
  /** Somebody was told to wait. */
  #awaited = false;
  #emptied: (() => void) | undefined;

  constructor(modules: OutboxModules) {
    this.#modules = modules;
  }

  /** Takes an answer, which may throw while it is made. False: wait for `drained`. */
  add(answer: Iterator<string>): boolean {
    this.#answers.push(answer);
    if (this.#answers.length === 1 && !this.#held) this.#slice();
    this.#awaited = this.#held || this.#answers.length > 0;
    return !this.#awaited;
  }

  /** Calls `then` once everything has been sent, at once if it has. Nothing may be added after this. */
  close(then: () => void): void {
    if (this.#answers.length === 0) then();
    else this.#emptied = then;
  }

  /** The client took what was sent. */
  resume(): void {
    this.#held = false;
    if (this.#answers.length > 0) this.#later();
    else this.#settle();
  }

  /** The client is gone. */
  discard(): void {
    if (this.#turn) clearImmediate(this.#turn);
    this.#turn = undefined;
    this.#answers = [];
    this.#emptied = undefined;
    this.#awaited = false;
  }

  #later(): void {
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined;
      this.#slice();
      this.#settle();
    });
  }

  /** The next part of the first answer; a turn for everybody else comes before the part after it. */
  #slice(): void {
    const answer = this.#answers[0];
    if (answer === undefined) return;
    try {
      const { text, done } = nextSlice(answer);
      if (done) this.#answers.shift();
      this.#held = !this.#modules.send(text, done);
    } catch (error) {
      this.discard();
      this.#modules.broken();
      throw error;
    }
    if (this.#answers.length > 0 && !this.#held) this.#later();
  }

  #settle(): void {
    if (this.#answers.length > 0) return;
    const emptied = this.#emptied;
    this.#emptied = undefined;
    emptied?.();
    if (this.#held || !this.#awaited) return;
    this.#awaited = false;
    this.#modules.drained();
  }
}

/** As much of the answer as is sent at once. */
export function nextSlice(answer: Iterator<string>): { readonly text: string; readonly done: boolean } {
  let text = "";
  while (text.length < sliceCharacters) {
    const piece = answer.next();
    if (piece.done) return { text, done: true };
    text += piece.value;
  }
  return { text, done: false };
}
