# The host of a training pair: off for 5 s.
12 0
17 1
