"""The parts of a run. Each takes a Context, returns what it measured as JSON values, and raises BenchError if it can't."""
import dataclasses
import importlib.machinery
import importlib.util
import json
import os
import statistics
import subprocess
import tempfile
import threading

from reporting import compression, disk, peers
from reporting.errors import BenchError
from reporting.processes import peak_mib, proportional_mib
from reporting.summary import LARGE, PAUSE, QUORUM, SMALL, UNTIL_MERGE
from reporting.swarm_round import WARM, Alone, Swarm, measure_round

HUGE = 500_000_000


@dataclasses.dataclass
class Context:
    root: str
    bin: str
    peers: str | None  # folder of the peers' programs
    passes: int
    quick: bool
    say: object  # takes a line for the person who waits


def in_turns(passes, runs):
    """{name: {"seconds": [of each pass], ...}}: all runs once, then all again; figures that are lists are joined."""
    found = {}
    for _ in range(passes):
        for name, run in runs.items():
            into = found.setdefault(name, {})
            for key, value in run().items():
                into.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    return found


def program_takes(context, flag):
    """Whether the programs know a flag that not every version has."""
    with open(f"{context.bin}/bench-round-ml", "rb") as program:
        return flag.encode() in program.read()


def round_(context):
    """Whole rounds beside the peers and the disk, in turns."""
    found = []
    for size in (SMALL, LARGE):
        measured = 3 if context.quick else 20 if size == SMALL else 5
        for members in (2, 4, 8):
            context.say(f"{size / 1e6:.3g} MB, {members} members")
            runs = {"Starling": lambda: measure_round(context.bin, members, size, measured)}
            if program_takes(context, "--durable"):
                runs[QUORUM] = lambda: measure_round(
                    context.bin, members, size, measured, program_flags=["--durable", "quorum"])
            if context.peers:
                for name, command in peers.commands(context.peers, members, size, 2 * measured).items():
                    runs[name] = lambda c=command: peers.run(c)
            runs["disk"] = lambda: disk.measure(members, size)
            found.append({"members": members, "bytes": size, "runs": in_turns(context.passes, runs),
                          "fsync": disk.measure_fsync()})
    return found


def pauses(context):
    """Rounds of a small model after a pause, in turns. All programs, also the compared ones, pause before each round, as if they
    trained on another device; meanwhile rounds are committed whose syncs waited for the merge only."""
    found, measured = [], 5 if context.quick else 30
    for members in (2, 4, 8):
        context.say(f"{members} members")
        runs = {name: lambda flags=flags: measure_round(context.bin, members, SMALL, measured, program_flags=flags, pause=PAUSE)
                for name, flags in (("Starling", []), (UNTIL_MERGE, ["--sync-until", "merge"]))}
        if context.peers:
            for name, command in peers.commands(context.peers, members, SMALL, 2 * measured, pausing=True).items():
                runs[name] = lambda c=command: peers.run(c, PAUSE, context.bin)
        found.append({"members": members, "bytes": SMALL, "runs": in_turns(context.passes, runs), "fsync": disk.measure_fsync()})
    return found


def memory(context):
    """What a swarm adds to the loops: peak of SL and ML, shared pages counted once, beside the program alone."""
    found = {"bytes": LARGE, "program_alone_mib": peak_alone(context, LARGE), "members": []}
    for members in (2, 8) if context.quick else (2, 8, 32):
        context.say(f"{members} members")
        with Swarm(context.bin, members, LARGE, WARM + 2) as swarm:
            peaks = sample_peaks(swarm)
            found["members"].append({"members": members, "pair_peak_mib": peaks})
    return found


def large(context):
    """A model of 500 MB among 8 members: memory, time, and whether all stay in every round."""
    members, rounds = 8, WARM + 2
    found = {"bytes": HUGE, "program_alone_mib": peak_alone(context, HUGE)}
    with Swarm(context.bin, members, HUGE, rounds) as swarm:
        peaks = sample_peaks(swarm)
        swarm.expect_one_digest()
        return found | {"members": [{"members": members, "pair_peak_mib": peaks}], "seconds": swarm.round_seconds(rounds),
                        "phases": swarm.phases(rounds), "given_up": swarm.given_up()}


def peak_alone(context, size):
    """Of a program without a swarm, in MiB."""
    with Alone(context.bin, 1, size, WARM + 1) as alone:
        alone.run_rounds(WARM + 1)
        base = peak_mib(alone.nodes[0].pid)
        alone.finish(first=0)
    return base


def sample_peaks(swarm):
    """Runs all rounds; of each member, the peak of SL and ML together."""
    peaks = [0.0] * swarm.members
    done = threading.Event()
    pairs = [[pid for pid in swarm.pids() if pid == sl.pid or parent_of(pid) == sl.pid] for sl in swarm.nodes[1:]]

    def sample():
        while not done.wait(0.01):
            for i, pair in enumerate(pairs):
                peaks[i] = max(peaks[i], proportional_mib(pair))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        swarm.run_rounds(WARM + 2)
    finally:
        done.set()
        sampler.join()
    swarm.finish(first=1)
    return peaks


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rsplit(")", 1)[1].split()[1])


