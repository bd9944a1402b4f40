"""PyTorch: modules whose state dict takes part in the swarm."""
from __future__ import annotations

import io
import math
import random
from typing import Any, Dict, List, Optional, Sequence

import numpy
import torch

from .callback import SwarmCallbackBase, TensorSpec
from .client.swarm import SwarmError
from .options import DEFAULT_CONTRACT

_DTYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "U8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64",
}
# numpy has no type for these: their bits are seen as another of the same size.
_SEEN_AS = {torch.bfloat16: torch.int16, torch.bool: torch.uint8}


def _tensors(model: torch.nn.Module) -> Dict[str, torch.Tensor]:
    """Parameters, then buffers, of the state dict; a tensor under several names (tied weights) under the first one."""
    state = {name: value for name, value in model.state_dict().items() if isinstance(value, torch.Tensor)}
    parameters = [name for name, _ in model.named_parameters() if name in state]
    buffers = [name for name in state if name not in set(parameters)]
    seen = set()
    tensors = {}
    for name in parameters + buffers:
        value = state[name].detach()
        place = (value.device, value.data_ptr(), tuple(value.shape), value.stride(), value.dtype)
        if value.numel() > 0 and place in seen:
            continue
        seen.add(place)
        tensors[name] = value
    return tensors


class ModuleParameters:
    """The tensors of a module. Those in CPU memory are read and written where they are; others, and those that are not
    contiguous, by a copy in CPU memory.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._model = model
        self._copies: Dict[str, torch.Tensor] = {}
        self._tensors: Dict[str, torch.Tensor] = {}

    def specs(self) -> List[TensorSpec]:
        specs = []
        for name, tensor in _tensors(self._model).items():
            if tensor.dtype not in _DTYPES:
                raise SwarmError(f"SwarmCallback: tensor '{name}' is {tensor.dtype}, a type that can't be merged", code=1)
            specs.append((name, _DTYPES[tensor.dtype], tuple(tensor.shape)))
        return specs

    def arrays(self) -> Sequence[Any]:
        self._tensors = _tensors(self._model)
        self._copies = {}
        arrays = []
        for name, tensor in self._tensors.items():
            if tensor.device.type != "cpu" or not tensor.is_contiguous():
                tensor = self._copies[name] = tensor.cpu().contiguous()
            seen_as = _SEEN_AS.get(tensor.dtype)
            arrays.append((tensor if seen_as is None else tensor.view(seen_as)).numpy())
        return arrays

    def loaded(self) -> None:
        with torch.no_grad():
            for name, copy in self._copies.items():
                self._tensors[name].copy_(copy)
        self._copies = {}


class TrainingState:
    """Optimisers, schedules and random generators, which are kept at each round."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self._parts = parts
        self.epoch_start: Optional[Dict[str, Any]] = None  # generators before the epoch's first batch was drawn
        self.restored: Optional[Dict[str, Any]] = None  # generators to go on with

    def save(self) -> bytes:
        out = io.BytesIO()
        torch.save({"parts": [part.state_dict() for part in self._parts], "epoch_start": self.epoch_start,
                    "generators": generators()}, out)
        return out.getvalue()

    def load(self, data: bytes) -> None:
        # Written by this program into its node's own folder, so it may be a pickle: whoever can change it can change
        # the program. (The restricted reader of torch 1.13 refuses numbers.)
        kept = torch.load(io.BytesIO(data), map_location="cpu", weights_only=False)
        if len(kept["parts"]) != len(self._parts):
            raise ValueError("it is of other optimisers")
        before = [part.state_dict() for part in self._parts]
        try:
            for part, state in zip(self._parts, kept["parts"]):
                part.load_state_dict(state)
        except Exception:
            for part, state in zip(self._parts, before):
                part.load_state_dict(state)
            raise
        set_generators(kept["generators"])
        self.epoch_start, self.restored = kept["epoch_start"], kept["generators"]


def generators() -> Dict[str, Any]:
    """The states of the random generators of torch (CPU), numpy and Python."""
    kind, keys, position, has_gauss, gauss = numpy.random.get_state()
    version, numbers, gauss_next = random.getstate()
    return {"torch": torch.get_rng_state(),
            "numpy": (kind, torch.from_numpy(keys.astype("int64")), position, has_gauss, gauss),
            "python": (version, torch.tensor(numbers), gauss_next)}


def set_generators(kept: Dict[str, Any]) -> None:
    """Sets what ``generators()`` has returned."""
    torch.set_rng_state(kept["torch"])
    kind, keys, *rest = kept["numpy"]
    numpy.random.set_state((kind, keys.numpy().astype("uint32"), *rest))
    version, numbers, gauss_next = kept["python"]
    random.setstate((version, tuple(numbers.tolist()), gauss_next))


