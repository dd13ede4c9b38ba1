/**
 * Long reads in slices. All readers of a member share one turn per iteration of the event loop and one budget of time in it, so
 * a hundred wide ranges hold the loop no longer than a few do. What is done in its first slice never leaves the turn.
 */
import { KvError } from "../store/errors.ts";

/** Time of one turn, for all jobs together. The loop's limit is 10 ms; a step adds up to one at the end. */
const turnMs = 4;
/** What a job may use at once when it arrives: enough for nearly every range. */
const firstMs = 1;
/** Who arrives while so many wait gets one step at once, and the rest in turn: else each arrival would add to the hold. */
const firstWaitingMax = 4;

interface Job {
  /** Works until the time; true when it is done, one way or the other. */
  readonly work: (deadline: number) => boolean;
}

export class Slices {
  readonly #now: () => number;
  #jobs: Job[] = [];
  #turn: NodeJS.Immediate | undefined;

  /** `now` is in milliseconds, with fractions. */
  constructor(modules: { now: () => number }) {
    this.#now = modules.now;
  }

  /** Jobs that wait for their next slice. */
  get waiting(): number {
    return this.#jobs.length;
  }

  /** The result; without a turn in between if the work is small. Rejects with what the work throws, or `kv.canceled`. */
  async run<Result>(steps: Generator<void, Result>, signal?: AbortSignal): Promise<Result> {
    return (await this.next(steps, { signal })).value as Result;
  }

  /**
   * Works on until there is something: a value other than null or undefined, or the end. Pauses in between are the places
   * where the work yielded nothing. Who comes back for a further piece is `queued`: a fast reader would otherwise be served all
   * its pieces in one turn.
   */
  next<Piece, Result>(
    steps: Generator<Piece, Result>,
    { signal, turn = "now" }: { signal?: AbortSignal | undefined; turn?: "now" | "queued" } = {},
  ): Promise<IteratorResult<NonNullable<Piece>, Result>> {
    return new Promise((resolve, reject) => {
      const work = (deadline: number): boolean => {
        try {
          if (signal?.aborted) {
            steps.return(undefined as never);
            reject(new KvError("kv.canceled"));
            return true;
          }
          do {
            const result = steps.next();
            if (!result.done && (result.value === null || result.value === undefined)) continue;
            resolve(result as IteratorResult<NonNullable<Piece>, Result>);
            return true;
          } while (this.#now() < deadline);
          return false;
        } catch (error) {
          reject(error);
          return true;
        }
      };
      const first = this.#jobs.length < firstWaitingMax ? firstMs : 0;
      if (turn === "queued" || !work(this.#now() + first)) this.#add({ work });
    });
  }

  #add(job: Job): void {
    this.#jobs.push(job);
    this.#turn ??= setImmediate(() => this.#runTurn());
  }

  /** Every job has its share of the turn, in the order of arrival; those that had none come first in the next. */
  #runTurn(): void {
    this.#turn = undefined;
    const jobs = this.#jobs;
    this.#jobs = [];
    const end = this.#now() + turnMs;
    let served = 0;
    const unfinished: Job[] = [];
    for (; served < jobs.length && this.#now() < end; served++) {
      const share = (end - this.#now()) / (jobs.length - served);
      if (!jobs[served]!.work(this.#now() + share)) unfinished.push(jobs[served]!);
    }
    this.#jobs = [...jobs.slice(served), ...this.#jobs, ...unfinished];
    if (this.#jobs.length > 0) this.#turn ??= setImmediate(() => this.#runTurn());
  }
}
