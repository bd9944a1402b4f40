"""Arguments of the callbacks: HPE's names, and Starling's own, as options of the ML node."""
from __future__ import annotations

import logging
import numbers
from typing import Any, Dict, Mapping

from .client.swarm import SwarmError

DEFAULT_CONTRACT = "defaultbb.cqdb.sml.hpe"

# HPE's names of merge methods; those of Starling pass as they are ("trimmed-mean:beta=0.2").
_MERGE_METHODS = {"mean": "mean", "coordmedian": "coordinate-median", "geomedian": "geometric-median"}

_SECONDS_MAX = 1_000_000_000
_WHOLE = {"batchSize": 2**32 - 1, "slowestLink": 2**63 - 1}  # the largest value
# Keyword argument -> option of the node, which checks texts itself.
_OWN = {
    "batchSize": "batch_size", "grace": "grace", "waitLimit": "wait_limit", "slowestLink": "slowest_link",
    "exchange": "exchange", "compression": "compression", "nonFinite": "non_finite", "durable": "durable",
    "syncUntil": "sync_until",
    "workload": "workload",
}

# Accepted so that scripts run as they are, and without effect here.
_WITHOUT_EFFECT = {"mlPlatform", "ml_platform", "tf", "sess", "maxPeers", "hfMode"}

_warned: set = set()


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise SwarmError(f"SwarmCallback: {name} is {value!r}, it must be a whole number from {low} to {high}")
    number = value.__index__()
    if not low <= number <= high:
        raise SwarmError(f"SwarmCallback: {name} is {number}, it must be from {low} to {high}")
    return number


def node_options(sync_frequency: Any, min_peers: Any, contract: Any, given: Mapping[str, Any]) -> Dict[str, Any]:
    """Options of the ML node. SwarmError (code 2) names an argument with a wrong value.

    Args:
        sync_frequency: batches between rounds, >= 1
        min_peers: members that every round needs, >= 1
        contract: its name; HPE's default name means the contract ``default``, that of C++ programs
        given: keyword arguments; those of this module are read, others are left alone
    """
    if not isinstance(contract, str):
        raise SwarmError(f"SwarmCallback: trainingContract is {contract!r}, it must be a name")
    end_mode = str(given.get("checkinModelOnTrainEnd", "snapshot")).lower()
    if end_mode not in ("snapshot", "active", "inactive"):
        raise SwarmError(f"SwarmCallback: checkinModelOnTrainEnd is '{end_mode}', "
                         "it must be 'snapshot', 'active' or 'inactive'")
    method = str(given.get("mergeMethod", "mean"))
    options: Dict[str, Any] = {
        "sync_frequency": _whole("syncFrequency", sync_frequency, 1, 2**31),
        "min_peers": _whole("minPeers", min_peers, 1, 100_000),
        "contract": "default" if contract == DEFAULT_CONTRACT else contract,
        "end_mode": end_mode,
        "node_weightage": _whole("nodeWeightage", given.get("nodeWeightage", 1), 1, 100),
        "total_epochs": _whole("totalEpochs", given.get("totalEpochs", 0), 0, 2**31),
        "merge_rule": _MERGE_METHODS.get(method.lower(), method),
    }
    for name, option in _OWN.items():
        if name not in given:
            continue
        value = given[name]
        if name in _WHOLE:
            value = _whole(name, value, 1, _WHOLE[name])
        elif name in ("grace", "waitLimit"):
            if not (isinstance(value, numbers.Real) and 0 <= value <= _SECONDS_MAX):
                raise SwarmError(f"SwarmCallback: {name} is {value!r}, it must be seconds from 0 to {_SECONDS_MAX}")
            value = float(value)
        elif not isinstance(value, str):
            raise SwarmError(f"SwarmCallback: {name} is {value!r}, it must be a text")
        options[option] = value
    return options


def warn_of_unknown(logger: logging.Logger, given: Mapping[str, Any], known: set) -> None:
    """Warns once for each argument that has no effect, naming it."""
    common = {"checkinModelOnTrainEnd", "nodeWeightage", "mergeMethod", "totalEpochs", "logger", *_OWN}
    for name in given:
        if name in common or name in known or name in _warned:
            continue
        _warned.add(name)
        if name in _WITHOUT_EFFECT:
            continue
        if name == "useAdaptiveSync":
            if given[name]:
                logger.warning("useAdaptiveSync has no effect: rounds stay syncFrequency batches apart")
            continue
        logger.warning("SwarmCallback does not know the argument '%s', which has no effect", name)
