# The uplink of a training pair: 200 ms one way, then 5 ms again. Seconds.
20 0.2
50 0.005
