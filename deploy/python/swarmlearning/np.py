"""Models that are named numpy arrays."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

import numpy

from .callback import State, SwarmCallbackBase, TensorSpec
from .client.swarm import SwarmError
from .options import DEFAULT_CONTRACT

_DTYPES: Dict[str, str] = {
    "float32": "F32", "float64": "F64", "float16": "F16", "int8": "I8", "uint8": "U8", "bool": "U8", "int16": "I16",
    "int32": "I32", "int64": "I64",
}


def dtype_code(name: str, dtype: Any) -> str:
    """The type as the swarm names it, such as "F32". SwarmError: none that can be merged."""
    code = _DTYPES.get(numpy.dtype(dtype).name)
    if code is None:
        raise SwarmError(f"SwarmCallback: array '{name}' is {numpy.dtype(dtype).name}, a type that can't be merged",
                         code=1)
    return code


class ArrayParameters:
    """Named arrays, which the swarm's parameters are written into; floating ones are merged, integer ones are counters
    and are taken from one member.
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._arrays = arrays

    def specs(self) -> List[TensorSpec]:
        return [(name, dtype_code(name, array.dtype), tuple(array.shape)) for name, array in self._arrays.items()]

    def arrays(self) -> Sequence[Any]:
        return list(self._arrays.values())

    def loaded(self) -> None:
        pass


class SwarmCallback(SwarmCallbackBase):
    """For a training loop over numpy arrays, which calls the four hooks.

    Args:
        model: the arrays by name; contiguous and writable. They are changed in place.

    Other arguments and attributes: see ``SwarmCallbackBase``.
    """

    def __init__(self, syncFrequency: int, minPeers: int, trainingContract: str = DEFAULT_CONTRACT, *,
                 model: Mapping[str, Any], state: Optional[State] = None, **given: Any) -> None:
        super().__init__(ArrayParameters(model), syncFrequency, minPeers, trainingContract, state, **given)

    def on_train_begin(self) -> None:
        """Round 0: returns with the parameters that all members start from, or the swarm's newest ones."""
        self._train_begin()

    def on_batch_end(self, batch: Any = None, loss: float = float("nan")) -> None:
        """Counts a batch, and takes part in a round every syncFrequency batches.

        Args:
            batch: not used
            loss: of the batch, for the figures of a round
        """
        self._batch_end(loss)

    def on_epoch_end(self, epoch: Any = None) -> None:
        """Counts an epoch."""
        self._epoch_end()

    def on_train_end(self) -> None:
        """Hands in the last parameters, waits for the other members and returns with the final model."""
        self._train_end()
