# Three members, one election: pre-vote, vote, empty entry, commit (paper 5.2, thesis 9.6).
> cluster 3
> boot all
> elect m1
> run 8
[0] m1     leader silent -> pre-candidate for term=1
[0] m1 is pre-candidate, term=0, leader=nobody
[1] m2 < pre-vote m1 term=1 last=0@0
[1] m2     log 0@0 -> would grant
[1] m3 < pre-vote m1 term=1 last=0@0
[1] m3     log 0@0 -> would grant
[2] m1 < pre-vote-response m2 term=1 granted
[2] m1     candidate in term=1
[2] m1 is candidate, term=1, leader=nobody
[2] m1 < pre-vote-response m3 term=1 granted
[4] m2 < request-vote m1 term=1 last=0@0
[4] m2     log 0@0 -> grant
[4] m2 is follower, term=1, leader=nobody
[4] m3 < request-vote m1 term=1 last=0@0
[4] m3     log 0@0 -> grant
[4] m3 is follower, term=1, leader=nobody
[6] m1 < request-vote-response m2 term=1 granted
[6] m1     elected in term=1
[6] m1     leader is m1
[6] m1 is leader, term=1, leader=m1
[6] m1 < request-vote-response m3 term=1 granted
[7] m2 < append-entries m1 term=1 after 0@0: 1@1; commit=0
[7] m2     leader is m1
[7] m2 is follower, term=1, leader=m1
[7] m3 < append-entries m1 term=1 after 0@0: 1@1; commit=0
[7] m3     leader is m1
[7] m3 is follower, term=1, leader=m1

# The winner replicates. Two proposals of one event are one message per follower; a follower passes its own on.
> propose m1 a b
> run 6
> propose m2 c
> run 6
[9] m1 < append-entries-response m2 term=1 has 1
[9] m1     commit=1
[9] m1 applies 1@1
[9] m1 < append-entries-response m3 term=1 has 1
[10] m2 < append-entries m1 term=1 after 1@1: 2@1 a, 3@1 b; commit=1
[10] m2 applies 1@1
[10] m3 < append-entries m1 term=1 after 1@1: 2@1 a, 3@1 b; commit=1
[10] m3 applies 1@1
[12] m1 < append-entries-response m2 term=1 has 3
[12] m1     commit=3
[12] m1 applies 2@1 a, 3@1 b
[12] m1 < append-entries-response m3 term=1 has 3
[13] m2 < append-entries m1 term=1 after 3@1: nothing; commit=3
[13] m2 applies 2@1 a, 3@1 b
[13] m3 < append-entries m1 term=1 after 3@1: nothing; commit=3
[13] m3 applies 2@1 a, 3@1 b
[15] m1 < append-entries-response m2 term=1 has 3
[15] m1 < append-entries-response m3 term=1 has 3
[15] m1 < propose m2 term=1 c
[16] m2 < append-entries m1 term=1 after 3@1: 4@1 c; commit=3
[16] m3 < append-entries m1 term=1 after 3@1: 4@1 c; commit=3
[18] m1 < append-entries-response m2 term=1 has 4
[18] m1     commit=4
[18] m1 applies 4@1 c
[18] m1 < append-entries-response m3 term=1 has 4
[19] m2 < append-entries m1 term=1 after 4@1: nothing; commit=4
[19] m2 applies 4@1 c
[19] m3 < append-entries m1 term=1 after 4@1: nothing; commit=4
[19] m3 applies 4@1 c

> show
m1 leader term=1 commit=4 log 0@0 | 1@1 2@1 3@1 4@1
m2 follower term=1 commit=4 log 0@0 | 1@1 2@1 3@1 4@1
m3 follower term=1 commit=4 log 0@0 | 1@1 2@1 3@1 4@1
