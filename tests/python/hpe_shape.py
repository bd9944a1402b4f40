"""A script as HPE's documentation has users write them: plain loops, the four hooks, the documented arguments, and a
validation set. Two classes of points in the plane stand for its images.
"""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from swarmlearning.pyt import SwarmCallback
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(2, 16)
        self.norm = nn.BatchNorm1d(16)
        self.dropout = nn.Dropout(0.2)
        self.dense2 = nn.Linear(16, 2)

    def forward(self, x):
        x = self.dropout(F.relu(self.norm(self.dense(x))))
        return F.log_softmax(self.dense2(x), dim=1)


def train(model, device, loader, optimizer, epoch, swarmCallback):
    model.train()
    for batchIdx, (data, target) in enumerate(loader):
        data, target = data.to(device), target.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if swarmCallback is not None:
            swarmCallback.on_batch_end()


def points(count):
    data = torch.randn(count, 2)
    return TensorDataset(data, (data.sum(dim=1) > 0).long())


def main():
    max_epochs = int(os.getenv("MAX_EPOCHS", "2"))
    min_peers = int(os.getenv("MIN_PEERS", "2"))
    device = torch.device("cpu")
    train_loader = DataLoader(points(640), batch_size=16, shuffle=True)
    test_loader = DataLoader(points(200), batch_size=100)
    model = Net().to(device)
    opt = torch.optim.Adam(model.parameters(), lr=0.01)
    swarmCallback = SwarmCallback(syncFrequency=16, minPeers=min_peers, useAdaptiveSync=False, adsValData=test_loader,
                                  adsValBatchSize=100, model=model, totalEpochs=max_epochs, lossFunction="NLLLoss",
                                  lossFunctionArgs={"reduction": "sum"}, mlPlatform="PYTORCH", nodeWeightage=50,
                                  mergeMethod="coordmedian")
    swarmCallback.logger.setLevel("DEBUG")
    swarmCallback.on_train_begin()
    for epoch in range(1, max_epochs + 1):
        train(model, device, train_loader, opt, epoch, swarmCallback)
        swarmCallback.on_epoch_end(epoch)
        if swarmCallback.isSwarmTrainingOver:
            break
    swarmCallback.on_train_end()
    swarmCallback.logger.info("%d epochs; the script ends with digest %s", swarmCallback.epochsCompleted,
                              swarmCallback.digest)


if __name__ == "__main__":
    main()
