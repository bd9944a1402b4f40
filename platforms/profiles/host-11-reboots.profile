# The host of a training pair: off for 3 s.
40 0
43 1
