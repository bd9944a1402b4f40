# The uplink of a training pair: down for 1 s in every 15 s.
10 0
11 1
LOOPAFTER 4
