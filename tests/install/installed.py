"""Helpers of the tests of an installed Starling: commands, a swarm of two hosts on loopback addresses."""
import glob
import json
import os
import select
import socket
import subprocess
import sys
import time

TWO_HOSTS = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <actor host="host-1" function="run-sn">
    <argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/><argument value="--sentinel"/>
  </actor>
  {sls}
</platform>
"""
ONE_SL = """<actor host="host-{i}" function="run-sl">
    <argument value="--name=sl{i}"/><argument value="--host-ip=172.{i}.{i}.{i}"/>
    <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-entrypoint=train"/>
    <argument value="--ml-name=ml{i}"/><argument value="--ml-e=MIN_PEERS=2"/>
  </actor>"""


def fail(text):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {text}")


def run(*words, environment=None, limit=600, expect=0):
    """Runs a command. Returns what it prints; ends the test if its exit code is another than `expect`."""
    words = [str(word) for word in words]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit,
                          env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL)
    if done.returncode != expect:
        fail(f"exit code {done.returncode} of {' '.join(words)}\n{done.stdout[-8000:]}")
    return done.stdout


class NotifySocket:
    """What a service tells its manager, by sd_notify(3): lines NAME=VALUE. `place`: a path, for NOTIFY_SOCKET."""

    def __init__(self, place):
        self.place, self.told = place, []
        if os.path.exists(place):
            os.unlink(place)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(place)

    def wait_for(self, start, limit, process):
        """Waits for a line that starts with `start`, and returns its rest. `process`: that of the service."""
        end = time.monotonic() + limit
        process_end = os.pidfd_open(process.pid)
        while not any(line.startswith(start) for line in self.told):
            ready, *_ = select.select([self.socket, process_end], [], [], max(0.0, end - time.monotonic()))
            if self.socket not in ready:
                fail(f"{self.place}: {start} was not told, but {self.told}")
            self.told += self.socket.recv(4096).decode().split("\n")
        os.close(process_end)
        return next(line for line in self.told if line.startswith(start))[len(start):]


def holds(what, part, text):
    if part not in text:
        fail(f"{what}: '{part}' is not in\n{text[-8000:]}")


def digests(lines):
    """The digests that training programs end with, as their log lines "... ends with X, digest Y" say."""
    return {line.rsplit("digest ", 1)[1].split()[0] for line in lines if " ends with " in line and "digest " in line}


def rehearse(simulator, platform, folder):
    """Simulates two hosts. Returns the final digests of both members."""
    deployment = os.path.join(folder, "deploy.xml")
    with open(deployment, "w", encoding="utf-8") as file:
        file.write(TWO_HOSTS.format(sls="\n".join(ONE_SL.format(i=i) for i in (1, 2))))
    table = os.path.join(folder, "table.json")
    with open(table, "w", encoding="utf-8") as file:
        file.write('{"workloads": {"default": {"seconds_per_batch": 0.001, "startup_seconds": 0.01}}}')
    said = run(simulator, platform, deployment, "--calibration", table, "--workspace", os.path.join(folder, "simulated"))
    return digests(said.split("\n"))


def predict_and_sweep(prefix, folder):
    """The installed scripts find their modules and programs: they rehearse a platform of the installed generator."""
    at = {name: os.path.join(folder, f"scripts-{name}") for name in ("platform.xml", "deploy.xml", "sweep.json", "sweep.jsonl")}
    run(f"{prefix}/share/starling/platforms/generate", "clinics", "--hosts", 3, "-o", at["platform.xml"], "--deployment", at["deploy.xml"])
    holds("swarm-predict", "time of a round", run(f"{prefix}/bin/swarm-predict", at["platform.xml"], at["deploy.xml"], "--seeds", 1))
    with open(at["sweep.json"], "w", encoding="utf-8") as file:
        json.dump({"platform": at["platform.xml"], "deployment": at["deploy.xml"], "seed": [1, 2]}, file)
    run(f"{prefix}/bin/swarm-sweep", at["sweep.json"])
    with open(at["sweep.jsonl"], encoding="utf-8") as lines:
        results = [json.loads(line) for line in lines]
    if [line.get("exit_code") for line in results] != [0, 0]:
        fail(f"swarm-sweep: {results}")
    holds("swarm-calibrate", "--peer", run(f"{prefix}/bin/swarm-calibrate", "--help"))


def train_for_real(bin_dir, run_sl, program, folder, addresses):
    """Two owners on loopback addresses. Returns the final digests of both members."""
    def tool(name):
        return os.path.join(bin_dir, name)
    nodes = os.path.join(folder, "nodes")
    for i, address in enumerate(addresses, 1):
        run(tool("gen-cert"), "-e", "swarm", "-i", i, "--host-ip", address, "--workspace", folder)

    def identity(role, i):
        cert = os.path.join(folder, "swarm", "cert")
        return [f"--key={cert}/{role}-{i}-key.pem", f"--cert={cert}/{role}-{i}-cert.pem", f"--capath={cert}/ca/capath",
                f"--workspace={nodes}", f"--host-ip={addresses[i - 1]}"]
    try:
        run(tool("run-sn"), "-d", "--name=sn1", "--sentinel", *identity("sn", 1))
        started = []
        for i in (1, 2):
            # Without -d, so that both start at once: each is up only when the other one has joined.
            started.append(subprocess.Popen(
                [run_sl, f"--name=sl{i}", f"--sn-ip={addresses[0]}", f"--ml-entrypoint={program}", "--ml-e=MIN_PEERS=2",
                 *identity("sl", i)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT))
        for process in started:
            if process.wait(timeout=300) != 0:
                fail("an SL has failed:\n" + "".join(log_lines(nodes)))
        return digests(log_lines(nodes))
    finally:
        run(tool("stop-swarm"), "--workspace", nodes)


def log_lines(nodes):
    lines = []
    for name in sorted(glob.glob(os.path.join(nodes, "log", "*.log"))):
        with open(name, encoding="utf-8") as file:
            lines += file.readlines()
    return lines
