# The uplink of a training pair: 5 Mbit/s, then 100 Mbit/s again. Bytes per second.
52 625000
70 12500000
