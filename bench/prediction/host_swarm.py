"""A swarm of real processes on hosts of their own: network namespaces on a switch, with links of a given rate."""
import os
import subprocess
import tempfile
import time

from namespaces import Hosts
from prediction.probe import REALTIME
from prediction.traces import exchanged_bytes, medians, order_of_events, round_figures
from reporting.errors import BenchError

SKIP = 2  # rounds before the measured ones
# Loss-based, as Linux's default (cubic), and allowed in namespaces of every Linux. BBR, which some systems have as their default, lets
# one of several transfers over a link have much more than its share for tens of milliseconds.
CONGESTION_CONTROL = "reno"


def measure(bin_dir, case, limit_seconds=300, realtime=False):
    """One run of `case` ({members, bytes, rate, rounds, flags, and slow_rate of the last member}): {"rounds_measured", "phases", "sent_bytes", "order"}.

    The SN is on host 1, member i on host i + 1. OSError if there are no network namespaces; BenchError if a run fails."""
    members, hosts = case["members"], Hosts(case["members"] + 1, CONGESTION_CONTROL)
    nodes, first = [], REALTIME if realtime else []
    try:
        with tempfile.TemporaryDirectory(prefix="starling-fidelity-") as folder:
            for host in range(2, members + 2):
                if rate := case.get("slow_rate") if host == members + 1 and case.get("slow_rate") else case["rate"]:
                    hosts.limit(host, f"{rate:.0f}bit", both_ways=True)
                    # Below tbf's burst, or it splits each large packet of the kernel in 1,500 bytes, at the cost of our cores.
                    hosts.run(host, "ip link set dev eth0 gso_max_size 15000")
            for host in range(1, members + 2):
                subprocess.run([f"{bin_dir}/gen-cert", "-e", "x", "-i", str(host), "--workspace", folder, "--host-ip", hosts.address(host)],
                               check=True, stdout=subprocess.DEVNULL)

            def spawn(host, role, name, command):
                stem = f"{folder}/x/cert/{role}-{host}"
                with open(f"{folder}/{name}.out", "wb") as out:
                    nodes.append(subprocess.Popen(hosts.inside(host, first + [f"{bin_dir}/{command[0]}"] + command[1:] + [
                        f"--name={name}", f"--host-ip={hosts.address(host)}", f"--workspace={folder}/{host}", f"--cert={stem}-cert.pem",
                        f"--key={stem}-key.pem", f"--capath={folder}/x/cert/ca/capath", f"--trace={folder}/{name}.trace"]), stdout=out, stderr=out))
            spawn(1, "sn", "sn1", ["run-sn", "--sentinel"])
            for i in range(1, members + 1):
                program = ["--elements", case["bytes"] // 4, "--rounds", case["rounds"], "--times", f"{folder}/{i}.times", *case["flags"]]
                spawn(i + 1, "sl", f"sl{i}", ["run-sl", f"--sn-ip={hosts.address(1)}", f"--ml-name=ml{i}", f"--ml-w={folder}",
                                              f"--ml-entrypoint={bin_dir}/bench-round-ml", f"--ml-e=MIN_PEERS={members}",
                                              f"--ml-e=SWARM_TRACE={folder}/ml{i}.trace", "--ml-cmd=" + " ".join(map(str, program))])
            wait_for(nodes[1:], folder, time.monotonic() + limit_seconds)
            traces = [f"{folder}/{role}{i}.trace" for role in ("sl", "ml") for i in range(1, members + 1)]
            figures = round_figures(traces, SKIP)
            return {"rounds_measured": figures, "phases": medians(figures), "sent_bytes": exchanged_bytes(traces),
                    "order": order_of_events(traces)}
    finally:
        for node in nodes:
            node.kill()
            node.wait()
        hosts.close()


def wait_for(nodes, folder, until):
    for node in nodes:
        try:
            code = node.wait(timeout=max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise BenchError("a real run takes too long") from None
        if code != 0:
            texts = [f"{name}: {open(f'{folder}/{name}').read()[-600:]}" for name in sorted(os.listdir(folder)) if name.endswith(".out")]
            raise BenchError(f"a member ended with {code}\n" + "\n".join(texts))
