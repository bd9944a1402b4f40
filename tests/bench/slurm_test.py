#!/usr/bin/env python3
"""The job array of swarm-sweep on Debian's Slurm: a controller and one node on this machine, with a configuration of their own.

usage: slurm_test.py ROOT BIN      exit 77: Slurm is missing here (packages slurmctld, slurmd, slurm-client and munge)
"""
import collections
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT, BIN = (os.path.abspath(path) for path in sys.argv[1:3])
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
os.environ["PATH"] += ":/usr/sbin"

CONF = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
PluginDir={plugins}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Daemon:
    """A process in the foreground that has printed `ready`; what else it prints is kept for messages."""

    def __init__(self, ready, *command):
        self.lines = collections.deque(maxlen=50)
        self.is_ready = threading.Event()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, args=(ready,))
        self.reader.start()
        if not self.is_ready.wait(60) or self.process.poll() is not None:
            self.stop()
            raise RuntimeError(f"{command[0]} did not start:\n" + "".join(self.lines))

    def read(self, ready):
        for line in self.process.stderr:
            self.lines.append(line)
            if ready in line:
                self.is_ready.set()
        self.is_ready.set()  # it has ended

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.reader.join()
        self.process.stderr.close()


class Slurm:
    def __init__(self, folder):
        self.daemons = []
        for name in ("state", "spool"):
            os.mkdir(f"{folder}/{name}")
        with open(os.open(f"{folder}/munge.key", os.O_WRONLY | os.O_CREAT, 0o400), "wb") as key:
            key.write(os.urandom(128))
        slurmd = os.path.realpath(shutil.which("slurmd"))
        plugins = glob.glob(f"{os.path.dirname(os.path.dirname(slurmd))}/lib/*/slurm-wlm")[0]
        host = socket.gethostname().split(".")[0]
        conf = f"{folder}/slurm.conf"
        with open(conf, "w") as out:
            out.write(CONF.format(host=host, folder=folder, plugins=plugins, controller_port=free_port(), node_port=free_port()))
        os.environ["SLURM_CONF"] = conf
        self.start("Created socket", "munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.sock",
                   f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed")
        self.start("Running as primary controller", "slurmctld", "-D", "-f", conf)
        step = os.path.join(os.path.dirname(slurmd), os.path.basename(slurmd).replace("slurmd", "slurmstepd"))
        self.start("started on", "slurmd", "-D", "-f", conf, "-N", host, "-d", step)

    def start(self, *command):
        self.daemons.append(Daemon(*command))

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.stop()


class JobArray(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o755)  # munged refuses a socket in a folder that others can't reach
        self.slurm = Slurm(self.folder)
        self.addCleanup(self.slurm.stop)

    def sweep(self, *flags):
        done = subprocess.run([f"{ROOT}/bench/predict/swarm-sweep", f"{self.folder}/sweep.json", f"--bin={BIN}", *flags],
                              capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, 0, done.stderr)

    def submit(self):
        done = subprocess.run(["sbatch", "--wait", f"{self.folder}/job"], capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, 0, done.stderr + "".join(line for one in self.slurm.daemons for line in one.lines))

    def results(self, name):
        with open(f"{self.folder}/{name}") as lines:
            return [json.loads(line) for line in lines]

    def test_the_array_has_the_results_of_a_sweep_and_goes_on_where_it_stopped(self):
        sys.path.insert(0, f"{ROOT}/bench")
        from prediction import rehearsal
        for name, text in (("platform.xml", rehearsal.star_platform(3)), ("deployment.xml", rehearsal.deployment(2, 1000, 6)),
                           ("sweep.json", '{"platform": "platform.xml", "deployment": "deployment.xml", "seed": [1, 2, 3]}')):
            with open(f"{self.folder}/{name}", "w") as out:
                out.write(text)
        self.sweep()
        self.sweep(f"--slurm={self.folder}/job", "-o", f"{self.folder}/array")
        self.submit()
        key = lambda line: line["id"]  # noqa: E731
        joined = [line for task in range(3) for line in self.results(f"array.{task}")]
        self.assertEqual(sorted(joined, key=key), sorted(self.results("sweep.jsonl"), key=key))
        os.remove(f"{self.folder}/array.1")
        self.submit()
        self.assertEqual([len(self.results(f"array.{task}")) for task in range(3)], [1, 1, 1])


if __name__ == "__main__":
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing or os.getuid() != 0:
        print(f"skipped: {', '.join(missing)} missing: packages slurmctld, slurmd, slurm-client and munge" if missing
              else "skipped: slurmd needs root")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0]])
