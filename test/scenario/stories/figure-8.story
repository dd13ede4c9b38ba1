# Paper, figure 8: an entry of an old term on a majority is not committed by that. (a) m1 led term 2 and has 2@2 on m2;
# (b) m5 led term 3 and has its own 2@3. One entry per append, to see every state.
> cluster 5
> window 1
> log m1 1@1 2@2
> log m2 1@1 2@2
> log m3 1@1
> log m4 1@1
> log m5 1@1 2@3
> term m1 3
> term m2 3
> term m3 3
> term m4 3
> boot all
> show
m1 follower term=3 commit=0 log 0@0 | 1@1 2@2
m2 follower term=3 commit=0 log 0@0 | 1@1 2@2
m3 follower term=3 commit=0 log 0@0 | 1@1
m4 follower term=3 commit=0 log 0@0 | 1@1
m5 follower term=3 commit=0 log 0@0 | 1@1 2@3

# (c) m1 leads again, term 4, and brings 2@2 to m3: three of five have it. It is not committed.
> quiet
> cut m1>m4 m1>m5
> elect m1
> run 5
> cut m1>m2
> run 5.5
> cut m1>m3
> loud
> run 5
> show
[11] m1 < append-entries-response m3 term=4 has 2
m1 leader term=4 commit=0 log 0@0 | 1@1 2@2 3@4
m2 follower term=4 commit=0 log 0@0 | 1@1 2@2
m3 follower term=4 commit=0 log 0@0 | 1@1 2@2
m4 follower term=3 commit=0 log 0@0 | 1@1
m5 follower term=3 commit=0 log 0@0 | 1@1 2@3

# (d) m1 dies. m5 cannot win term 4, in which m2 and m3 have voted, but wins term 5 and replaces 2@2.
> quiet
> crash m1
> elect m5
> run 10
> elect m5
> run 40
> show
m1 down
m2 follower term=5 commit=3 log 0@0 | 1@1 2@3 3@5
m3 follower term=5 commit=3 log 0@0 | 1@1 2@3 3@5
m4 follower term=5 commit=3 log 0@0 | 1@1 2@3 3@5
m5 leader term=5 commit=3 log 0@0 | 1@1 2@3 3@5

# m1 comes back and takes over what term 5 decided.
> heal
> boot m1
> run 300
> show
m1 follower term=5 commit=3 log 0@0 | 1@1 2@3 3@5
m2 follower term=5 commit=3 log 0@0 | 1@1 2@3 3@5
m3 follower term=5 commit=3 log 0@0 | 1@1 2@3 3@5
m4 follower term=5 commit=3 log 0@0 | 1@1 2@3 3@5
m5 leader term=5 commit=3 log 0@0 | 1@1 2@3 3@5
