# The uplink of a training pair: 5 Mbit/s, then 100 Mbit/s again. Bytes per second.
10 625000
60 12500000
