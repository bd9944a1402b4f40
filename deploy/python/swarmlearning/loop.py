"""A training loop of one's own: ``receive()`` the swarm's model, train, ``send()`` one's own."""
from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

import numpy

from .client.swarm import SwarmError
from .np import SwarmCallback


class SwarmLoop:
    """A member that takes part in one round each time it sends.

    ::

        loop = SwarmLoop(arrays, minPeers=2, rounds=20)
        while loop.is_running():
            arrays = loop.receive()
            ...train...
            loop.send(arrays, loss=mean_loss)
        final = loop.receive()

    Args:
        params: arrays by name; types and shapes can't change
        minPeers: members that every round needs, >= 1
        rounds: how often this member sends, >= 1

    Other arguments: see ``swarmlearning.callback.SwarmCallbackBase``.
    """

    def __init__(self, params: Mapping[str, Any], minPeers: int, rounds: int, **given: Any) -> None:
        self._params = {name: numpy.array(value, order="C") for name, value in params.items()}
        self._callback = SwarmCallback(1, minPeers, model=self._params, **given)
        self._rounds = rounds
        self._sent = 0
        self._begun = False

    def is_running(self) -> bool:
        """The member has not sent all its rounds, and the swarm has not ended."""
        return self._sent < self._rounds and not self._callback.isSwarmTrainingOver

    def receive(self) -> Dict[str, numpy.ndarray]:
        """The newest parameters of the swarm. The first call waits for minPeers members, the others return at once.
        The arrays stay the loop's own: train in them, or copy them.
        """
        if not self._begun:
            self._begun = True
            self._callback.on_train_begin()
        return self._params

    def send(self, params: Optional[Mapping[str, Any]] = None, loss: float = float("nan"),
             metrics: Optional[Mapping[str, Any]] = None) -> None:
        """Takes part in a round and waits for its merged model. The last call waits until all members have finished,
        and brings the final model.

        Args:
            params: by name, all of them; None: what ``receive()`` has returned was changed in place
            loss: mean loss since the last round
            metrics: other values that were measured, by name: see ``SwarmCallbackBase.report``
        """
        self.receive()
        if params is not None and set(params) != set(self._params):
            raise SwarmError(f"SwarmLoop: the arrays are {sorted(params)}, the training began with {sorted(self._params)}",
                             code=1)
        for name, value in (params or {}).items():
            own = self._params[name]
            if value is not own:
                if numpy.shape(value) != own.shape or numpy.asarray(value).dtype != own.dtype:
                    value = numpy.asarray(value)
                    raise SwarmError(f"SwarmLoop: array '{name}' is {value.dtype} {value.shape}, the training began with "
                                     f"{own.dtype} {own.shape}: types and shapes can't change", code=1)
                own[...] = value
        self._callback.log(metrics or {})
        self._callback.on_batch_end(loss=loss)
        self._sent += 1
        if self._sent == self._rounds and not self._callback.isSwarmTrainingOver:
            self._callback.on_train_end()

    def report(self, name: str, value: Any) -> None:
        """Tells the swarm a value that was measured, with the next round: see ``SwarmCallbackBase.report``."""
        self._callback.report(name, value)

    def report_known(self, values: Mapping[str, Any], prefix: str = "") -> None:
        """Reports what of ``values`` can be: numbers, under names made valid; others are left out."""
        self._callback._report_known(values, prefix)

    @property
    def digest(self) -> str:
        """SHA-256 of the parameters of the last round, 64 hexadecimal digits."""
        return self._callback.digest

    @property
    def logger(self) -> Any:
        """Writes into the log of the ML node."""
        return self._callback.logger
