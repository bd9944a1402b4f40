"""The cost of on_batch_end between two rounds, alone (SWARM_LOOPBACK), in microseconds.

usage: SWARM_LOOPBACK=True PYTHONPATH=build/python /usr/bin/python3 bench/round/batch_end.py
"""
import statistics
import timeit

import numpy

from swarmlearning.np import SwarmCallback

swarm = SwarmCallback(2**30, 1, model={"weight": numpy.zeros(1000, dtype="float32")})
swarm.on_train_begin()
calls = 100_000
times = timeit.repeat(swarm.on_batch_end, number=calls, repeat=9)
print(f"on_batch_end without a round: median {1e6 * statistics.median(times) / calls:.3f} us, "
      f"slowest of 9 {1e6 * max(times) / calls:.3f} us")
