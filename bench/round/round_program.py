"""round_program.cpp in Python: the same flags (without work and --durable), barrier and times, through the package
swarmlearning. bench/round/round starts it with --python.
"""
import argparse
import ctypes
import mmap
import os
import socket
import sys
import time

import numpy

from swarmlearning.np import SwarmCallback


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--elements", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--barrier", required=True)
    parser.add_argument("--start", required=True)
    parser.add_argument("--times", required=True)
    parser.add_argument("--ask-until", type=int, default=sys.maxsize)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--work", type=int, default=0, choices=[0], help="no work before a round: 0")
    flags = parser.parse_args()
    weight = numpy.full(flags.elements, 0.5, dtype="float32")
    swarm = SwarmCallback(1, int(os.environ.get("MIN_PEERS", 2)), model={"weight": weight},
                          checkinModelOnTrainEnd="active")
    barrier = socket.socket(socket.AF_UNIX)
    barrier.connect(flags.barrier)

    with open(flags.start, "rb+") as file:
        start = ctypes.byref(ctypes.c_char.from_buffer(mmap.mmap(file.fileno(), mmap.PAGESIZE)))
    barrier_wait = ctypes.CDLL(None).pthread_barrier_wait

    def wait(ask):
        if ask:
            barrier.sendall(b"\0")
            if barrier.recv(1) == b"":
                raise SystemExit("the benchmark that holds the barrier is gone")
        barrier_wait(start)

    swarm.on_train_begin()
    with open(flags.times, "w") as times:
        for number in range(1, flags.rounds + 1):
            time.sleep(flags.pause)
            wait(number <= flags.ask_until)
            begin = time.clock_gettime(time.CLOCK_MONOTONIC)
            swarm.on_batch_end()
            print(f"{number} {begin:.9f} {time.clock_gettime(time.CLOCK_MONOTONIC):.9f} 0.0", file=times, flush=True)
    wait(True)
    swarm.on_epoch_end()
    swarm.on_train_end()


main()
