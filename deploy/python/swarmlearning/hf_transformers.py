"""A callback of Hugging Face's Trainer: ``Trainer(..., callbacks=[SwarmCallback(...)])``.

Debian has no ``transformers``, so this is tested against a stand-in with the same hooks only.
"""
from __future__ import annotations

from typing import Any

from .options import DEFAULT_CONTRACT
from .pyt import SwarmCallback as _TorchCallback

try:
    from transformers import TrainerCallback as _Base
except ImportError:
    class _Base:  # type: ignore[no-redef]
        """What the Trainer's callbacks have, where it is not installed."""


class SwarmCallback(_Base):
    """For the Trainer, which calls the hooks; a batch is a step of the optimiser.

    Args: as ``swarmlearning.pyt.SwarmCallback``; with ``hfMode="peft"`` give the adapter's module as ``model``.
    Attributes of that class are read through this one.
    """

    def __init__(self, syncFrequency: int, minPeers: int, trainingContract: str = DEFAULT_CONTRACT, **given: Any) -> None:
        self._callback = _TorchCallback(syncFrequency, minPeers, trainingContract, **given)

    def __getattr__(self, name: str) -> Any:
        if name == "_callback":
            raise AttributeError(name)
        return getattr(self._callback, name)

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Round 0: the model has the parameters that all members start from."""
        self._callback.on_train_begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Counts a step, and takes part in a round every syncFrequency steps."""
        self._callback.on_batch_end()
        if self._callback.isSwarmTrainingOver:
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        """Reports what the Trainer logs: loss, learning rate, results of its evaluations."""
        self._callback._report_known(logs or {})

    def on_epoch_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Counts an epoch."""
        self._callback.on_epoch_end()

    def on_train_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Hands in the last parameters, waits for the other members and returns with the final model."""
        self._callback.on_train_end()
