# Paper, figure 7: the leader of term 8 (m1) repairs six followers, with the logs (a) to (f), each by a few probes.
> cluster 7
> log m1 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6
> log m2 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6
> log m3 1@1 2@1 3@1 4@4
> log m4 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@6
> log m5 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@7 12@7
> log m6 1@1 2@1 3@1 4@4 5@4 6@4 7@4
> log m7 1@1 2@1 3@1 4@2 5@2 6@2 7@3 8@3 9@3 10@3 11@3
> term m1 7
> quiet
> boot all
> elect m1
> run 2
> loud
> run 12
> show
[4] m2 < request-vote m1 term=8 last=10@6
[4] m2     log 9@6 -> grant
[4] m2 is follower, term=8, leader=nobody
[4] m3 < request-vote m1 term=8 last=10@6
[4] m3     log 4@4 -> grant
[4] m3 is follower, term=8, leader=nobody
[4] m4 < request-vote m1 term=8 last=10@6
[4] m4     log 11@6 -> refuse
[4] m4 is follower, term=8, leader=nobody
[4] m5 < request-vote m1 term=8 last=10@6
[4] m5     log 12@7 -> refuse
[4] m5 is follower, term=8, leader=nobody
[4] m6 < request-vote m1 term=8 last=10@6
[4] m6     log 7@4 -> grant
[4] m6 is follower, term=8, leader=nobody
[4] m7 < request-vote m1 term=8 last=10@6
[4] m7     log 11@3 -> grant
[4] m7 is follower, term=8, leader=nobody
[6] m1 < request-vote-response m2 term=8 granted
[6] m1 < request-vote-response m3 term=8 granted
[6] m1 < request-vote-response m4 term=8 refused
[6] m1 < request-vote-response m5 term=8 refused
[6] m1 < request-vote-response m6 term=8 granted
[6] m1     elected in term=8
[6] m1     leader is m1
[6] m1 is leader, term=8, leader=m1
[6] m1 < request-vote-response m7 term=8 granted
[7] m2 < append-entries m1 term=8 after 10@6: 11@8; commit=0
[7] m2     leader is m1
[7] m2     no 10@6 here -> refuse, hint 9@6
[7] m2 is follower, term=8, leader=m1
[7] m3 < append-entries m1 term=8 after 10@6: 11@8; commit=0
[7] m3     leader is m1
[7] m3     no 10@6 here -> refuse, hint 4@4
[7] m3 is follower, term=8, leader=m1
[7] m4 < append-entries m1 term=8 after 10@6: 11@8; commit=0
[7] m4     leader is m1
[7] m4     replaces 11..11
[7] m4 is follower, term=8, leader=m1
[7] m5 < append-entries m1 term=8 after 10@6: 11@8; commit=0
[7] m5     leader is m1
[7] m5     replaces 11..12
[7] m5 is follower, term=8, leader=m1
[7] m6 < append-entries m1 term=8 after 10@6: 11@8; commit=0
[7] m6     leader is m1
[7] m6     no 10@6 here -> refuse, hint 7@4
[7] m6 is follower, term=8, leader=m1
[7] m7 < append-entries m1 term=8 after 10@6: 11@8; commit=0
[7] m7     leader is m1
[7] m7     no 10@6 here -> refuse, hint 10@3
[7] m7 is follower, term=8, leader=m1
[8] m1 < append-entries-response m2 term=8 refuses 10, hint 9@6
[8] m1     m2 is probed at 9
[8] m1 < append-entries-response m3 term=8 refuses 10, hint 4@4
[8] m1     m3 is probed at 4
[8] m1 < append-entries-response m6 term=8 refuses 10, hint 7@4
[8] m1     m6 is probed at 5
[8] m1 < append-entries-response m7 term=8 refuses 10, hint 10@3
[8] m1     m7 is probed at 3
[9] m2 < append-entries m1 term=8 after 9@6: 10@6 e10@6, 11@8; commit=0
[9] m3 < append-entries m1 term=8 after 4@4: 5@4 e5@4, 6@5 e6@5, 7@5 e7@5, 8@6 e8@6, 9@6 e9@6, 10@6 e10@6, 11@8; commit=0
[9] m1 < append-entries-response m4 term=8 has 11
[9] m1 < append-entries-response m5 term=8 has 11
[9] m6 < append-entries m1 term=8 after 5@4: 6@5 e6@5, 7@5 e7@5, 8@6 e8@6, 9@6 e9@6, 10@6 e10@6, 11@8; commit=0
[9] m6     replaces 6..7
[9] m7 < append-entries m1 term=8 after 3@1: 4@4 e4@4, 5@4 e5@4, 6@5 e6@5, 7@5 e7@5, 8@6 e8@6, 9@6 e9@6, 10@6 e10@6, 11@8; commit=0
[9] m7     replaces 4..11
[11] m1 < append-entries-response m2 term=8 has 11
[11] m1     commit=11
[11] m1 applies 1@1 e1@1, 2@1 e2@1, 3@1 e3@1, 4@4 e4@4, 5@4 e5@4, 6@5 e6@5, 7@5 e7@5, 8@6 e8@6, 9@6 e9@6, 10@6 e10@6, 11@8
[11] m1 < append-entries-response m3 term=8 has 11
[11] m1 < append-entries-response m6 term=8 has 11
[11] m1 < append-entries-response m7 term=8 has 11
[12] m2 < append-entries m1 term=8 after 11@8: nothing; commit=11
[12] m2 applies 1@1 e1@1, 2@1 e2@1, 3@1 e3@1, 4@4 e4@4, 5@4 e5@4, 6@5 e6@5, 7@5 e7@5, 8@6 e8@6, 9@6 e9@6, 10@6 e10@6, 11@8
[12] m4 < append-entries m1 term=8 after 11@8: nothing; commit=11
[12] m4 applies 1@1 e1@1, 2@1 e2@1, 3@1 e3@1, 4@4 e4@4, 5@4 e5@4, 6@5 e6@5, 7@5 e7@5, 8@6 e8@6, 9@6 e9@6, 10@6 e10@6, 11@8
[12] m5 < append-entries m1 term=8 after 11@8: nothing; commit=11
[12] m5 applies 1@1 e1@1, 2@1 e2@1, 3@1 e3@1, 4@4 e4@4, 5@4 e5@4, 6@5 e6@5, 7@5 e7@5, 8@6 e8@6, 9@6 e9@6, 10@6 e10@6, 11@8
[14] m1 < append-entries-response m2 term=8 has 11
[14] m1 < append-entries-response m4 term=8 has 11
[14] m1 < append-entries-response m5 term=8 has 11
m1 leader term=8 commit=11 log 0@0 | 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@8
m2 follower term=8 commit=11 log 0@0 | 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@8
m3 follower term=8 commit=0 log 0@0 | 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@8
m4 follower term=8 commit=11 log 0@0 | 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@8
m5 follower term=8 commit=11 log 0@0 | 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@8
m6 follower term=8 commit=0 log 0@0 | 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@8
m7 follower term=8 commit=0 log 0@0 | 1@1 2@1 3@1 4@4 5@4 6@5 7@5 8@6 9@6 10@6 11@8
