"""One simulation by swarm-sim in a process of its own, and the files that it needs."""
import copy
import json
import os
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree

from prediction.traces import medians, order_of_events, read_marks, round_figures, sent_bytes

HEAD = '<?xml version="1.0"?>\n<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">\n'


class RehearsalError(Exception):
    """swarm-sim refused its input or has failed; the text is what it said."""


def star_platform(hosts, rate=None, latency=25e-6, cores=None, slow_rate=None, delay=0.0):
    """Text of a platform: hosts 1 to N, each on a link of `rate` bit/s each way (none: 100 Gbit/s, so that processors decide)
    with half of the latency between two hosts, in seconds. The last host has the rate `slow_rate`, and `delay` seconds more each way.
    Processes of one host share memory: what passes between them costs their processors time, see local_bytes_per_second of the
    calibration table, and is not limited by a link."""
    core = f' core="{cores}"' if cores else ""
    lines = [f'<host id="host-{i}" speed="1Gf"{core}/>' for i in range(1, hosts + 1)]
    lines += [f'<link id="link-{i}" bandwidth="{(slow_rate if i == hosts else None) or rate or 100e9:.0f}bps" '
              f'latency="{latency / 2 + (delay if i == hosts else 0):.9f}s" sharing_policy="SPLITDUPLEX"/>'
              for i in range(1, hosts + 1)]
    lines += [f'<link id="memory-{i}" bandwidth="1000GBps" latency="5us" sharing_policy="FATPIPE"/>' for i in range(1, hosts + 1)]
    lines += [f'<route src="host-{i}" dst="host-{i}"><link_ctn id="memory-{i}"/></route>' for i in range(1, hosts + 1)]
    lines += [f'<route src="host-{a}" dst="host-{b}"><link_ctn id="link-{a}" direction="UP"/><link_ctn id="link-{b}" direction="DOWN"/></route>'
              for a in range(1, hosts + 1) for b in range(a + 1, hosts + 1)]
    return HEAD + '<platform version="4.1">\n<zone id="world" routing="Full">\n' + "\n".join(lines) + "\n</zone>\n</platform>\n"


TCP_PART = 0.94  # of a link's bandwidth is payload: swarm-sim's bandwidth factor


def pair_platform(here, peer, link, cores=None):
    """Text of a platform: this host and a peer, with the latency and the payload that link.measure() found each way."""
    core = f' core="{cores}"' if cores else ""
    lines = [f'<host id="{host}" speed="1Gf"{core}/>' for host in (here, peer)]
    lines += [f'<link id="memory-{host}" bandwidth="1000GBps" latency="5us" sharing_policy="FATPIPE"/>' for host in (here, peer)]
    lines += [f'<link id="{way}" bandwidth="{link[way] / TCP_PART:.0f}Bps" latency="{link["latency_seconds"]:.9f}s"/>' for way in ("up", "down")]
    lines += [f'<route src="{host}" dst="{host}"><link_ctn id="memory-{host}"/></route>' for host in (here, peer)]
    lines += [f'<route src="{a}" dst="{b}" symmetrical="NO"><link_ctn id="{way}"/></route>'
              for a, b, way in ((here, peer, "up"), (peer, here, "down"))]
    return HEAD + '<platform version="4.1">\n<zone id="world" routing="Full">\n' + "\n".join(lines) + "\n</zone>\n</platform>\n"


def deployment(members, parameters, rounds, environment=None, batch_seconds=0.0, startup_seconds=0.05, state_bytes=0, first=2):
    """Text of a deployment: the SN on host 1, member i on host `first` - 1 + i, a sync after each batch. `batch_seconds`: of all
    members, or a list with those of each; a text is a workload of the calibration table."""
    root = ElementTree.Element("platform", version="4.1")

    def actor(host, function, arguments, properties=()):
        node = ElementTree.SubElement(root, "actor", host=host, function=function)
        for argument in arguments:
            ElementTree.SubElement(node, "argument", value=argument)
        for key, value in properties:
            ElementTree.SubElement(node, "prop", id=key, value=str(value))

    actor("host-1", "run-sn", ["--name=sn1", "--host-ip=host-1", "--sentinel"])
    extra = [f"--ml-e={key}={value}" for key, value in ({"MIN_PEERS": members} | (environment or {})).items()]
    for i in range(1, members + 1):
        host = f"host-{first - 1 + i}"
        seconds = batch_seconds[i - 1] if isinstance(batch_seconds, list) else batch_seconds
        training = "model.workload" if isinstance(seconds, str) else "model.seconds_per_batch"
        actor(host, "run-sl", [f"--name=sl{i}", f"--host-ip={host}", "--sn-ip=host-1", "--ml-entrypoint=modelled", f"--ml-name=ml{i}",
                               "--ml-e=SYNC_FREQUENCY=1", "--ml-e=MAX_EPOCHS=1"] + extra,
              [("model.parameters", parameters), (training, seconds), ("model.samples", rounds),
               ("model.batch_size", 1), ("model.startup_seconds", startup_seconds), ("model.state_bytes", state_bytes)])
    return document(root)


