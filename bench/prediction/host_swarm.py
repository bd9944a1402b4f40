"""A swarm of real processes on hosts of their own: network namespaces on a switch, with links of a given rate."""
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time

from namespaces import Hosts
from prediction.probe import FIRST
from prediction.robust import combined_rows
from prediction.traces import medians, order_of_events, round_figures, sent_bytes
from reporting.errors import BenchError
from reporting.processes import children_of

SKIP = 2  # rounds before the measured ones
# Loss-based, as Linux's default (cubic), and allowed in namespaces of every Linux. BBR, which some systems have as their default, lets
# one of several transfers over a link have much more than its share for tens of milliseconds.
CONGESTION_CONTROL = "reno"


class HostSwarm:
    """The processes of one run of a `case` (see fidelity_grid.py): the SN on host 1, member i on host i + 1. A context, which ends
    them all. NoHosts if there can be no network namespaces here."""

    def __init__(self, bin_dir, case, priority=False):
        self.bin, self.case, self.first, self.nodes = bin_dir, case, FIRST if priority else [], []
        self.directory = tempfile.TemporaryDirectory(prefix="starling-fidelity-")
        self.folder = self.directory.name
        self.hosts = Hosts(case["members"] + 1, CONGESTION_CONTROL)
        try:
            self.make_links()
        except OSError:
            self.close()
            raise

    def make_links(self):
        last = self.case["members"] + 1
        if delay := self.case.get("delay"):
            self.hosts.move_away(last, 1000 * delay, f"{self.bin}/delay_relay")
        for host in range(2, last + 1):
            slow = self.case.get("slow_rate") if host == last else None
            if rate := slow or self.case["rate"]:
                self.hosts.ethernet(host, rate)

    def spawn(self, host, role, name, command):
        stem = f"{self.folder}/x/cert/{role}-{host}"
        with open(f"{self.folder}/{name}.out", "wb") as out:
            self.nodes.append(subprocess.Popen(self.hosts.inside(host, self.first + [f"{self.bin}/{command[0]}"] + command[1:] + [
                f"--name={name}", f"--host-ip={self.hosts.address(host)}", f"--workspace={self.folder}/{host}", f"--cert={stem}-cert.pem",
                f"--key={stem}-key.pem", f"--capath={self.folder}/x/cert/ca/capath", f"--trace={self.folder}/{name}.trace"]), stdout=out, stderr=out))

    def start(self):
        case = self.case
        peers = case["environment"].get("MIN_PEERS", case["members"])
        for host in range(1, case["members"] + 2):
            subprocess.run([f"{self.bin}/gen-cert", "-e", "x", "-i", str(host), "--workspace", self.folder, "--host-ip", self.hosts.address(host)],
                           check=True, stdout=subprocess.DEVNULL)
        self.spawn(1, "sn", "sn1", ["run-sn", "--sentinel"])
        for i in range(1, case["members"] + 1):
            program = ["--elements", case["bytes"] // 4, "--rounds", case["rounds"], "--times", f"{self.folder}/{i}.times", *case["flags"]]
            program += ["--work", case["work"][i - 1]] if "work" in case else []
            self.spawn(i + 1, "sl", f"sl{i}", ["run-sl", f"--sn-ip={self.hosts.address(1)}", f"--ml-name=ml{i}", f"--ml-w={self.folder}",
                                               f"--ml-entrypoint={self.bin}/bench-round-ml", f"--ml-e=MIN_PEERS={peers}",
                                               f"--ml-e=SWARM_TRACE={self.folder}/ml{i}.trace", "--ml-cmd=" + " ".join(map(str, program))])

    def kill(self, member, after_round, seconds, until):
        """SL and program of a member, `seconds` after the program has gone on from that round."""
        node = self.nodes[member]
        while f"Round {after_round}: merged" not in read_text(f"{self.folder}/sl{member}.out"):
            if time.monotonic() > until or node.poll() is not None:
                raise BenchError(f"member {member} has not ended round {after_round}, after which it was to be killed")
            time.sleep(0.005)
        time.sleep(seconds)
        for process in children_of(node.pid) + [node.pid]:
            os.kill(process, signal.SIGKILL)
        node.wait()
        self.nodes.remove(node)

    def close(self):
        for node in self.nodes:
            node.kill()
            node.wait()
        self.hosts.close()
        self.directory.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def measure(bin_dir, case, limit_seconds=300, priority=False, rows=None):
    """One run of `case`: {"rounds_measured", "phases", "sent_bytes", "order"}. `rows`: its workloads(), for a case with `killed`.

    NoHosts if there can be no network namespaces here; BenchError if a run fails."""
    until = time.monotonic() + limit_seconds
    with HostSwarm(bin_dir, case, priority) as swarm:
        swarm.start()
        if killed := case.get("killed"):
            swarm.kill(*killed, rows[killed[0] - 1]["seconds_per_batch"] / 2, until)
        wait_for(swarm.nodes[1:], swarm.folder, until)
        members = range(1, case["members"] + 1)
        traces = [f"{swarm.folder}/{role}{i}.trace" for role in ("sl", "ml") for i in members]
        figures = round_figures(traces, SKIP)
        return {"rounds_measured": figures, "phases": medians(figures, middle_of(case)),
                "sent_bytes": sum(sent_bytes(f"{swarm.folder}/sl{i}.trace" for i in members if not is_killed(case, i)).values()),
                "order": order_of_events(traces)}


def workloads(bin_dir, case, at_once, priority=False):
    """[row of a calibration table] with what the members of a `case` with `work` train between two syncs, each measured alone by itself
    (SWARM_CALIBRATE), `at_once` programs at a time, as on the cores that the members share."""
    found = {}
    for passes in sorted(set(case["work"])):
        with tempfile.TemporaryDirectory() as folder:
            programs = [subprocess.Popen((FIRST if priority else []) + [f"{bin_dir}/bench-round-ml", "--elements", str(case["bytes"] // 4), "--rounds", "100", "--work", str(passes),
                                          "--times", f"{folder}/{i}"], env=os.environ | {"SWARM_CALIBRATE": f"{folder}/{i}.json"}, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL) for i in range(at_once)]
            if any([program.wait() for program in programs]):
                raise BenchError("a training program that runs alone, to be measured, has failed")
            rows = [row for i in range(at_once) for row in json.loads(read_text(f"{folder}/{i}.json"))["workloads"].values()]
            found[passes] = combined_rows(rows, statistics.fmean)
    return [found[passes] for passes in case["work"]]


def read_text(path):
    with open(path) as text:
        return text.read()


def is_killed(case, member):
    """Then its bytes are not counted: the last second of its trace is lost with it."""
    return bool(case.get("killed")) and case["killed"][0] == member


def middle_of(case):
    """What stands for the rounds of a run. A kill costs one of them much, which a median would not show."""
    return statistics.fmean if case.get("killed") else statistics.median


def wait_for(nodes, folder, until):
    for node in nodes:
        try:
            code = node.wait(timeout=max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise BenchError("a real run takes too long") from None
        if code != 0:
            texts = [f"{name}: {open(f'{folder}/{name}').read()[-600:]}" for name in sorted(os.listdir(folder)) if name.endswith(".out")]
            raise BenchError(f"a member ended with {code}\n" + "\n".join(texts))
