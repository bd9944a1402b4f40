# The host of a training pair: off for 8 s, again 80 s later, and so on.
32 0
40 1
LOOPAFTER 40
