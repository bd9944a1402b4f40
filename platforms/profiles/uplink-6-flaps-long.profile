# The uplink of a training pair: down for 12 s in every 50 s.
20 0
32 1
LOOPAFTER 18
