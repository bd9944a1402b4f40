"""What this host's processors and disk need for the parts of a round: a swarm of real processes on loopback addresses,
whose threads are measured one by one. CPU time is what a thread ran, so other load on the host changes it little."""
import mmap
import os
import statistics
import subprocess
import tempfile
import time

from prediction.traces import medians, round_figures
from reporting.errors import BenchError
from reporting.swarm_round import WARM, Swarm

# Threads of our programs in the order of their start: the protocol's first; the worker's, which compute and store, are
# the last but one and the last but two of an SL (run-sl ends its list with a thread that only waits).
PROTOCOL, COMPUTING, STORING, NODE_OF_ML = 0, -3, -2, -2


def thread_seconds(pid):
    """CPU seconds of each thread of a process so far, by the order of their start."""
    found = []
    for thread in sorted(os.listdir(f"/proc/{pid}/task"), key=int):
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as line:
                found.append(int(line.read().split()[0]) / 1e9)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has ended since
    return found


def name_of(pid):
    with open(f"/proc/{pid}/comm") as line:
        return line.read().strip()


# Before all ordinary processes, so that what else runs on this machine takes hardly any time from the swarm's (1 of 87 parts).
# Not a realtime policy, by which a thread runs until it waits: then threads that store wait for those that compute, and a round takes
# a fifth longer than with a fair scheduler.
FIRST = ["nice", "-n", "-20"]


def require_priority():
    """BenchError if this user may not start processes with that priority: nice(1) then starts them with their usual one."""
    done = subprocess.run(FIRST + ["true"], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        raise BenchError(f"--priority needs root or the capability CAP_SYS_NICE: {done.stderr.strip()}")


class FirstSwarm(Swarm):
    def spawn(self, number, command, environment=None):
        super().spawn(number, FIRST + command, environment)


class ProbeSwarm:
    """CPU seconds a round and member of a swarm's threads, and seconds of its rounds without training."""

    def __init__(self, bin_dir, members, size, measured, priority=False):
        rounds = WARM + measured
        with (FirstSwarm if priority else Swarm)(bin_dir, members, size, rounds) as swarm:
            before = {}
            swarm.run_rounds(rounds, lambda: before.update({pid: thread_seconds(pid) for pid in swarm.pids()}))
            roles = {}
            for pid in swarm.pids():
                seconds = [b - a for a, b in zip(before[pid], thread_seconds(pid))]
                roles.setdefault(name_of(pid), []).append([s / measured for s in seconds])
            swarm.finish(first=1)
            traces = [f"{swarm.folder}/{role}{i}.trace" for role in ("sl", "ml") for i in range(1, members + 1)]
            self.sync_seconds = medians(round_figures(traces, WARM))["sync"]
        if set(roles) != {"run-sn", "run-sl", "bench-round-ml"} or any(len(t) < 4 for found in roles.values() for t in found):
            raise BenchError(f"swarm-calibrate: these processes and threads are not those of a swarm: {roles}")

        def mean(role, thread):
            return statistics.fmean(threads[thread] for threads in roles[role])
        self.members, self.size = members, size
        self.sn = mean("run-sn", PROTOCOL)
        self.protocol = mean("run-sl", PROTOCOL)
        self.computing, self.storing = mean("run-sl", COMPUTING), mean("run-sl", STORING)
        self.program, self.ml = mean("bench-round-ml", PROTOCOL), mean("bench-round-ml", NODE_OF_ML)

    @property
    def tls_bytes(self):
        """That a member sends and receives in a round of even owners: its share of each model, then its merged share to each."""
        return 4 * self.size * (self.members - 1) / self.members


PIECE = 1 << 20  # bytes of a write: between one segment and what deploy/storage writes at once


def measure_disk(folder, size, repetitions):
    """(seconds of waiting to make `size` bytes durable in a file that exists, seconds of one short durable write), medians

    As nodes do it: in pieces past the system's cache (O_DIRECT), or through the cache where the file system can't do that."""
    short, large = [], []
    data = mmap.mmap(-1, PIECE)  # aligned, as O_DIRECT needs it
    data.write(os.urandom(PIECE))
    with tempfile.NamedTemporaryFile(dir=folder) as log:
        for _ in range(10 * repetitions):
            begin = time.monotonic()
            os.write(log.fileno(), data[:4096])
            os.fdatasync(log.fileno())
            short.append(time.monotonic() - begin)
    with tempfile.NamedTemporaryFile(dir=folder) as model:
        try:
            file = os.open(model.name, os.O_WRONLY | os.O_DIRECT)
        except OSError:
            file = os.open(model.name, os.O_WRONLY)
        for _ in range(repetitions + 1):
            begin, cpu = time.monotonic(), time.thread_time()
            for at in range(0, size, PIECE):
                os.pwrite(file, data, at)
            os.fdatasync(file)
            large.append(max(0.0, time.monotonic() - begin - (time.thread_time() - cpu)))
        os.close(file)
    return statistics.median(large[1:]), statistics.median(short)
