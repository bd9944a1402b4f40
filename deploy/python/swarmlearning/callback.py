"""What the callbacks of all frameworks have in common."""
from __future__ import annotations

import math
import re
from typing import Any, Callable, Iterable, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple

from . import _client
from .client.swarm import SwarmError
from .options import DEFAULT_CONTRACT, node_options, warn_of_unknown
from .session import node_logger, session

TensorSpec = Tuple[str, str, Tuple[int, ...]]


class Parameters(Protocol):
    """Access to a model's parameters, in an order that stays the same."""

    def specs(self) -> List[TensorSpec]:
        """For each tensor its name, type ("F32", "F64", "F16", "BF16", "I64", ...) and shape."""

    def arrays(self) -> Sequence[Any]:
        """For each tensor its memory: contiguous, writable, with the buffer protocol."""

    def loaded(self) -> None:
        """The arrays given out last hold the swarm's parameters now."""


class State(Protocol):
    """What a program needs beside its parameters to go on after it was killed, such as its optimiser."""

    def save(self) -> bytes:
        """The state as bytes."""

    def load(self, data: bytes) -> None:
        """Takes a state that an earlier start has saved. An exception: it does not fit, and is not used."""


class SwarmCallbackBase:
    """Counts batches and takes part in the swarm's rounds.

    All hooks may raise ``SwarmError``, and must be called by the thread that made the callback.

    Args:
        parameters: of the model
        syncFrequency: batches between rounds, >= 1; the count begins anew after each round
        minPeers: members that every round needs, >= 1
        trainingContract: under which name this training is known, 1 to 128 characters
        state: kept at each round, so that the program goes on from there when it is started again; None: it begins
            anew, with the swarm's parameters
        checkinModelOnTrainEnd: what a member that has finished hands in until all have: ``snapshot`` its last
            parameters, ``active`` the merged ones, ``inactive`` nothing
        nodeWeightage: 1 to 100, weight of this member in the merge
        mergeMethod: ``mean``, ``coordmedian``, ``geomedian``, or a rule of Starling with its parameters
        totalEpochs: for progress only
        logger: a ``logging.Logger`` to use
        batchSize: samples in a batch, for the statistics of a round
        grace, waitLimit: seconds: wait for more members once minPeers are there; end if they are not there (0: never)
        compression: ``none``, ``f16``, ``bf16``, ``int8`` or ``top-k:fraction=0.01``
        nonFinite: ``refuse``, ``warn`` or ``allow`` parameters with NaN or infinity
        syncUntil: ``commit``, or ``merge``: a round is committed while the program trains on (core/ml/sync_until.hpp)
        exchange, durable, slowestLink, workload: see SwarmCallbackOptions in core/ml/swarm.hpp

    Attributes:
        logger: writes into the log of the ML node
        isSwarmTrainingOver: the swarm has agreed on its final model, and it is loaded: end your loops
        epochsCompleted: by this program, earlier starts included
        rounds: of the swarm, up to the last sync
        digest: SHA-256 of the parameters of the last round, 64 hexadecimal digits
        resumedEpochs, resumedBatches: after on_train_begin: what an earlier start of this program has done
    """

    #: Keyword arguments of a subclass, beside the common ones.
    _known: set = set()

    def __init__(self, parameters: Parameters, syncFrequency: int, minPeers: int,
                 trainingContract: str = DEFAULT_CONTRACT, state: Optional[State] = None, **given: Any) -> None:
        options = node_options(syncFrequency, minPeers, trainingContract, given)
        self._client: _client.Client = session().client
        self.logger = given.get("logger") or node_logger()
        warn_of_unknown(self.logger, given, self._known)
        self._parameters = parameters
        self._state = state
        self._validation: Optional[Callable[[], float]] = None
        self.isSwarmTrainingOver = False
        self.rounds = 0
        self.digest = ""
        self.resumedEpochs = 0
        self.resumedBatches = 0
        self._skip = 0
        self._warned_of_values = False
        self._client.open(parameters.specs(), options, state and state.save, state and self._load_state)

    @property
    def epochsCompleted(self) -> int:
        return self._client.epochs_done

    # The hooks, with the arguments that all frameworks can give.

    def _train_begin(self) -> None:
        outcome = self._client.begin(self._parameters.arrays())
        self.resumedEpochs = outcome.resumed_epochs
        self.resumedBatches = self._skip = outcome.resumed_batches
        self._take(outcome)

    def _batch_end(self, loss: float = math.nan) -> None:
        if self._client.count_batch(loss):
            self._take(self._client.sync(self._parameters.arrays(), self._validation_loss()))

    def _epoch_end(self) -> None:
        self._client.end_epoch()

    def _train_end(self) -> None:
        self._take(self._client.end(self._parameters.arrays(), self._validation_loss()))

    def report(self, name: str, value: Any) -> None:
        """Tells the swarm a value that was measured. It travels with the next round to the ledger, traces, metrics,
        ``swci`` and the board; the last value of a name before the round counts. After the final model it is written
        to the trace only.

        Args:
            name: such as ``val/accuracy``: 1 to 64 letters, digits, ``_``, ``-`` and ``.``, with ``/`` between parts
            value: a number, or a tensor of one element; NaN and infinity may be reported

        Raises:
            SwarmError: the name is not allowed, or there are 16 other ones since the last round
        """
        self._client.report(name, float(value))

    def log(self, values: Mapping[str, Any]) -> None:
        """Reports several values: ``log({"lr": 0.1, "val/accuracy": 0.93})``. See ``report``."""
        for name, value in values.items():
            self.report(name, value)

    def epochs(self, count: int) -> Iterator[int]:
        """Numbers of the epochs to do, from 0, without those that an earlier start has completed. Calls on_epoch_end
        after each, and ends when the swarm's training is over.
        """
        for epoch in range(self.resumedEpochs, count):
            if self.isSwarmTrainingOver:
                return
            yield epoch
            self._epoch_end()

    def batches(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The batches of one epoch without those that an earlier start has done. They are exactly the same as in an
        undisturbed run if the loader's order depends on nothing but the random generators of the state.
        """
        skip, self._skip = self._skip, 0
        self._epoch_begins(skip)
        for number, batch in enumerate(loader):
            if number == skip:
                self._epoch_goes_on()
            if number >= skip:
                if self.isSwarmTrainingOver:
                    return
                yield batch
        self._epoch_goes_on()  # where an earlier start has done the whole epoch

    # For subclasses.

    def _epoch_begins(self, skip: int) -> None:
        """Before the first batch of an epoch is drawn, of which the first `skip` were done by an earlier start."""

    def _epoch_goes_on(self) -> None:
        """Before the first batch that is used is handed out."""

    def _report_known(self, values: Mapping[str, Any], prefix: str = "") -> None:
        """Reports what a framework has measured, as far as it can be: numbers, under names made valid. What is too
        much is named once in the log.
        """
        for name, value in values.items():
            try:
                number = float(value)
            except (TypeError, ValueError):
                continue
            parts = (re.sub(r"[^A-Za-z0-9_.-]", "_", part).lstrip("-.") for part in (prefix + str(name)).split("/"))
            try:
                self.report("/".join(part for part in parts if part)[:64].rstrip("/"), number)
            except SwarmError as error:
                if not self._warned_of_values:
                    self._warned_of_values = True
                    self.logger.warning("Not reported: %s", error)

    def _validation_loss(self) -> Optional[float]:
        return None if self._validation is None else self._validation()

    def _load_state(self, data: bytes) -> Optional[str]:
        assert self._state is not None
        try:
            self._state.load(data)
        except Exception as error:  # whatever a program's own state raises: it starts from the beginning
            return f"{type(error).__name__}: {error}"
        return None

    def _take(self, outcome: "_client.SyncOutcome") -> None:
        self._parameters.loaded()
        self.rounds = outcome.rounds
        self.digest = outcome.digest
        self.isSwarmTrainingOver = outcome.ended


__all__ = ["Parameters", "State", "SwarmCallbackBase", "SwarmError", "TensorSpec"]
