/**
 * A few sorted names, found fast. Keys share long beginnings, and comparing two strings costs by the length of what they
 * share. So the list knows what all its names begin with, and of each name a number made of the next six bytes; strings are
 * compared only where those numbers are equal.
 *
 *     "/pods/web-1", "/pods/web-2"    prefix "/pods/web-", digests of "1", "2"
 */

/** Bytes of a digest: 48 bits are exact in a number. */
const digestBytes = 6;

export class NameList {
  #names: string[] = [];
  /** Parallel to the names. All have a fraction, which makes the array one of plain doubles from the start. */
  #digests: number[] = [];
  /** All names begin with it. */
  #prefix = "";

  get length(): number {
    return this.#names.length;
  }

  at(index: number): string {
    return this.#names[index]!;
  }

  /** Index of the first name that is not below `name`. */
  lowerBound(name: string): number {
    const outside = this.#outside(name);
    if (outside >= 0) return outside;
    const digest = digestOf(name, this.#prefix.length);
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#digests[middle]!;
      if (other < digest || (other === digest && this.#names[middle]! < name)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the first name above `name`. */
  upperBound(name: string): number {
    const at = this.lowerBound(name);
    return at < this.#names.length && this.#names[at] === name ? at + 1 : at;
  }

  /** `name` must belong at `at`. */
  insert(at: number, name: string): void {
    this.#names.splice(at, 0, name);
    if (this.#names.length > 1 && name.startsWith(this.#prefix)) {
      this.#digests.splice(at, 0, digestOf(name, this.#prefix.length));
    } else this.#refresh();
  }

  remove(at: number): void {
    this.#names.splice(at, 1);
    this.#digests.splice(at, 1);
  }

  /** Moves the names from `at` on into a new list. */
  splitAt(at: number): NameList {
    const right = new NameList();
    right.#names = this.#names.splice(at);
    right.#refresh();
    this.#refresh();
    return right;
  }

  /** Takes over names that are all above its own. */
  append(right: NameList): void {
    this.#names.push(...right.#names);
    this.#refresh();
  }

  /** The bound of a name that does not begin as all others do; negative for one that does. */
  #outside(name: string): number {
    if (name.startsWith(this.#prefix)) return this.#names.length === 0 ? 0 : -1;
    return name < this.#prefix ? 0 : this.#names.length;
  }

  #refresh(): void {
    const names = this.#names;
    this.#prefix = names.length === 0 ? "" : commonPrefix(names[0]!, names[names.length - 1]!);
    const { length } = this.#prefix;
    this.#digests = names.map((name) => digestOf(name, length));
  }
}

/** In the order of the names that begin equally up to `from`; equal digests say nothing. */
function digestOf(name: string, from: number): number {
  let [high, low] = [0, 0];
  const end = name.length;
  for (let i = 0; i < digestBytes / 2; i++) {
    const at = from + i;
    const after = at + digestBytes / 2;
    high = (high << 8) | (at < end ? name.charCodeAt(at) : 0);
    low = (low << 8) | (after < end ? name.charCodeAt(after) : 0);
  }
  return high * 0x100_0000 + low + 0.5;
}

function commonPrefix(left: string, right: string): string {
  let length = 0;
  while (length < left.length && left.charCodeAt(length) === right.charCodeAt(length)) length += 1;
  return left.slice(0, length);
}
