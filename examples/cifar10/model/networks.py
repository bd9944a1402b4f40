"""The two networks of the CIFAR-10 example and how they are trained: names, shapes, first parameters and steps are those of
the C++ program (core/torch/image_classifier.cpp, image_optimizers.cpp).
"""
import math

import torch
import torch.nn.functional as F

from images import Random


class Layer(torch.nn.Module):
    """Parameters of one layer. Weights are drawn by the example's generator, torch's is not used."""

    def draw_weight(self, name, shape, limit, seed):
        """Uniform in +-limit, seeded by the layer's name."""
        random = Random(seed, name + ".weight")
        values = [(2.0 * random.uniform() - 1.0) * limit for _ in range(math.prod(shape))]
        self.weight = torch.nn.Parameter(torch.tensor(values, dtype=torch.float64).float().reshape(shape))

    def fill(self, name, size, value):
        self.register_parameter(name, torch.nn.Parameter(torch.full((size,), value)))


class TinyNetwork(torch.nn.Module):
    """One convolution and one linear layer; first parameters as in Keras (Glorot and Bengio 2010)."""

    batch_size = 32
    label_smoothing = 0.0

    def __init__(self, seed):
        super().__init__()
        self.conv, self.fc = Layer(), Layer()
        self.conv.draw_weight("conv", (32, 3, 3, 3), math.sqrt(6.0 / (27 + 288)), seed)
        self.conv.fill("bias", 32, 0.0)
        self.fc.draw_weight("fc", (10, 32 * 32 * 32), math.sqrt(6.0 / (32768 + 10)), seed)
        self.fc.fill("bias", 10, 0.0)

    def forward(self, images):
        x = F.relu(F.conv2d(images, self.conv.weight, self.conv.bias, padding=1))
        return F.linear(x.flatten(1), self.fc.weight, self.fc.bias)

    def optimizer(self):
        return torch.optim.RMSprop(self.parameters(), lr=1e-4, alpha=0.9, eps=1e-7)

    @staticmethod
    def rate(step, total):
        """The learning rate of step `step`, from 0, of `total`: as in Keras 2."""
        return 1e-4 / (1.0 + 1e-6 * step)


class CnnNetwork(torch.nn.Module):
    """Four blocks of convolution without bias, batch normalisation and ReLU; the last one has a residual connection (He et
    al. 2016).
    """

    batch_size = 16
    label_smoothing = 0.1
    channels = (3, 24, 48, 96, 96)

    def __init__(self, seed):
        super().__init__()
        for number, (before, after) in enumerate(zip(self.channels, self.channels[1:]), start=1):
            norm, conv = Layer(), Layer()
            self.add_module(f"norm{number}", norm)
            self.add_module(f"conv{number}", conv)
            # He et al. 2015: variance 2 / fan-in.
            conv.draw_weight(f"conv{number}", (after, before, 3, 3), math.sqrt(6.0 / (9 * before)), seed)
            norm.fill("weight", after, 1.0)
            norm.fill("bias", after, 0.0)
            norm.register_buffer("running_mean", torch.zeros(after))
            norm.register_buffer("running_var", torch.ones(after))
        self.fc = Layer()
        self.fc.draw_weight("fc", (10, 96), math.sqrt(1.0 / 96), seed)
        self.fc.fill("bias", 10, 0.0)

    def forward(self, images):
        # Channels last makes oneDNN's convolutions an eighth faster.
        x = ((images - 0.473) * 4.0).contiguous(memory_format=torch.channels_last)
        x = self._activate(self.norm1, F.max_pool2d(self._convolve(self.conv1, x), 2))
        x = self._activate(self.norm2, F.max_pool2d(self._convolve(self.conv2, x), 2))
        x = self._activate(self.norm3, self._convolve(self.conv3, x))
        x = x + self._activate(self.norm4, self._convolve(self.conv4, x))
        return F.linear(torch.amax(x, (2, 3)), self.fc.weight, self.fc.bias)

    @staticmethod
    def _convolve(layer, x):
        return F.conv2d(x, layer.weight, padding=1)

    def _activate(self, norm, x):
        return F.relu(F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, self.training, 0.1,
                                   1e-5))

    def optimizer(self):
        weights = [parameter for parameter in self.parameters() if parameter.dim() > 1]
        others = [parameter for parameter in self.parameters() if parameter.dim() <= 1]
        return torch.optim.SGD([{"params": weights, "weight_decay": 5e-4}, {"params": others}], lr=0.02, momentum=0.9,
                               nesterov=True)

    @staticmethod
    def rate(step, total):
        """The learning rate of step `step`, from 0, of `total`: one cycle (Smith 2018), linear in both phases."""
        done = min(1.0, step / max(total, 1))
        rise, first, last = 0.05, 0.1, 0.2
        share = (first + (1.0 - first) * done / rise if done < rise else
                 last + (1.0 - last) * (1.0 - done) / (1.0 - rise))
        return 0.02 * share


NETWORKS = {"tiny": TinyNetwork, "cnn": CnnNetwork}