def document(root):
    return HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"


def with_environment(text, changes):
    """A deployment in which each program has these variables, in place of its own."""
    root = ElementTree.fromstring(text)
    for actor in root.iter("actor"):
        if actor.get("function") == "run-sl" and any(a.get("value", "").startswith("--ml-") for a in actor.iter("argument")):
            for argument in list(actor.findall("argument")):
                if any(argument.get("value").startswith(f"--ml-e={name}=") for name in changes):
                    actor.remove(argument)
            for place, (name, value) in enumerate(changes.items()):
                added = ElementTree.Element("argument", value=f"--ml-e={name}={value}")
                actor.insert(place, added)
        elif actor.get("function") == "ml":
            for prop in list(actor.findall("prop")):
                if prop.get("id") in {f"env.{name}" for name in changes}:
                    actor.remove(prop)
            for name, value in changes.items():
                actor.append(ElementTree.Element("prop", id=f"env.{name}", value=str(value)))
    return document(root)


def with_sn_on(text, host, address):
    """A deployment whose only SN runs on another host; None if it has several SNs, or the SN is there already."""
    root = copy.deepcopy(ElementTree.fromstring(text))
    servers = [actor for actor in root.iter("actor") if actor.get("function") == "run-sn"]
    if len(servers) != 1 or servers[0].get("host") == host:
        return None
    servers[0].set("host", host)
    for actor in root.iter("actor"):
        for argument in actor.iter("argument"):
            value = argument.get("value")
            if actor is servers[0] and value.startswith("--host-ip="):
                argument.set("value", f"--host-ip={address}")
            elif value.startswith("--sn-ip="):
                argument.set("value", f"--sn-ip={address}")
    return document(root)


def start(command):
    """The process, which ends with this script. Its output goes to a file that `finish` reads."""
    out = tempfile.TemporaryFile("w+")
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL"] + command, stdout=out, stderr=subprocess.STDOUT)
    process.out = out
    return process


class Rehearsal:
    """One run of swarm-sim, from its start (the constructor) to its figures."""

    def __init__(self, bin_dir, platform, deployment_text, calibration=None, seed=1, cores_shared=None, flags=()):
        """`platform`: a file, or the text of one. `calibration`: a file, or a table as a dict."""
        self.folder = tempfile.TemporaryDirectory(prefix="starling-rehearsal-")
        self.path = self.folder.name
        platform_file = platform if os.path.exists(platform) else self.write("platform.xml", platform)
        command = [f"{bin_dir}/swarm-sim", platform_file, self.write("deployment.xml", deployment_text), "--quiet", "--progress=0",
                   f"--seed={seed}", f"--trace={self.path}/run.trace", f"--json={self.path}/run.json", f"--workspace={self.path}/w"]
        if calibration:
            command.append("--calibration=" + (calibration if isinstance(calibration, str)
                                               else self.write("table.json", json.dumps(calibration))))
        if cores_shared:
            command.append(f"--cores-shared={cores_shared}")
        self.process = start(command + list(flags))

    def write(self, name, text):
        with open(f"{self.path}/{name}", "w") as out:
            out.write(text)
        return f"{self.path}/{name}"

    def finish(self, skip=2):
        """swarm-sim's summary, and "phases": medians over the rounds, "rounds_measured": of each round,
        "sent_bytes", "order" of events, "marks": see traces.py."""
        code = self.process.wait()
        with self.process.out as out:
            out.seek(0)
            said = out.read()
        try:
            if code != 0:
                raise RehearsalError(f"swarm-sim ended with {code}: {said[-1500:].strip()}")
            with open(f"{self.path}/run.json") as text:
                summary = json.load(text)
            figures = round_figures([f"{self.path}/run.trace"], skip)
            if not figures:
                raise RehearsalError(f"the rehearsal has {summary['round_count']} rounds: at least {skip + 3} are needed to measure some")
            trace = [f"{self.path}/run.trace"]
            return summary | {"phases": medians(figures), "rounds_measured": figures, "sent_bytes": sent_bytes(trace),
                              "order": order_of_events(trace), "marks": read_marks(trace)}
        finally:
            self.folder.cleanup()


def run_all(makers, jobs):
    """Results of rehearsals that the functions make, in their order; `jobs` of them run at a time."""
    waiting, results = list(enumerate(makers)), {}
    running = []
    while waiting or running:
        while waiting and len(running) < jobs:
            number, make = waiting.pop(0)
            running.append((number, make()))
        number, rehearsal = running.pop(0)
        results[number] = rehearsal.finish()
    return [results[number] for number in sorted(results)]
