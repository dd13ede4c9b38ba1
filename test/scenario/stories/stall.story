# A leader stalls for five seconds; the others elect another one. It wakes, takes one late tick and hears the news.
> cluster 3
> quiet
> boot all
> elect m1
> run 50
> stall m1 5000
> run 4990
> show
> run 20
> show
m1 leader term=1 commit=1 log 0@0 | 1@1
m2 follower term=2 commit=2 log 0@0 | 1@1 2@2
m3 leader term=2 commit=2 log 0@0 | 1@1 2@2
m1 follower term=2 commit=2 log 0@0 | 1@1 2@2
m2 follower term=2 commit=2 log 0@0 | 1@1 2@2
m3 leader term=2 commit=2 log 0@0 | 1@1 2@2

# A stalled follower wakes far behind its election deadline, and first hears what waits in its sockets: no campaign.
> run 300
> stall m1 4000
> run 4005
> show
m1 follower term=2 commit=2 log 0@0 | 1@1 2@2
m2 follower term=2 commit=2 log 0@0 | 1@1 2@2
m3 leader term=2 commit=2 log 0@0 | 1@1 2@2

# A leader that stalled with all others (a suspended machine) keeps leading: silence of a stall is no silence.
> stall m1 9000
> stall m2 9000
> stall m3 9000
> run 9300
> show
m1 follower term=2 commit=2 log 0@0 | 1@1 2@2
m2 follower term=2 commit=2 log 0@0 | 1@1 2@2
m3 leader term=2 commit=2 log 0@0 | 1@1 2@2
