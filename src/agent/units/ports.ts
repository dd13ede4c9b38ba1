/** Ports of the units module to the rest of the agent. */

/** Where the engine runs: the raft leader's agent, or the winner of an election through the store. */
export interface LeaderLocator {
  /** The leader as far as this agent knows; null while there is none. Asked several times a second, so it must not wait. */
  leader(): Promise<{ readonly url: string; readonly self: boolean } | null>;
}

/** The part of `fetch` that agents need to talk to each other. Rejects if no answer comes in time. */
export interface PeerHttp {
  /** Sends JSON (POST) or nothing (GET) and resolves with the decoded body of a 2xx answer. */
  request(
    url: string,
    options: { readonly method: "GET" | "POST"; readonly body?: unknown; readonly timeoutMs: number },
  ): Promise<unknown>;
}
