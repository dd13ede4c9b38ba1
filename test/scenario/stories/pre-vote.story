# A member that was cut off comes back and does not disturb: its term has not grown, and nobody listens to it.
> cluster 3
> quiet
> boot all
> elect m1
> run 200
> cut m3
> run 5000
> show
m1 leader term=1 commit=1 log 0@0 | 1@1
m2 follower term=1 commit=1 log 0@0 | 1@1
m3 pre-candidate term=1 commit=1 log 0@0 | 1@1

> heal
> loud
> timeout m3
> run 3
[5200] m3     election not decided -> pre-candidate for term=2
[5201] m1 < pre-vote m3 term=2 last=1@1
[5201] m1     leader heard lately -> ignored
[5201] m2 < pre-vote m3 term=2 last=1@1
[5201] m2     leader heard lately -> ignored

> quiet
> run 300
> show
m1 leader term=1 commit=1 log 0@0 | 1@1
m2 follower term=1 commit=1 log 0@0 | 1@1
m3 follower term=1 commit=1 log 0@0 | 1@1
