"""What a swarm could do differently, as changes of its deployment."""
import itertools
import math
import xml.etree.ElementTree as ElementTree

from prediction import rehearsal

# Name of a choice -> the variable of the modelled program that stands for it.
VARIABLES = {"plan": "EXCHANGE", "compression": "COMPRESS", "durable": "DURABLE", "sync_until": "SYNC_UNTIL",
             "sync_frequency": "SYNC_FREQUENCY"}


class Candidate:
    """A deployment and what it is called; `relative`: batches between two rounds, relative to the deployment as it is."""

    def __init__(self, name, text):
        self.name, self.text = name, text


def variable(text, name, default):
    """A whole number in the environment of the deployment's first program that has it."""
    for argument in ElementTree.fromstring(text).iter("argument"):
        if argument.get("value", "").startswith(f"--ml-e={name}="):
            return int(argument.get("value").rsplit("=", 1)[1])
    return int(properties(text).get(f"env.{name}", default))


def properties(text):
    """{name: value}, of the first actor that has it."""
    found = {}
    for prop in ElementTree.fromstring(text).iter("prop"):
        found.setdefault(prop.get("id"), prop.get("value"))
    return found


def batches_between_rounds(text):
    """Of the deployment's programs; 128 is the default of swarm-sim's modelled training."""
    return variable(text, "SYNC_FREQUENCY", 128)


def with_rounds(text, rounds):
    """The deployment with so many epochs that there are `rounds` to measure, if it has fewer. Defaults are swarm-sim's."""
    known = properties(text)
    batches = math.ceil(float(known.get("model.samples", 25_000)) / float(known.get("model.batch_size", 32)))
    # Two rounds at the start and the last one are not measured.
    epochs = math.ceil((rounds + 3) * batches_between_rounds(text) / batches)
    return rehearsal.with_environment(text, {"MAX_EPOCHS": epochs}) if epochs > variable(text, "MAX_EPOCHS", 1) else text


def addresses(platform_text):
    """{host: the address by which it is dialled} of the hosts that the platform names one by one."""
    found = {}
    for host in ElementTree.fromstring(platform_text).iter("host"):
        ips = [prop.get("value") for prop in host.findall("prop") if prop.get("id") == "ip"]
        found[host.get("id")] = ips[0] if ips else host.get("id")
    return found


def make(text, platform_text, choices, sn_hosts):
    """[Candidate]: the deployment as it is, each single change, and, of plans, compressions, durability and until when syncs
    wait, all combinations.

    `choices`: {name of VARIABLES: [values]}. `sn_hosts`: names of hosts, "all", or none."""
    found = [Candidate("as it is", text)]
    combined = [[(name, value) for value in [None] + choices.get(name, [])] for name in ("plan", "compression", "durable", "sync_until")]
    for combination in itertools.product(*combined):
        chosen = [(name, value) for name, value in combination if value is not None]
        if chosen:
            found.append(Candidate(", ".join(f"{name} {value}" for name, value in chosen),
                                   rehearsal.with_environment(text, {VARIABLES[name]: value for name, value in chosen})))
    for value in choices.get("sync_frequency", []):
        if int(value) != batches_between_rounds(text):
            found.append(Candidate(f"sync_frequency {value}", rehearsal.with_environment(text, {"SYNC_FREQUENCY": value})))
    known = addresses(platform_text)
    used = {actor.get("host") for actor in ElementTree.fromstring(text).iter("actor")}
    for host in (sorted(used & set(known)) if sn_hosts == ["all"] else sn_hosts):
        if host not in known:
            raise rehearsal.RehearsalError(f"the platform names no host {host}")
        if moved := rehearsal.with_sn_on(text, host, known[host]):
            found.append(Candidate(f"SN on {host}", moved))
    return found
