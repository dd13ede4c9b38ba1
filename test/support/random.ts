/** Seeded chance for simulations and tests: the same seed gives the same run, on every machine. */
import type { Random } from "../../src/base/ports.ts";

/** `Random` with the few shapes that tests ask for. */
export interface SeededRandom extends Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** Whole number, uniform in [0, below). */
  below(below: number): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** One of them; there must be one. */
  pick<Item>(items: readonly Item[]): Item;
}

/** A generator of its own for this seed: a Weyl sequence mixed by MurmurHash3's finalizer. */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const uint32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  };
  // Neighbouring seeds begin far apart.
  state = Math.imul(uint32(), 0x2c1b3c6d) >>> 0;
  const fraction = (): number => uint32() / 2 ** 32;
  const below = (limit: number): number => Math.floor(fraction() * limit);
  return {
    uint32,
    fraction,
    below,
    between: (low, high) => low + fraction() * (high - low),
    chance: (probability) => fraction() < probability,
    pick: (items) => items[below(items.length)]!,
  };
}
