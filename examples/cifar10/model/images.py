"""Images for the CIFAR-10 example: which ones a member trains on, and in which order.

Parts and orders are those of the C++ program (core/torch/batches.cpp), drawn by the same generator, so that one seed gives
both programs the same batches.
"""
import os
import re
from pathlib import Path

import numpy as np
import torch

from swarmlearning.client.swarm import SwarmError

RECORD_BYTES = 1 + 3 * 32 * 32
MASK = (1 << 64) - 1
BYTE_SCALE = float(np.float32(1) / np.float32(255))


class Random:
    """xoshiro256** seeded by SplitMix64 (Blackman and Vigna 2018), as in core/base/random.cpp.

    Args:
        seed, name: one generator for everything with a name
    """

    def __init__(self, seed, name):
        hashed = 0xCBF29CE484222325  # FNV-1a
        for byte in name.encode():
            hashed = ((hashed ^ byte) * 0x100000001B3) & MASK
        state = self._split_mix(seed ^ hashed)[1]
        self._state = []
        for _ in range(4):
            state, word = self._split_mix(state)
            self._state.append(word)

    @staticmethod
    def _split_mix(state):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return state, z ^ (z >> 31)

    def next(self):
        a, b, c, d = self._state
        product = (b * 5) & MASK
        result = (((product << 7) | (product >> 57)) * 9) & MASK
        c ^= a
        d ^= b
        self._state = [a ^ d, b ^ c, c ^ ((b << 17) & MASK), ((d << 45) | (d >> 19)) & MASK]
        return result

    def below(self, bound):
        """Evenly out of 0 to bound - 1."""
        threshold = (1 << 64) % bound
        while True:
            value = self.next()
            if value >= threshold:
                return value % bound

    def uniform(self):
        """Evenly out of [0, 1), 53 random bits."""
        return (self.next() >> 11) * 2.0**-53

    def shuffle(self, values):
        for i in range(len(values), 1, -1):
            other = self.below(i)
            values[i - 1], values[other] = values[other], values[i - 1]


def read_file(path):
    """Labels and images (N x 3 x 32 x 32 bytes) of a file of CIFAR-10's binary version."""
    data = np.fromfile(path, dtype=np.uint8)
    if data.size != 10_000 * RECORD_BYTES:
        raise SwarmError(f"CIFAR-10: {path} has {data.size} bytes, the binary version has {10_000 * RECORD_BYTES}; "
                         "fetch it again", code=1)
    records = data.reshape(-1, RECORD_BYTES)
    return records[:, 0].astype(np.int64), records[:, 1:].reshape(-1, 3, 32, 32)


def read_cifar10(directory):
    """Training and test set. SwarmError (code 1) names the file that is missing or damaged."""
    folder = directory / "cifar-10-batches-bin"
    folder = folder if folder.is_dir() else directory
    files = [folder / f"data_batch_{number}.bin" for number in range(1, 6)] + [folder / "test_batch.bin"]
    for path in files:
        if not path.is_file():
            raise SwarmError(f"CIFAR-10: {path} is missing; get-data fetches the binary version", code=1)
    parts = [read_file(path) for path in files]
    labels, images = zip(*parts[:5])
    return (np.concatenate(labels), np.concatenate(images)), parts[5]


def draw_images(count, seed):
    """Stripes whose direction and colours tell the class, a little shifted and under noise: ten classes in turn. (The C++
    program draws others.)
    """
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % 10
    y, x = np.mgrid[0:32, 0:32]
    images = np.empty((count, 3, 32, 32), dtype=np.uint8)
    for index, label in enumerate(labels):
        angle = np.pi * label / 10
        stripes = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 0.6 + random.uniform(0, np.pi / 2))
        colour = 0.5 + 0.5 * np.cos(label + np.arange(3))
        picture = 128 + 60 * stripes[None] * colour[:, None, None] + random.normal(0, 40, (3, 32, 32))
        images[index] = np.clip(picture, 0, 255).astype(np.uint8)
    return labels, images


def load_data(drawn_train, drawn_test):
    """A name, the training set and the test set: of DATA_DIR, or drawn."""
    directory = os.environ.get("DATA_DIR", "")
    if directory:
        return "CIFAR-10", *read_cifar10(Path(directory))
    return "drawn images", draw_images(drawn_train, 1), draw_images(drawn_test, 2)


def shard():
    """This member's number, from 1, and the number of parts."""
    count = int(os.environ.get("SHARD_COUNT", 0)) or int(os.environ.get("MIN_PEERS", 2))
    number = re.search(r"\d+$", os.environ.get("SWARM_ML_NAME", "ml1"))
    index = int(os.environ.get("SHARD_INDEX", 0)) or int(number.group() if number else 0)
    if not 1 <= index <= count:
        raise SwarmError(f"SHARD_INDEX is {index}: set it to a number from 1 to SHARD_COUNT, which is {count}")
    return index, count


class Batches:
    """This member's part of a training set, in an order of its own in each epoch: as many images as the others have, and
    none of theirs.
    """

    def __init__(self, data, batch_size, seed):
        self._labels, self._images = data
        self._batch_size = batch_size
        self._seed = seed
        self._shard, count = shard()
        everything = list(range(len(self._labels)))
        Random(0, "iid partition").shuffle(everything)
        length = len(everything) // count
        self.part = sorted(everything[(self._shard - 1) * length:self._shard * length])

    def __len__(self):
        """Batches in an epoch."""
        return (len(self.part) + self._batch_size - 1) // self._batch_size

    def epoch(self, number):
        """The batches of epoch `number`, from 0: labels (B) and images (B x 3 x 32 x 32, 0 to 1)."""
        order = list(self.part)
        Random(self._seed, f"epoch {number + 1} shard {self._shard}").shuffle(order)
        for first in range(0, len(order), self._batch_size):
            chosen = order[first:first + self._batch_size]
            yield torch.from_numpy(self._labels[chosen]), scaled(self._images[chosen])


def scaled(images):
    """Bytes as inputs of a network, 0 to 1."""
    return torch.from_numpy(images).float() * BYTE_SCALE
