"""Rounds of a swarm of real processes on loopback addresses, and the same training programs without a swarm.

The program is bench-round-ml, which waits at a barrier before each call of on_batch_end(): all members start a
round together, like the processes of the compared libraries. Before the barrier it asks here, or runs rounds of its own accord.
"""
import ctypes
import mmap
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from prediction import traces
from reporting.errors import BenchError
from reporting.processes import children_of, cpu_seconds, peak_mib

WARM = 2  # rounds before the measured ones, by default
PHASES = traces.PHASES[1:]  # without the training


def warm_rounds(members):
    """After so many each member was the centre of a star once, and has the memory and connections that it needs for that. The
    compared programs have the same centre in every round, and connect before the first one."""
    return WARM + members


def make_barrier(path, count):
    """A pthread_barrier_t of `count` processes in a file."""
    with open(path, "wb+") as file:
        file.truncate(mmap.PAGESIZE)
        memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)
    pthread, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    pthread.pthread_barrierattr_init(attributes)
    pthread.pthread_barrierattr_setpshared(attributes, 1)  # PTHREAD_PROCESS_SHARED
    pthread.pthread_barrier_init(ctypes.byref(ctypes.c_char.from_buffer(memory)), attributes, count)


class Programs:
    """`members` training programs at a barrier. A context that ends all processes it has started."""

    def __init__(self, bin_dir, members, warm=WARM):
        self.bin, self.members, self.warm = bin_dir, members, warm
        self.folder = tempfile.mkdtemp(prefix="starling-round-")
        self.nodes, self.programs = [], []
        self.barrier = socket.socket(socket.AF_UNIX)
        self.barrier.bind(f"{self.folder}/barrier")
        self.barrier.listen(members)
        self.barrier.settimeout(1)
        make_barrier(f"{self.folder}/start", members)

    def flags(self, i, elements, rounds, work):
        """Of program `i`; `work`: passes of arithmetic over the parameters before each round."""
        return ["--elements", str(elements), "--rounds", str(rounds), "--work", str(work),
                "--barrier", f"{self.folder}/barrier", "--start", f"{self.folder}/start", "--times", f"{self.folder}/{i}.times"]

    def spawn(self, number, command, environment=None):
        with open(f"{self.folder}/{number}.out", "wb") as out:
            self.nodes.append(subprocess.Popen(command, stdout=out, stderr=out, env=environment))

    def last_words(self):
        """Of the first process that has ended."""
        for number, node in enumerate(self.nodes):
            if node.poll() is not None:
                with open(f"{self.folder}/{number}.out", errors="replace") as out:
                    return f"process {number} ended with {node.returncode}: {out.read()[-800:].strip()}"
        return "all processes run"

    def accept_programs(self):
        while len(self.programs) < self.members:
            try:
                program = self.barrier.accept()[0]
                program.settimeout(600)
                self.programs.append(program)
            except TimeoutError:
                if any(node.poll() is not None for node in self.nodes):
                    raise BenchError(f"round: {self.last_words()}") from None

    def gather(self):
        """Waits until all programs are at the barrier."""
        for program in self.programs:
            if program.recv(1) == b"":
                raise BenchError(f"round: a program has ended early; {self.last_words()}")

    def release(self):
        for program in self.programs:
            program.send(b"x")

    def pids(self):
        found = [node.pid for node in self.nodes]
        return found + [child for pid in found for child in children_of(pid)]

    def run_rounds(self, rounds, on_measured=lambda: None):
        """Up to the barrier after the last round; on_measured() is called when the first measured one is about to start."""
        for number in range(1, rounds + 1):
            self.gather()
            if number == self.warm + 1:
                on_measured()
            self.release()
        self.gather()

    def finish(self, first):
        """Lets the programs end; the processes from number `first` on must do so without an error."""
        self.release()
        for node in self.nodes[first:]:
            if node.wait(timeout=300) != 0:
                raise BenchError(f"round: {self.last_words()}")

    def times(self):
        """Of each program, {round: (begin of the call, its end, seconds of work before it)}."""
        found = []
        for i in range(1, self.members + 1):
            with open(f"{self.folder}/{i}.times") as lines:
                rows = [line.split() for line in lines]
            found.append({int(row[0]): tuple(float(word) for word in row[1:]) for row in rows})
        return found

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.barrier.close()
        for program in self.programs:
            program.close()
        for node in self.nodes:
            node.terminate()
        for node in self.nodes:
            try:
                node.wait(timeout=20)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Alone(Programs):
    """The programs without a swarm (SWARM_LOOPBACK)."""

    def __init__(self, bin_dir, members, size, rounds, work=0):
        super().__init__(bin_dir, members)
        self.command_line = [size // 4, rounds, work]

    def start(self):
        for i in range(1, self.members + 1):
            self.spawn(i - 1, [f"{self.bin}/bench-round-ml"] + self.flags(i, *self.command_line),
                       os.environ | {"SWARM_LOOPBACK": "True", "MIN_PEERS": "1"})
        self.accept_programs()


class Swarm(Programs):
    """An SN, and an SL with its program for each member. With `package`, the folder of the Python package swarmlearning,
    the program is bench/round/round_program.py."""

    def __init__(self, bin_dir, members, size, rounds, work=0, sl_flags=(), program_flags=(), package=None, warm=WARM):
        super().__init__(bin_dir, members, warm)
        self.program, self.script = [f"--ml-entrypoint={self.bin}/bench-round-ml"], []
        if package:
            self.program = ["--ml-entrypoint=/usr/bin/python3", f"--ml-e=PYTHONPATH={package}"]
            self.script = [os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "round/round_program.py")]
        # A network of its own, so that other runs on this machine don't meet.
        self.network = f"127.{os.getpid() % 250 + 1}.{os.getpid() // 250 % 250 + 1}"
        self.command_line, self.sl_flags, self.program_flags = [size // 4, rounds, work], list(sl_flags), list(program_flags)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def start(self):
        for host in range(self.members + 1):
            subprocess.run([f"{self.bin}/gen-cert", "-e", "x", "-i", str(host + 1), "--workspace", self.folder, "--host-ip",
                            self.address(host)], check=True, stdout=subprocess.DEVNULL)
        self.start_node(0, ["run-sn", "--sentinel"], "sn")
        self.wait_for(0, "Starting SWARM-API-SERVER")
        for i in range(1, self.members + 1):
            flags = " ".join(self.script + self.flags(i, *self.command_line) + self.program_flags)
            self.start_node(i, ["run-sl", f"--sn-ip={self.address(0)}", f"--ml-name=ml{i}", f"--ml-w={self.folder}",
                                f"--ml-e=MIN_PEERS={self.members}", f"--ml-e=SWARM_TRACE={self.folder}/ml{i}.trace",
                                f"--ml-cmd={flags}"] + self.program + self.sl_flags, "sl")
        self.accept_programs()

    def address(self, host):
        return f"{self.network}.{100 + host}"

    def start_node(self, host, command, role):
        stem = f"{self.folder}/x/cert/{role}-{host + 1}"
        self.spawn(host, [f"{self.bin}/{command[0]}"] + command[1:] +
                   [f"--name={role}{host}", f"--host-ip={self.address(host)}", f"--workspace={self.folder}/{host}",
                    f"--sn-api-port={self.port}", f"--cert={stem}-cert.pem", f"--key={stem}-key.pem",
                    f"--capath={self.folder}/x/cert/ca/capath", f"--trace={self.folder}/{role}{host}.trace"])

    def wait_for(self, host, text):
        while True:
            with open(f"{self.folder}/{host}.out") as out:
                if text in out.read():
                    return
            if self.nodes[host].poll() is not None:
                raise BenchError(f"round: {self.last_words()}")
            time.sleep(0.01)

    def round_seconds(self, rounds):
        """Of each measured round, from the first call to the last return."""
        times = self.times()
        return [max(t[n][1] for t in times) - min(t[n][0] for t in times) for n in range(self.warm + 1, rounds + 1)]

    def expect_one_digest(self):
        """BenchError: members continued from a round with different models."""
        found = {}
        for i in range(1, self.members + 1):
            with open(f"{self.folder}/ml{i}.trace") as lines:
                for match in re.finditer(r" sync_end .*?\bround=(\d+).*?\bdigest=(\w+)", lines.read()):
                    found.setdefault(int(match.group(1)), []).append(match.group(2))
        for number, digests in found.items():
            if len(digests) != self.members or len(set(digests)) != 1:
                raise BenchError(f"round {number}: {len(digests)} members continued, with {len(set(digests))} different models")
        if not found:
            raise BenchError("the members' traces have no round")

    def given_up(self):
        """How often the SN gave a member up before the last commit: lost, or excluded because it held a round up."""
        with open(f"{self.folder}/sn0.trace") as lines:
            events = [line.split(" ", 3)[2:3] for line in lines]
        last = max(at for at, event in enumerate(events) if event == ["round_committed"])
        return sum(event in (["member_gone"], ["member_excluded"]) for event in events[:last])

    def phases(self, rounds):
        """{phase: its median over members and measured rounds}, by the traces; of what a program waits for."""
        found = {name: [] for name, *_ in PHASES}
        for i in range(1, self.members + 1):
            marks = traces.read_marks([f"{self.folder}/sl{i}.trace", f"{self.folder}/ml{i}.trace"])
            for number in range(self.warm + 1, rounds + 1):
                at = {event: seconds for event, times in marks[number].items() for seconds in times.values()}
                for name, begin, end in PHASES:
                    found[name].append(min(at[end], at["sync_end"]) - min(at[begin], at["sync_end"]))
        return {name: statistics.median(times) for name, times in found.items()}


def measure_round(bin_dir, members, size, measured, sl_flags=(), program_flags=(), package=None, pause=0.0):
    """{"seconds": of each measured round, "cpu": seconds a round, "peak_mib", "phases"}. Measured rounds follow each other without
    this process, which would take processor time from their ends. `pause`: of the programs before each round, in seconds."""
    warm = warm_rounds(members)
    rounds = warm + measured
    flags = list(program_flags) + ["--ask-until", str(warm + 1), "--pause", str(pause)]
    with Swarm(bin_dir, members, size, rounds, sl_flags=sl_flags, program_flags=flags, package=package, warm=warm) as swarm:
        before = []
        swarm.run_rounds(warm + 1, lambda: before.append(cpu_seconds(swarm.pids())))
        cpu = cpu_seconds(swarm.pids()) - before[0]
        peak = sum(peak_mib(pid) for pid in swarm.pids())
        swarm.finish(first=1)
        return {"seconds": swarm.round_seconds(rounds), "cpu": cpu / measured, "peak_mib": peak, "phases": swarm.phases(rounds)}
