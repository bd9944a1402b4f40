"""Trains a network on CIFAR-10 as a member of a swarm: HPE's example, with PyTorch.

    run-sl ... --ml-entrypoint=python3 --ml-cmd=model/cifar10.py --ml-e MIN_PEERS=2 --ml-e MAX_EPOCHS=1
    SWARM_LOOPBACK=True python3 model/cifar10.py          # alone, without a swarm
    SWARM_CALIBRATE=host.json python3 model/cifar10.py    # measures a batch, for simulations

Environment: DATA_DIR (folder with the binary version of CIFAR-10, see get-data; without it images are drawn),
MODEL_DIR (default "model"; the model is saved in its folder saved_models), MAX_EPOCHS (default 1), MIN_PEERS (default
2), SHARD_INDEX and SHARD_COUNT (this member's part of the images, from 1; default: the number at the end of its name,
and MIN_PEERS).
"""
import argparse
import os
from pathlib import Path

import torch
import torch.nn.functional as F

from images import Batches, load_data, scaled
from networks import NETWORKS
from swarmlearning.pyt import SwarmCallback


def accuracy(model, data):
    """How many images of `data` the model classifies correctly, and of how many."""
    labels, images = data
    model.eval()
    correct = 0
    with torch.no_grad():
        for first in range(0, len(labels), 200):
            outputs = model(scaled(images[first:first + 200]))
            correct += int((outputs.argmax(1).numpy() == labels[first:first + 200]).sum())
    return correct, len(labels)


def parse_flags():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=sorted(NETWORKS), default="tiny", help="tiny is HPE's network")
    parser.add_argument("--seed", type=int, default=1, help="of first parameters and order; the same for all members")
    parser.add_argument("--batch-size", type=int, help="default: the model's own, tiny 32, cnn 16")
    parser.add_argument("--sync-frequency", type=int, default=128, help="batches between rounds")
    parser.add_argument("--drawn-train", type=int, default=4000, help="drawn training images")
    parser.add_argument("--drawn-test", type=int, default=1000, help="drawn test images")
    parser.add_argument("--threads", type=int, default=1, help="other numbers may change the last bits of a sum")
    return parser.parse_args()


def main():
    flags = parse_flags()
    torch.set_num_threads(flags.threads)
    epochs = int(os.environ.get("MAX_EPOCHS", 1))

    source, train, test = load_data(flags.drawn_train, flags.drawn_test)
    model = NETWORKS[flags.model](flags.seed)
    batch_size = flags.batch_size or model.batch_size
    batches = Batches(train, batch_size, flags.seed)
    optimizer = model.optimizer()

    swarm = SwarmCallback(syncFrequency=flags.sync_frequency, minPeers=int(os.environ.get("MIN_PEERS", 2)), model=model,
                          optimizer=optimizer, totalEpochs=epochs, batchSize=batch_size,
                          workload=f"cifar10.py/{flags.model}/{batch_size}")
    swarm.logger.info("Data: %s, %d training and %d test images", source, len(batches.part), len(test[0]))
    swarm.on_train_begin()
    step = swarm.resumedEpochs * len(batches) + swarm.resumedBatches
    # epochs() and batches() leave out what an earlier start of this program has done.
    for epoch in swarm.epochs(epochs):
        for labels, images in swarm.batches(batches.epoch(epoch)):
            for group in optimizer.param_groups:
                group["lr"] = model.rate(step, epochs * len(batches))
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(images), labels, label_smoothing=model.label_smoothing)
            loss.backward()
            optimizer.step()
            step += 1
            swarm.on_batch_end(loss=loss.detach())
        swarm.logger.info("Epoch %d of %d done", epoch + 1, epochs)
    swarm.on_train_end()

    correct, count = accuracy(model, test)
    swarm.report("accuracy", correct / count)  # after the end: for traces and records of runs
    swarm.logger.info("Test accuracy %.2f %% (%d of %d images)", 100 * correct / count, correct, count)
    path = Path(os.environ.get("MODEL_DIR", "model")) / "saved_models" / "cifar10.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), path)
    swarm.logger.info("Final model: digest sha256:%s, saved in %s", swarm.digest, path)


if __name__ == "__main__":
    main()
