"""A Keras callback: pass it to ``model.fit(callbacks=[...])``.

Debian has no Keras, so this is tested against a stand-in with the same hooks and the methods ``get_weights`` and
``set_weights`` only.
"""
from __future__ import annotations

from typing import Any, List, Optional, Sequence

import numpy

from .callback import State, SwarmCallbackBase, TensorSpec
from .np import dtype_code
from .options import DEFAULT_CONTRACT

try:
    from tensorflow.keras.callbacks import Callback as _Base
except ImportError:
    class _Base:  # type: ignore[no-redef]
        """What Keras's callbacks have, where Keras is not installed."""

        model: Any = None

        def set_model(self, model: Any) -> None:
            self.model = model

        def set_params(self, params: Any) -> None:
            self.params = params


class KerasParameters:
    """The weights of a Keras model, by their position: names of Keras 3 may be there twice."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._weights: List[numpy.ndarray] = []

    def specs(self) -> List[TensorSpec]:
        names = [getattr(weight, "path", None) or getattr(weight, "name", "weight")
                 for weight in getattr(self._model, "weights", [])]
        specs = []
        for index, array in enumerate(self._model.get_weights()):
            name = f"{index}:{names[index] if index < len(names) else 'weight'}".replace(" ", "_")
            specs.append((name, dtype_code(name, array.dtype), tuple(array.shape)))
        return specs

    def arrays(self) -> Sequence[Any]:
        self._weights = [numpy.array(array, order="C") for array in self._model.get_weights()]
        return self._weights

    def loaded(self) -> None:
        self._model.set_weights(self._weights)


class SwarmCallback(SwarmCallbackBase, _Base):
    """For Keras, which calls the hooks. When the swarm's training is over, it sets ``model.stop_training``.

    Args:
        model: the Keras model; its weights exist (it is built)
        adsValData: ``(x, y)``, ``(x, y, weights)`` or a data set: before each round the loss on it is reported,
            and the model's metrics as ``val_NAME``
        adsValBatchSize: samples in a batch of the evaluation

    Other arguments and attributes: see ``SwarmCallbackBase``.
    """

    _known = {"adsValData", "adsValBatchSize"}

    def __init__(self, syncFrequency: int, minPeers: int, trainingContract: str = DEFAULT_CONTRACT, *, model: Any,
                 state: Optional[State] = None, **given: Any) -> None:
        _Base.__init__(self)
        SwarmCallbackBase.__init__(self, KerasParameters(model), syncFrequency, minPeers, trainingContract, state,
                                   **given)
        self._trained = model
        self._logs: Any = None
        if given.get("adsValData") is not None:
            self._validation = lambda: self._validate(given["adsValData"], given.get("adsValBatchSize"))

    def on_train_begin(self, logs: Any = None) -> None:
        """Round 0: the model has the parameters that all members start from."""
        self._train_begin()

    def on_batch_end(self, batch: Any, logs: Any = None) -> None:
        """Counts a batch, and takes part in a round every syncFrequency batches. What else the last ``logs`` before it
        hold, such as the accuracy, is reported.
        """
        self._logs = logs
        self._batch_end(float((logs or {}).get("loss", numpy.nan)))
        if self.isSwarmTrainingOver:
            self._trained.stop_training = True

    def on_epoch_end(self, epoch: Any = None, logs: Any = None) -> None:
        """Counts an epoch. What Keras has measured on its validation data is reported with the next round."""
        self._report_known({name: value for name, value in (logs or {}).items() if name.startswith("val_")})
        self._epoch_end()

    def on_train_end(self, logs: Any = None) -> None:
        """Hands in the last parameters, waits for the other members and returns with the final model."""
        self._train_end()

    def _validation_loss(self) -> Optional[float]:
        self._report_known({name: value for name, value in (self._logs or {}).items() if name != "loss"})
        self._logs = None
        return super()._validation_loss()

    def _validate(self, data: Any, batch_size: Any) -> float:
        if isinstance(data, (tuple, list)):
            scores = self._trained.evaluate(*data[:2], batch_size=batch_size, verbose=0, return_dict=True,
                                            sample_weight=data[2] if len(data) > 2 else None)
        else:
            scores = self._trained.evaluate(data, verbose=0, return_dict=True)
        self._report_known({name: value for name, value in scores.items() if name != "loss"}, "val_")
        return float(scores["loss"])
