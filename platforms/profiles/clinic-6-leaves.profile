# The host of a training pair: off for 8 s, again 80 s later, and so on.
43 0
51 1
LOOPAFTER 29
