# m3 is away while the others compact their logs; it needs the state machine (paper 7), then follows again.
> cluster 3
> quiet
> boot all
> elect m1
> run 50
> crash m3
> propose m1 a b c
> run 20
> propose m1 d e
> run 20
> compact m1 keep 1
> compact m2 keep 1
> show
m1 leader term=1 commit=6 log 5@1 | 6@1
m2 follower term=1 commit=6 log 5@1 | 6@1
m3 down

> loud
> boot m3
> run 160
> show
[107] m2 < heartbeat m1 term=1 commit=6 round=0
[107] m3 < heartbeat m1 term=1 commit=1 round=0
[107] m3     leader is m1
[107] m3 applies 1@1
[107] m3 is follower, term=1, leader=m1
[108] m1 < heartbeat-response m2 term=1 round=0
[108] m1 < heartbeat-response m3 term=1 round=0
[109] m3 < append-entries m1 term=1 after 6@1: nothing; commit=6
[109] m3     no 6@1 here -> refuse, hint 1@1
[110] m1 < append-entries-response m3 term=1 refuses 6, hint 1@1
[110] m1     m3 is probed at 1
[110] m1     m3 needs 2, log begins at 6 -> snapshot
[111] m3 < install-snapshot m1 term=1 6@1
[111] m3     expects snapshot 6@1
[111] m3 waits for the data of snapshot 6 from m1
[130] m3     log starts after 6@1
[132] m1 < append-entries-response m3 term=1 has 6
[207] m2 < heartbeat m1 term=1 commit=6 round=0
[207] m3 < heartbeat m1 term=1 commit=6 round=0
[208] m1 < heartbeat-response m2 term=1 round=0
[208] m1 < heartbeat-response m3 term=1 round=0
m1 leader term=1 commit=6 log 5@1 | 6@1
m2 follower term=1 commit=6 log 5@1 | 6@1
m3 follower term=1 commit=6 log 6@1 | 

> propose m1 f
> run 4
[251] m2 < append-entries m1 term=1 after 6@1: 7@1 f; commit=6
[251] m3 < append-entries m1 term=1 after 6@1: 7@1 f; commit=6
[253] m1 < append-entries-response m2 term=1 has 7
[253] m1     commit=7
[253] m1 applies 7@1 f
[253] m1 < append-entries-response m3 term=1 has 7
[254] m2 < append-entries m1 term=1 after 7@1: nothing; commit=7
[254] m2 applies 7@1 f
[254] m3 < append-entries m1 term=1 after 7@1: nothing; commit=7
[254] m3 applies 7@1 f
