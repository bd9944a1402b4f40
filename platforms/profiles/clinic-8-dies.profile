# The host of a training pair: off for good.
35 0
