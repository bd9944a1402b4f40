# The uplink of the third SN: down for 4 s.
34 0
38 1
