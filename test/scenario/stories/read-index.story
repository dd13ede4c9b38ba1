# Reads cost a round of heartbeats, not a log entry; a follower asks the leader; what comes while four rounds are in flight
# shares the fifth.
> cluster 3
> quiet
> boot all
> elect m1
> run 20
> loud
> read m1
> run 3
[20] m1     read round 1 for 1 at index=1
[21] m2 < heartbeat m1 term=1 commit=1 round=1
[21] m3 < heartbeat m1 term=1 commit=1 round=1
[21] m3 applies 1@1
[22] m1 < heartbeat-response m2 term=1 round=1
[22] m1 read 1 ready at 1
[22] m1 < heartbeat-response m3 term=1 round=1

> read m2
> run 5
[24] m1 < read-index m2 term=1
[24] m1     read round 2 for 1 at index=1
[25] m2 < heartbeat m1 term=1 commit=1 round=2
[25] m3 < heartbeat m1 term=1 commit=1 round=2
[26] m1 < heartbeat-response m2 term=1 round=2
[26] m1 < heartbeat-response m3 term=1 round=2
[27] m2 < read-index-response m1 term=1 index=1
[27] m2 read 2 ready at 1

> read m1
> read m1
> read m1
> read m1
> read m1
> read m1
> run 3
[28] m1     read round 3 for 1 at index=1
[28] m1     read round 4 for 1 at index=1
[28] m1     read round 5 for 1 at index=1
[28] m1     read round 6 for 1 at index=1
[29] m2 < heartbeat m1 term=1 commit=1 round=3
[29] m3 < heartbeat m1 term=1 commit=1 round=3
[29] m2 < heartbeat m1 term=1 commit=1 round=4
[29] m3 < heartbeat m1 term=1 commit=1 round=4
[29] m2 < heartbeat m1 term=1 commit=1 round=5
[29] m3 < heartbeat m1 term=1 commit=1 round=5
[29] m2 < heartbeat m1 term=1 commit=1 round=6
[29] m3 < heartbeat m1 term=1 commit=1 round=6
[30] m1 < heartbeat-response m2 term=1 round=3
[30] m1 read 3 ready at 1
[30] m1     read round 7 for 2 at index=1
[30] m1 < heartbeat-response m3 term=1 round=3
[30] m1 < heartbeat-response m2 term=1 round=4
[30] m1 read 4 ready at 1
[30] m1 < heartbeat-response m3 term=1 round=4
[30] m1 < heartbeat-response m2 term=1 round=5
[30] m1 read 5 ready at 1
[30] m1 < heartbeat-response m3 term=1 round=5
[30] m1 < heartbeat-response m2 term=1 round=6
[30] m1 read 6 ready at 1
[30] m1 < heartbeat-response m3 term=1 round=6
[31] m2 < heartbeat m1 term=1 commit=1 round=7
[31] m3 < heartbeat m1 term=1 commit=1 round=7

# A new leader does not answer before an entry of its own term is committed (paper 8): here its disk is late.
> quiet
> crash m1
> late m2 30
> late m3 30
> elect m2
> run 66
> loud
> read m2
> run 40
[127] m2 < append-entries-response m3 term=2 has 2
[127] m2     commit=2
[127] m2     read round 1 for 1 at index=2
[127] m2 applies 2@2
[128] m3 < append-entries m2 term=2 after 2@2: nothing; commit=2
[128] m3 applies 2@2
[128] m3 < heartbeat m2 term=2 commit=2 round=1
[129] m2 < heartbeat-response m3 term=2 round=1
[129] m2 read 9 ready at 2
