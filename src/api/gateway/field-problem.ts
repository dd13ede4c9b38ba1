/** Why a field cannot be read. Thrown where it is found; each level on the way out says where it is. */
export class FieldProblem extends Error {
  override readonly name = "FieldProblem";
  #path = "";

  /** The same problem, in the field `step` of an enclosing message. */
  within(step: string): this {
    this.#path = this.#path === "" ? step : `${step}.${this.#path}`;
    return this;
  }

  /** `field "success[0].request_put.key": expected ...` */
  get sentence(): string {
    return this.#path === "" ? this.message : `field "${this.#path}": ${this.message}`;
  }
}

/** What JSON calls a parsed value. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "bigint") return "a number";
  return typeof value === "boolean" ? "a boolean" : `a ${typeof value}`;
}
