"""Drives an object with the methods of Flower's NumPyClient: ``get_parameters``, ``fit`` and perhaps ``evaluate``."""
from __future__ import annotations

from typing import Any, Dict, List

import numpy

from .loop import SwarmLoop


def run(client: Any, minPeers: int, rounds: int, **given: Any) -> List[numpy.ndarray]:
    """Takes part in a swarm with ``client`` until its training is over.

    Args:
        client: has ``get_parameters(config) -> list of arrays``, ``fit(parameters, config) -> (list of arrays, number
            of samples, dict of metrics)`` and perhaps ``evaluate(parameters, config) -> (loss, number of samples, dict
            of metrics)``, which is called with each merged model. Metrics that are numbers are reported, those of
            ``evaluate`` as ``eval/NAME``. ``config`` holds ``server_round``, from 1.
        minPeers: members that every round needs, >= 1
        rounds: how often ``fit`` is called, >= 1

    Returns:
        The final model.

    Other arguments: see ``swarmlearning.callback.SwarmCallbackBase``. All members weigh the same, whatever number of
    samples ``fit`` returns; use ``nodeWeightage`` for members of different size.
    """
    first = client.get_parameters({})
    loop = SwarmLoop({f"parameter_{index}": array for index, array in enumerate(first)}, minPeers, rounds, **given)

    def arrays() -> List[numpy.ndarray]:
        return [array.copy() for array in loop.receive().values()]

    number = 0
    while loop.is_running():
        number += 1
        config: Dict[str, Any] = {"server_round": number}
        trained, _, metrics = client.fit(arrays(), config)
        loop.report_known({name: value for name, value in (metrics or {}).items() if name != "loss"})
        loop.send({f"parameter_{index}": array for index, array in enumerate(trained)},
                  loss=float((metrics or {}).get("loss", numpy.nan)))
        if hasattr(client, "evaluate"):
            loss, samples, measured = client.evaluate(arrays(), config)
            loop.report_known({"loss": loss, **(measured or {})}, "eval/")
            loop.logger.info("Evaluation after round %d: loss %.4f on %d samples", number, loss, samples)
    return arrays()