class SwarmCallback(SwarmCallbackBase):
    """For a PyTorch training loop, which calls the four hooks.

    Args:
        model: a ``torch.nn.Module`` on any device; its state dict is what the swarm trains. Tied weights travel once,
            floating tensors keep their type, integer buffers (counters) are taken from one member.
        optimizer: or a list of optimisers and schedules: kept at each round together with the random generators, so
            that a program that was killed goes on where it was. Use ``epochs()`` and ``batches()`` for the loops.
        adsValData: a ``DataLoader``; before each round the loss on it is computed and reported
        lossFunction, lossFunctionArgs: name of a class of ``torch.nn``, and its keyword arguments
        metricFunction, metricFunctionArgs: the same of ``torchmetrics``; its value is logged and reported by its class's
            name

    Other arguments and attributes: see ``SwarmCallbackBase``.
    """

    _known = {"adsValData", "adsValBatchSize", "lossFunction", "lossFunctionArgs", "metricFunction", "metricFunctionArgs"}

    def __init__(self, syncFrequency: int, minPeers: int, trainingContract: str = DEFAULT_CONTRACT, *,
                 model: Optional[torch.nn.Module] = None, optimizer: Any = None, state: Any = None,
                 **given: Any) -> None:
        if not isinstance(model, torch.nn.Module):
            raise SwarmError(f"SwarmCallback: model is {model!r}, it must be a torch.nn.Module")
        self._model = model
        self._generators: Optional[TrainingState] = None
        if optimizer is not None and state is None:
            parts = list(optimizer) if isinstance(optimizer, (list, tuple)) else [optimizer]
            state = self._generators = TrainingState(parts)
        super().__init__(ModuleParameters(model), syncFrequency, minPeers, trainingContract, state, **given)
        if given.get("adsValData") is not None and given.get("lossFunction") is not None:
            loss = getattr(torch.nn, given["lossFunction"])(**(given.get("lossFunctionArgs") or {}))
            metric = None
            if given.get("metricFunction") is not None:
                import torchmetrics  # only where it is asked for

                metric = getattr(torchmetrics, given["metricFunction"])(**(given.get("metricFunctionArgs") or {}))
            self._validation = lambda: self._validate(given["adsValData"], loss, metric)

    def on_train_begin(self) -> None:
        """Round 0: returns with the parameters that all members start from, or the swarm's newest ones."""
        self._train_begin()

    def on_batch_end(self, batch: Any = None, loss: Any = math.nan) -> None:
        """Counts a batch, and takes part in a round every syncFrequency batches.

        Args:
            batch: not used
            loss: of the batch, a number or a tensor of one element, for the figures of a round
        """
        self._batch_end(float(loss))

    def on_epoch_end(self, epoch: Any = None) -> None:
        """Counts an epoch."""
        self._epoch_end()

    def on_train_end(self) -> None:
        """Hands in the last parameters, waits for the other members and returns with the final model."""
        self._train_end()

    def _epoch_begins(self, skip: int) -> None:
        if self._generators is None:
            return
        if skip > 0 and self._generators.epoch_start is not None:
            set_generators(self._generators.epoch_start)  # the loader draws the same order again
        else:
            self._generators.epoch_start = generators()
            self._generators.restored = None

    def _epoch_goes_on(self) -> None:
        if self._generators is not None and self._generators.restored is not None:
            set_generators(self._generators.restored)
            self._generators.restored = None

    @torch.no_grad()
    def _validate(self, data: Any, loss: Any, metric: Any) -> float:
        """The mean loss of a sample, in the model's own mode of evaluation and on its device."""
        training = self._model.training
        device = next(self._model.parameters()).device
        self._model.eval()
        total, samples = 0.0, 0
        for inputs, targets in data:
            outputs = self._model(inputs.to(device))
            targets = targets.to(device)
            value = float(loss(outputs, targets))
            total += value if getattr(loss, "reduction", "mean") == "sum" else value * len(targets)
            samples += len(targets)
            if metric is not None:
                metric.update(outputs.cpu(), targets.cpu())
        self._model.train(training)
        mean = total / max(samples, 1)
        text = f"Validation: loss {mean:.4f} on {samples} samples"
        if metric is not None:
            value = float(metric.compute())
            text += f", {type(metric).__name__} {value:.4f}"
            self._report_known({type(metric).__name__: value})
            metric.reset()
        self.logger.info(text)
        return mean
