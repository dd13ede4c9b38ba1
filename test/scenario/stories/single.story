# A member alone does not wait for a timeout, but for its disk: issue 14370 of etcd is about one that did not.
> cluster 1
> late m1 5
> boot m1
> run 4
> run 20
[0] m1     alone -> pre-candidate for term=1
[0] m1     candidate in term=1
[0] m1 is candidate, term=1, leader=nobody
[5] m1     elected in term=1
[5] m1     leader is m1
[5] m1 is leader, term=1, leader=m1
[10] m1     commit=1
[10] m1 applies 1@1

> propose m1 a
> run 4
> read m1
> run 4
[28] m1 read 1 ready at 1
[29] m1     commit=2
[29] m1 applies 2@1 a
