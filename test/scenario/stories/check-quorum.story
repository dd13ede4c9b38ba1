# A leader that hears nobody steps down; reads and proposals are given back. The others elect a new leader.
> cluster 3
> quiet
> boot all
> elect m1
> run 50
> cut m1
> loud
> read m1
> propose m1 lost
> quiet
> run 900
> show
[50] m1     read round 1 for 1 at index=1
m1 leader term=1 commit=1 log 0@0 | 1@1 2@1
m2 follower term=1 commit=1 log 0@0 | 1@1
m3 follower term=1 commit=0 log 0@0 | 1@1

> loud
> run 100
> read m1
> propose m1 refused
[1012] m1     quorum silent -> step down
[1012] m1     read refused, leader is m1
[1012] m1 read 1 dropped
[1012] m1 is follower, term=1, leader=nobody
[1050] m1     read refused, leader is nobody
[1050] m1 read 2 dropped
[1050] m1 drops 1 proposals: no-leader

> quiet
> run 2500
> heal
> run 1000
> show
m1 follower term=2 commit=2 log 0@0 | 1@1 2@2
m2 follower term=2 commit=2 log 0@0 | 1@1 2@2
m3 leader term=2 commit=2 log 0@0 | 1@1 2@2
