# The host of a training pair: off for good.
20 0
