"""Trains the tiny network of the CIFAR-10 example as a member of a swarm: HPE's example, with PyTorch.

    run-sl ... --ml-entrypoint=python3 --ml-cmd=model/cifar10.py --ml-e MIN_PEERS=2 --ml-e MAX_EPOCHS=1
    SWARM_LOOPBACK=True python3 model/cifar10.py          # alone, without a swarm

Environment: DATA_DIR (folder with the binary version of CIFAR-10, see get-data; without it images are drawn),
MODEL_DIR (default "model"; the model is saved in its folder saved_models), MAX_EPOCHS (default 1), MIN_PEERS (default
2), SHARD_INDEX and SHARD_COUNT (this member's part of the images, from 1; default: the number at the end of its name,
and MIN_PEERS).
"""
import argparse
import os
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from swarmlearning.client.swarm import SwarmError
from swarmlearning.pyt import SwarmCallback

RECORD_BYTES = 1 + 3 * 32 * 32


class TinyNetwork(torch.nn.Module):
    """One convolution and one linear layer; names and shapes are those of the C++ program's model "tiny"."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 32, 3, padding=1)
        self.fc = torch.nn.Linear(32 * 32 * 32, 10)
        for layer in (self.conv, self.fc):  # as Keras does by default
            torch.nn.init.xavier_uniform_(layer.weight)
            torch.nn.init.zeros_(layer.bias)

    def forward(self, images):
        return self.fc(F.relu(self.conv(images)).flatten(1))


def read_file(path):
    """Labels and images, 0 to 1, of a file of CIFAR-10's binary version."""
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
    """Stripes whose direction and colours tell the class, a little shifted and under noise: ten classes in turn."""
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


def load_data(flags):
    directory = os.environ.get("DATA_DIR", "")
    if directory:
        return "CIFAR-10", *read_cifar10(Path(directory))
    return "drawn images", draw_images(flags.drawn_train, 1), draw_images(flags.drawn_test, 2)


def shard(data):
    """This member's part of the images: as many as the others', and none of theirs."""
    count = int(os.environ.get("SHARD_COUNT", 0)) or int(os.environ.get("MIN_PEERS", 2))
    number = re.search(r"\d+$", os.environ.get("SWARM_ML_NAME", "ml1"))
    index = int(os.environ.get("SHARD_INDEX", 0)) or int(number.group() if number else 0)
    if not 1 <= index <= count:
        raise SwarmError(f"SHARD_INDEX is {index}: set it to a number from 1 to SHARD_COUNT, which is {count}")
    labels, images = data
    order = np.random.default_rng(0).permutation(len(labels))[index - 1::count]
    return torch.from_numpy(labels[order]), torch.from_numpy(images[order])


def accuracy(model, data):
    labels, images = data
    correct = 0
    with torch.no_grad():
        for first in range(0, len(labels), 200):
            outputs = model(torch.from_numpy(images[first:first + 200]).float() / 255)
            correct += int((outputs.argmax(1).numpy() == labels[first:first + 200]).sum())
    return correct, len(labels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--sync-frequency", type=int, default=128)
    parser.add_argument("--drawn-train", type=int, default=4000)
    parser.add_argument("--drawn-test", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1, help="other numbers may change the last bits of a sum")
    flags = parser.parse_args()
    torch.manual_seed(flags.seed)
    torch.set_num_threads(flags.threads)
    epochs = int(os.environ.get("MAX_EPOCHS", 1))

    source, train, test = load_data(flags)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*shard(train)), flags.batch_size, shuffle=True)
    model = TinyNetwork()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, alpha=0.9, eps=1e-7)  # as Keras 2

    swarm = SwarmCallback(syncFrequency=flags.sync_frequency, minPeers=int(os.environ.get("MIN_PEERS", 2)), model=model,
                          optimizer=optimizer, totalEpochs=epochs, batchSize=flags.batch_size)
    swarm.logger.info("Data: %s, %d training and %d test images", source, len(loader.dataset), len(test[0]))
    swarm.on_train_begin()
    # epochs() and batches() leave out what an earlier start of this program has done.
    for epoch in swarm.epochs(epochs):
        for labels, images in swarm.batches(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images.float() / 255), labels)
            loss.backward()
            optimizer.step()
            swarm.on_batch_end(loss=loss.detach())
        swarm.logger.info("Epoch %d of %d done", epoch + 1, epochs)
    swarm.on_train_end()

    correct, count = accuracy(model, test)
    swarm.logger.info("Test accuracy %.2f %% (%d of %d images)", 100 * correct / count, correct, count)
    path = Path(os.environ.get("MODEL_DIR", "model")) / "saved_models" / "cifar10.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path)
    swarm.logger.info("Final model: digest sha256:%s, saved in %s", swarm.digest, path)


if __name__ == "__main__":
    main()
