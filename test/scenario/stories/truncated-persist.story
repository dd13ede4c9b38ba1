# m1 leads term 1 with a late disk; 2@1 and 3@1 are on their way to it when m2, leader of term 2, replaces them. The
# disk's answer for the old entries counts for nothing, and m1 answers m2 only when the new ones are durable.
> cluster 3
> quiet
> boot all
> elect m1
> run 20
> cut m1>m2 m1>m3
> late m1 100
> propose m1 x y
> run 5
> loud
> elect m2
> run 12
> heal
> propose m2 z
> run 110
> show
[25] m2     leader silent -> pre-candidate for term=2
[25] m2 is pre-candidate, term=1, leader=nobody
[26] m1 < pre-vote m2 term=2 last=1@1
[26] m1     leader heard lately -> ignored
[26] m3 < pre-vote m2 term=2 last=1@1
[26] m3     log 1@1 -> would grant
[27] m2 < pre-vote-response m3 term=2 granted
[27] m2     candidate in term=2
[27] m2 is candidate, term=2, leader=nobody
[29] m1 < request-vote m2 term=2 last=1@1
[29] m1     leader heard lately -> ignored
[29] m3 < request-vote m2 term=2 last=1@1
[29] m3     log 1@1 -> grant
[29] m3 is follower, term=2, leader=nobody
[31] m2 < request-vote-response m3 term=2 granted
[31] m2     elected in term=2
[31] m2     leader is m2
[31] m2 is leader, term=2, leader=m2
[32] m1 < append-entries m2 term=2 after 1@1: 2@2; commit=1
[32] m1     leader is m2
[32] m1     replaces 2..3
[32] m1 is follower, term=2, leader=m2
[32] m3 < append-entries m2 term=2 after 1@1: 2@2; commit=1
[32] m3     leader is m2
[32] m3 applies 1@1
[32] m3 is follower, term=2, leader=m2
[34] m2 < append-entries-response m3 term=2 has 2
[34] m2     commit=2
[34] m2 applies 2@2
[35] m3 < append-entries m2 term=2 after 2@2: nothing; commit=2
[35] m3 applies 2@2
[37] m2 < append-entries-response m3 term=2 has 2
[38] m3 < append-entries m2 term=2 after 2@2: 3@2 z; commit=2
[40] m2 < append-entries-response m3 term=2 has 3
[40] m2     commit=3
[40] m2 applies 3@2 z
[41] m3 < append-entries m2 term=2 after 3@2: nothing; commit=3
[41] m3 applies 3@2 z
[43] m2 < append-entries-response m3 term=2 has 3
[132] m1 < heartbeat m2 term=2 commit=0 round=0
[132] m3 < heartbeat m2 term=2 commit=3 round=0
[133] m2 < append-entries-response m1 term=2 has 2
[133] m2 < heartbeat-response m1 term=2 round=0
[133] m2 < heartbeat-response m3 term=2 round=0
[134] m1 < append-entries m2 term=2 after 2@2: 3@2 z; commit=3
[134] m1 applies 2@2
[134] m1 < append-entries m2 term=2 after 3@2: nothing; commit=3
m1 follower term=2 commit=3 log 0@0 | 1@1 2@2 3@2
m2 leader term=2 commit=3 log 0@0 | 1@1 2@2 3@2
m3 follower term=2 commit=3 log 0@0 | 1@1 2@2 3@2
