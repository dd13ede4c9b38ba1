# A learner (m4) gets the log and may read, but is not counted: with two voters away nothing is committed, and it never
# campaigns.
> cluster 3 learners 1
> quiet
> boot all
> elect m1
> run 20
> cut m2 m3
> loud
> propose m1 a
> run 4
[21] m4 < append-entries m1 term=1 after 1@1: 2@1 a; commit=1
[21] m4 applies 1@1
[23] m1 < append-entries-response m4 term=1 has 2

> show
> quiet
> crash m1
> run 10000
> show
m1 leader term=1 commit=1 log 0@0 | 1@1 2@1
m2 follower term=1 commit=1 log 0@0 | 1@1
m3 follower term=1 commit=0 log 0@0 | 1@1
m4 follower term=1 commit=1 log 0@0 | 1@1 2@1
m1 down
m2 pre-candidate term=1 commit=1 log 0@0 | 1@1
m3 pre-candidate term=1 commit=0 log 0@0 | 1@1
m4 follower term=1 commit=1 log 0@0 | 1@1 2@1
