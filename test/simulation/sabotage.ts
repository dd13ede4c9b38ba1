/**
 * Ways to break raft on purpose, from outside of it: each makes the simulated shell, or the state it hands to the core, lie in
 * one respect. The mutation proof runs the simulation with each and expects the checks to notice.
 */
export const sabotages = {
  "own-vote-before-persist": "the shell answers `persisted` at once, while its disk still writes",
  "answer-before-persist": "`send-after-persist` leaves at once",
  "forget-vote": "the vote is lost at every restart",
  "skip-log-matching": "a follower takes any append, whatever entry precedes it",
  "vote-for-shorter-log": "a member votes without comparing logs",
  "stale-read": "a leader answers reads with its commit index, without a round",
  "commit-old-term": "a leader commits entries of old terms by counting",
  "forget-term": "the term is lost at every restart (goes back to that of the last entry)",
  "compact-unapplied-restart": "a restarted state machine claims to stand at the end of its log",
} as const;

/** One of them. */
export type Sabotage = keyof typeof sabotages;
