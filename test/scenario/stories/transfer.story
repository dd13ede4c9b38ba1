# Leadership is handed over: proposals are refused meanwhile, the target catches up, campaigns at once, and is not ignored
# although everybody hears a leader (thesis 3.10).
> cluster 3
> quiet
> boot all
> elect m1
> run 50
> loud
> transfer m1 m2
> propose m1 refused
> run 6
[50] m1     transfer to m2
[50] m1 drops 1 proposals: transferring
[51] m2 < append-entries m1 term=1 after 1@1: nothing; commit=1
[51] m2 < timeout-now m1 term=1
[51] m2     candidate in term=2
[51] m2 is candidate, term=2, leader=nobody
[52] m1 < append-entries-response m2 term=1 has 1
[53] m1 < request-vote m2 term=2 last=1@1 transfer
[53] m1     log 1@1 -> grant
[53] m1 is follower, term=2, leader=nobody
[53] m3 < request-vote m2 term=2 last=1@1 transfer
[53] m3     log 1@1 -> grant
[53] m3 is follower, term=2, leader=nobody
[55] m2 < request-vote-response m1 term=2 granted
[55] m2     elected in term=2
[55] m2     leader is m2
[55] m2 is leader, term=2, leader=m2
[55] m2 < request-vote-response m3 term=2 granted
[56] m1 < append-entries m2 term=2 after 1@1: 2@2; commit=1
[56] m1     leader is m2
[56] m1 is follower, term=2, leader=m2
[56] m3 < append-entries m2 term=2 after 1@1: 2@2; commit=1
[56] m3     leader is m2
[56] m3 applies 1@1
[56] m3 is follower, term=2, leader=m2

# A target that does not answer: given up after an election timeout.
> quiet
> run 100
> cut m3
> loud
> transfer m2 m3
> propose m2 refused
> quiet
> run 1050
> loud
> propose m2 taken
> run 3
[156] m2     transfer to m3
[156] m2 drops 1 proposals: transferring
[1207] m1 < append-entries m2 term=2 after 2@2: 3@2 taken; commit=2
[1209] m2 < append-entries-response m1 term=2 has 3
[1209] m2     commit=3
[1209] m2 applies 3@2 taken
