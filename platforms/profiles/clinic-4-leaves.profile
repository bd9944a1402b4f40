# The host of a training pair: off for 8 s, again 80 s later, and so on.
21 0
29 1
LOOPAFTER 51
