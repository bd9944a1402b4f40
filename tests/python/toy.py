"""A training program with numpy, for tests with real processes: the counterpart of tests/support/toy_ml.cpp, with the
same layout. Each member pulls its parameters towards a target drawn from its own name; its momentum is the state that
it keeps.

    toy.py [--elements N] [--batches N] [--sync N] [--dtype float32] [--form callback|loop|client] [--fail-at BATCH]
           [--nan-at BATCH] [--wait-limit S] [--without-end]
"""
import argparse
import os
import zlib

import numpy

from swarmlearning.loop import SwarmLoop
from swarmlearning.np import SwarmCallback
from swarmlearning.numpy_client import run


class Momentum:
    def __init__(self, array):
        self.array = array

    def save(self):
        return self.array.tobytes()

    def load(self, data):
        self.array[...] = numpy.frombuffer(data, self.array.dtype)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--elements", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--sync", type=int, default=16)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--form", default="callback")
    parser.add_argument("--fail-at", type=int, default=0)
    parser.add_argument("--nan-at", type=int, default=0)
    parser.add_argument("--without-end", action="store_true")
    parser.add_argument("--wait-limit", type=float, default=0)
    return parser.parse_args()


def pull(weight, speed, batch):
    name = os.environ.get("SWARM_ML_NAME", "ml1")
    random = numpy.random.default_rng([zlib.crc32(name.encode()), batch])
    target = random.random(weight.size, dtype=numpy.float32).astype(weight.dtype)
    speed *= weight.dtype.type(0.5)
    speed += weight.dtype.type(0.05) * (target - weight)
    weight += speed


def with_callback(flags, peers):
    weight = numpy.zeros(flags.elements, flags.dtype)
    speed = numpy.zeros_like(weight)
    swarm = SwarmCallback(flags.sync, peers, model={"weight": weight}, state=Momentum(speed), waitLimit=flags.wait_limit,
                          checkinModelOnTrainEnd="active")
    swarm.on_train_begin()
    for _ in swarm.epochs(1):
        for batch in swarm.batches(range(1, flags.batches + 1)):
            pull(weight, speed, batch)
            if batch == flags.fail_at:
                raise ValueError(f"told to fail at batch {batch}")
            if batch == flags.nan_at:
                weight[3] = numpy.nan
            swarm.on_batch_end()
    if flags.without_end:
        return
    swarm.on_train_end()
    swarm.logger.info("toy.py ends with digest %s", swarm.digest)


def with_loop(flags, peers):
    weight = numpy.zeros(flags.elements, flags.dtype)
    speed = numpy.zeros_like(weight)
    loop = SwarmLoop({"weight": weight}, peers, rounds=flags.batches // flags.sync)
    while loop.is_running():
        weight = loop.receive()["weight"]
        pull(weight, speed, 1)
        loop.send({"weight": weight})
    loop.logger.info("toy.py ends with digest %s", loop.digest)


class Trainer:
    """Of the shape of Flower's NumPyClient."""

    def __init__(self, flags):
        self.weight = numpy.zeros(flags.elements, flags.dtype)
        self.speed = numpy.zeros_like(self.weight)

    def get_parameters(self, config):
        return [self.weight]

    def fit(self, parameters, config):
        self.weight = parameters[0]
        pull(self.weight, self.speed, config["server_round"])
        return [self.weight], 10, {"loss": 0.5}

    def evaluate(self, parameters, config):
        return float(parameters[0].mean()), 10, {}


def main():
    flags = parse()
    peers = int(os.environ.get("MIN_PEERS", 2))
    if flags.form == "client":
        final = run(Trainer(flags), peers, rounds=flags.batches // flags.sync)
        print("toy.py ends with crc", zlib.crc32(final[0].tobytes()))
    else:
        {"callback": with_callback, "loop": with_loop}[flags.form](flags, peers)


if __name__ == "__main__":
    main()
