# The host of a training pair: off for 8 s, again 80 s later, and so on.
65 0
73 1
LOOPAFTER 7