def overhead(context):
    """Wall time of the training work of two programs in a swarm, and of the same two without it. All four run at the
    same time, and the barrier lets one pair work after the other, before each round: what else this machine does
    changes within seconds by more than what is compared."""
    rounds, work = WARM + (10 if context.quick else 30), 240
    found = {"alone": {"seconds": []}, "in a swarm": {"seconds": []}}
    for _ in range(context.passes):
        with Alone(context.bin, 2, LARGE, rounds, work) as alone, Swarm(context.bin, 2, LARGE, rounds, work) as swarm:
            pairs = {"alone": alone, "in a swarm": swarm}
            for programs in pairs.values():
                programs.gather()
            for _ in range(rounds):
                for programs in pairs.values():
                    programs.release()
                    programs.gather()
            alone.finish(first=0)
            swarm.finish(first=1)
            for name, programs in pairs.items():
                times = programs.times()
                found[name]["seconds"] += [statistics.mean(t[n][2] for t in times) for n in range(WARM + 1, rounds + 1)]
    return found


def script(context, path):
    """A program of bench/ as a module."""
    loader = importlib.machinery.SourceFileLoader(os.path.basename(path) + "_script", f"{context.root}/{path}")
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


def run_script(context, command, needs=()):
    """The JSON that a program of bench/ writes with --json."""
    for name in needs:
        if not os.path.exists(name):
            raise BenchError(f"{os.path.basename(name)} is missing: give --peers, and deploy/install-deps --bench")
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
        done = subprocess.run(command + ["--json", f"{folder}/json"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 77:
            raise BenchError("no network namespaces here: needs root and unshare(2)")
        if done.returncode != 0:
            raise BenchError(f"{os.path.basename(command[0])} ended with {done.returncode}: {done.stdout[-800:].strip()}")
        with open(f"{folder}/json") as file:
            return json.load(file)


def tls(context):
    """One connection on loopback."""
    if not context.peers:
        raise BenchError("needs --peers: compared with raw_tls")
    return run_script(context, [f"{context.root}/bench/tls/tls", "--bin", context.bin, "--peers", context.peers, "--only",
                                "loopback", "--passes", "2" if context.quick else "5", "--runs", "5"])


def wan(context):
    """One connection over 100 ms and 1 Gbit/s, with buffers tuned for it."""
    passes = "1" if context.quick else "3"
    return run_script(context, [f"{context.root}/bench/tls/tls", "--bin", context.bin, "--only", "wan_tuned", "--wan-passes", passes,
                                "--wan-runs", "1" if context.quick else "2"])


def google_benchmark(context, program, *flags):
    """[{"name", "rate": bytes or items a second, "seconds": CPU, one entry a repetition}]"""
    if not os.path.exists(f"{context.bin}/{program}"):
        raise BenchError(f"{program} is not built: Google Benchmark is in package libbenchmark-dev")
    with tempfile.TemporaryDirectory(prefix="starling-bench-") as folder:
        out = f"{folder}/json"
        done = subprocess.run([f"{context.bin}/{program}", f"--benchmark_out={out}", "--benchmark_out_format=json", *flags],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise BenchError(f"{program} ended with {done.returncode}: {done.stdout[-800:].strip()}")
        with open(out) as file:
            return runs_of(json.load(file))


def runs_of(written):
    """The runs in what Google Benchmark writes, repetitions joined."""
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
    found = {}
    for run in written["benchmarks"]:
        if run.get("run_type") == "aggregate":
            continue
        name = run["run_name"].split("/repeats:")[0].split("/min_time:")[0]
        into = found.setdefault(name, {"name": name, "bytes_per_second": [], "items_per_second": [], "cpu_seconds": []})
        into["cpu_seconds"].append(run["cpu_time"] * scale[run["time_unit"]])
        for key in ("bytes_per_second", "items_per_second"):
            if key in run:
                into[key].append(run[key])
    return list(found.values())


def merge(context):
    """Merge rules beside reading, and beside libtorch where it is built in."""
    # Left out: ways of libtorch that take a minute, and are slower than its others with any number of inputs.
    flags = ["--benchmark_repetitions=3", "--benchmark_filter=-torch (median|sort)/"]
    if context.quick:
        flags += ["--benchmark_repetitions=2", "--benchmark_filter=^(read|mean.*|coordinate-median|krum.*)/inputs:(2|8)"]
    return google_benchmark(context, "bench_merge", *flags)


def micro(context):
    """Hash, codec, ledger, driver and hand-over, each step alone."""
    return google_benchmark(context, "bench_micro", f"--benchmark_repetitions={2 if context.quick else 5}",
                            "--benchmark_min_time=0.1", "--benchmark_enable_random_interleaving=true")


# name -> (function, seconds that it takes by default, and with --quick)
PARTS = {"round": (round_, 330, 130), "pauses": (pauses, 110, 30), "overhead": (overhead, 75, 15), "memory": (memory, 90, 30), "tls": (tls, 25, 15),
         "wan": (wan, 50, 15), "merge": (merge, 70, 20), "micro": (micro, 25, 10),
         "compression": (compression.measure, 270, 90), "large": (large, 120, 120)}
WANTED = tuple(name for name in PARTS if name != "large")  # by default
