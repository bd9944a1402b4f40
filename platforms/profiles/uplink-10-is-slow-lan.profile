# The uplink of a training pair: 50 Mbit/s, then 1 Gbit/s again. Bytes per second.
52 6250000
70 125000000
