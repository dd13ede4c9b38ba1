/** What the agent and its password thread say to each other. Passwords go one way only. */

export type PasswordJob =
  | { readonly type: "hash"; readonly password: string; readonly cost: number }
  | { readonly type: "verify"; readonly password: string; readonly hash: string };

export interface PasswordRequest {
  readonly id: number;
  readonly job: PasswordJob;
}

/** `value` is the hash, or whether the password is right; `problem` when bcrypt refused the input. */
export interface PasswordAnswer {
  readonly id: number;
  readonly value?: string | boolean;
  readonly problem?: string;
}
