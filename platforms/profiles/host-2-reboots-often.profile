# The host of the second SN: off for 3 s, again and again.
45 0
48 1
LOOPAFTER 15
