# The host of a training pair: off for 8 s, again 80 s later, and so on.
10 0
18 1
LOOPAFTER 62
