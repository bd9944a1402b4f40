# The host of the first SN: off for 6 s.
20 0
26 1
