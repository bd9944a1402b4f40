"""What compressed exchange costs in accuracy and saves in bytes: two members train in the simulator (real training,
simulated network) once with each method and seed."""
import os
import re
import subprocess
import tempfile
from xml.sax.saxutils import quoteattr

from reporting.errors import BenchError

METHODS = ("none", "f16", "bf16", "int8", "top-k:fraction=0.1", "top-k:fraction=0.01")


def actor(host, function, arguments):
    lines = [f"<actor host={quoteattr(host)} function={quoteattr(function)}>"]
    return "\n".join(lines + [f"<argument value={quoteattr(a)}/>" for a in arguments] + ["</actor>"])


def deployment(program, data_dir):
    sn = ["--name=sn1", "--host-ip=127.0.1.1", "--sentinel"]
    actors = [actor("host-1", "run-sn", sn)]
    for i, ip in ((1, "127.0.1.1"), (2, "127.0.2.2")):
        actors.append(actor(f"host-{i}", "run-sl", [
            f"--name=sl{i}", f"--host-ip={ip}", "--sn-ip=127.0.1.1", f"--ml-name=ml{i}", "--ml-entrypoint=cifar10",
            f"--ml-cmd={program}", "--ml-e=MODEL_DIR=model", "--ml-e=MAX_EPOCHS=1", "--ml-e=MIN_PEERS=2",
            f"--ml-e=DATA_DIR={data_dir}"]))
    return "\n".join(["<?xml version='1.0'?>", '<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">',
                      '<platform version="4.1">', *actors, "</platform>", ""])


def accuracy(log):
    """Of the test images, in percent; all members end with the same model."""
    found = set(re.findall(r"Test accuracy ([0-9.]+) %", log))
    if len(found) != 1:
        raise BenchError(f"compression: the members' accuracies are {sorted(found) or 'not printed'}")
    return float(found.pop())


def train(context, method, seed, data_dir, calibration):
    """{"accuracy": percent, "bytes": that the members send each other}"""
    program = f"--model tiny --sync-frequency 32 --seed {seed} --compress {method}"
    if not data_dir:
        program += " --drawn-train 20000 --drawn-test 4000"
    with tempfile.TemporaryDirectory(prefix="starling-compression-") as folder:
        with open(f"{folder}/deploy.xml", "w", encoding="utf-8") as file:
            file.write(deployment(program, data_dir))
        for host in ("host-1", "host-2"):
            os.mkdir(f"{folder}/{host}")
        done = subprocess.run(
            [f"{context.bin}/cifar10-sim", f"{context.root}/platforms/two_hosts_loopback.xml", f"{folder}/deploy.xml", "--seed",
             str(seed), "--workspace", folder, "--calibration", calibration, "--trace", f"{folder}/trace"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise BenchError(f"compression: cifar10-sim ended with {done.returncode}: {done.stdout[-800:].strip()}")
        with open(f"{folder}/trace") as trace:
            sent = [int(count) for line in trace for count in re.findall(r" exchange_done .* sent_bytes=(\d+)", line)]
        return {"accuracy": accuracy(done.stdout), "bytes": sum(sent)}


def measure(context):
    """Accuracy and bytes of compressed exchange, by training in the simulator.

    \\return {"images", "methods": {method: {"accuracy": [of each seed], "bytes": [of each seed]}}}"""
    if not os.path.exists(f"{context.bin}/cifar10-sim"):
        raise BenchError("cifar10-sim is not built: needs libtorch and the simulator (deploy/install-deps)")
    data_dir = os.environ.get("STARLING_CIFAR10_DIR", "")
    seeds = 1 if context.quick else context.passes
    found = {}
    with tempfile.TemporaryDirectory(prefix="starling-compression-") as folder:
        # Simulated time needs it; nothing here does.
        calibration = f"{folder}/calibration.json"
        subprocess.run([f"{context.bin}/cifar10", "--model", "tiny", "--sync-frequency", "10"], check=True, stdout=subprocess.DEVNULL,
                       env=os.environ | {"SWARM_CALIBRATE": calibration, "SWARM_CALIBRATE_BATCHES": "10", "MODEL_DIR": folder})
        for method in METHODS:
            context.say(method)
            runs = [train(context, method, seed, data_dir, calibration) for seed in range(1, seeds + 1)]
            found[method] = {key: [run[key] for run in runs] for key in ("accuracy", "bytes")}
    return {"images": "CIFAR-10" if data_dir else "drawn images", "methods": found}
