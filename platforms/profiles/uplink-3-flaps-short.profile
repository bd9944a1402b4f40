# The uplink of a training pair: down for 2 s in every 15 s.
10 0
12 1
LOOPAFTER 3
