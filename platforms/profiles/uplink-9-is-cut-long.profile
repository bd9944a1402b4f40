# The uplink of a training pair: down for 20 s.
28 0
48 1
