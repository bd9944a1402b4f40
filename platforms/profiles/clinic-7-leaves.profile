# The host of a training pair: off for 8 s, again 80 s later, and so on.
54 0
62 1
LOOPAFTER 18
