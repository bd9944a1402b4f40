"""Programs as processes in simulations (swarm-sim --run-programs): Python, C++ and both, and programs that misbehave.

usage: STARLING_BUILD=build PYTHONPATH=build/python python3 tests/python/rehearsal_test.py
"""
import filecmp
import importlib.util
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("STARLING_BUILD", f"{ROOT}/build"))
PACKAGE = f"{BUILD}/python"
SWARM_SIM = f"{BUILD}/bin/swarm-sim"
TOY = f"{ROOT}/tests/python/toy.py"

if importlib.util.find_spec("numpy") is None:
    print("skipped: numpy is not installed (python3-numpy)")
    sys.exit(77)
if not os.path.exists(SWARM_SIM):
    print("skipped: there is no swarm-sim (STARLING_SIM)")
    sys.exit(77)

TABLE = {"workloads": {"toy": {"seconds_per_batch": 0.01}, "default": {"seconds_per_batch": 0.02, "startup_seconds": 0.5}}}
PROLOGUE = """
import os, signal, sys, numpy
from swarmlearning.np import SwarmCallback
weight = numpy.zeros(1000, "float32")
swarm = SwarmCallback(2, 2, model={"weight": weight})
print("the program has begun", flush=True)
swarm.on_train_begin()
"""


def python(script, *flags):
    return ["--ml-entrypoint=/usr/bin/python3", f"--ml-cmd={script} {' '.join(flags)}", f"--ml-e=PYTHONPATH={PACKAGE}"]


def cpp(flags=""):
    return [f"--ml-entrypoint={BUILD}/bin/toy-ml", f"--ml-cmd={flags}"]


def actor(host, function, arguments):
    lines = "".join(f'<argument value="{argument}"/>' for argument in arguments)
    return f'<actor host="host-{host}" function="{function}">{lines}</actor>\n'


class Rehearsal(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="starling-rehearsal-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.table = self.file("table.json", json.dumps(TABLE))

    def file(self, name, text):
        path = f"{self.folder}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        return path

    def read(self, name):
        with open(f"{self.folder}/{name}") as file:
            return file.read()

    def program(self, text):
        """A program that has joined when `text` begins."""
        return python(self.file("program.py", PROLOGUE + text))

    def deployment(self, *programs):
        actors = actor(1, "run-sn", ["--name=sn1", "--host-ip=172.1.1.1", "--sentinel"])
        for host, program in enumerate(programs, 1):
            actors += actor(host, "run-sl", [f"--name=sl{host}", f"--host-ip=172.{host}.{host}.{host}",
                                             "--sn-ip=172.1.1.1", f"--ml-name=ml{host}", *program])
        return self.file("swarm.xml", f"<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                         f"\"https://simgrid.org/simgrid.dtd\">\n<platform version=\"4.1\">\n{actors}</platform>\n")

    def command(self, programs, flags, simulator=SWARM_SIM):
        return [simulator, f"{ROOT}/platforms/two_hosts.xml", self.deployment(*programs), "--calibration", self.table, "--quiet",
                *flags]

    def run_swarm(self, programs, *flags, code=0, **others):
        """Standard output and standard error of a simulation that ends with `code`."""
        flags = flags if others else ("--run-programs", *flags)
        done = subprocess.run(self.command(programs, flags, **others), cwd=self.folder, text=True, timeout=240,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def check_failure(self, programs, *parts, flags=(), code=1):
        output = self.run_swarm(programs, *flags, code=code)
        for part in parts:
            self.assertIn(part, output)

    # Swarms.

    def test_two_runs_of_a_mixed_swarm_give_the_same_trace(self):
        swarm = [python(TOY), cpp()]
        output = self.run_swarm(swarm, "--trace", "first")
        self.run_swarm(swarm, "--trace", "second", "--programs-at-once", "1")
        self.assertEqual(self.read("first"), self.read("second"))
        digest = re.search(r"final digest +([0-9a-f]{64})", output).group(1)
        for host in (1, 2):
            self.assertIn(f"ends with digest {digest}", self.read(f"workspace/host-{host}/log/ml{host}.log"))

    def test_a_process_has_the_trace_of_the_same_program_in_the_simulator(self):
        swarm = [cpp(), cpp()]
        self.run_swarm(swarm, "--trace", "processes")
        self.run_swarm(swarm, "--trace", "threads", simulator=f"{BUILD}/bin/toy-ml-sim")
        self.assertEqual(self.read("processes"), self.read("threads"))

    def test_a_host_that_fails_resumes_with_the_state_of_its_program(self):
        for program in (python(TOY, "--batches 200"), cpp("--batches 200")):
            swarm = [program, program]
            undisturbed = self.run_swarm(swarm)
            faults = ["--fault", "t=2.5s kill host-2", "--fault", "t=4s restart host-2"]
            output = self.run_swarm(swarm, *faults, "--trace", "trace")
            self.assertIn(" ml2 resumed ", self.read("trace"))
            digest = re.search(r"final digest .*", undisturbed).group()
            self.assertIn(digest, output)

    def test_programs_that_were_resumed_at_different_times_compute_at_once(self):
        os.mkfifo(f"{self.folder}/meeting")  # whose ends wait for each other
        program = self.program(f"""
swarm.on_batch_end()
mode = "r" if os.environ["SWARM_ML_NAME"] == "ml1" else "w"
open("{self.folder}/meeting", mode).close()
swarm.on_batch_end()
swarm.on_train_end()
""")
        self.run_swarm([program, program], "--programs-at-once", "2", "--program-timeout", "60")

    def test_an_ml_actor_names_its_program(self):
        text = self.deployment(cpp())
        text = self.read("swarm.xml").replace(
            "</platform>", f"""
            <actor host="host-2" function="run-sl"><argument value="--name=sl2"/><argument value="--host-ip=172.2.2.2"/>
              <argument value="--sn-ip=172.1.1.1"/></actor>
            <actor host="host-2" function="ml"><prop id="sl" value="sl2"/><prop id="entrypoint" value="{BUILD}/bin/toy-ml"/></actor>
            </platform>""")
        self.file("swarm.xml", text)
        done = subprocess.run([SWARM_SIM, f"{ROOT}/platforms/two_hosts.xml", "swarm.xml", "--calibration", self.table,
                               "--run-programs"], cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_each_host_has_files_of_its_own(self):
        """The lines of HPE's example: an image, a volume and an absolute working directory."""
        self.file("cifar10/model/program.py", PROLOGUE + """
for batch in range(4):
    weight += 1
    swarm.on_batch_end()
swarm.on_train_end()
with open("link/result", "w") as out:
    out.write(os.environ["SWARM_ML_NAME"] + os.environ["MODEL_DIR"])
""")
        os.symlink(f"{self.folder}/cifar10/model", f"{self.folder}/cifar10/link")  # as run-sl --ml-v makes one
        for link, leads_to in ((".#program.py", "user@host.1"), ("model/again", "."), ("model/up", "../model"), ("itself", "itself")):
            os.symlink(leads_to, f"{self.folder}/cifar10/{link}")
        program = ["--ml-image=user-ml-env", "--ml-w=/tmp/starling-test", "--ml-entrypoint=/usr/bin/python3",
                   "--ml-cmd=model/program.py", "--ml-v=cifar10:/tmp/starling-test", "--ml-e", "MODEL_DIR=model",
                   f"--ml-e=PYTHONPATH={PACKAGE}"]
        self.run_swarm([program, program])
        for host in (1, 2):
            self.assertEqual(self.read(f"workspace/host-{host}/tmp/starling-test/link/result"), f"ml{host}model")
            self.assertEqual(sorted(os.listdir(f"{self.folder}/workspace/host-{host}/tmp/starling-test")), ["link", "model"])
            self.assertEqual(os.listdir(f"{self.folder}/workspace/host-{host}/tmp/starling-test/model"), ["program.py"])
        self.assertEqual(set(os.listdir(f"{self.folder}/cifar10/model")), {"again", "program.py", "up"})

    def test_a_calibrated_program_needs_no_other_table(self):
        os.remove(self.table)
        for start, program, workload in (([sys.executable, TOY], python(TOY, "--batches 80"), "default"),
                                         ([f"{BUILD}/bin/toy-ml"], cpp("--batches 80"), "toy")):
            done = subprocess.run([*start, "--batches", "80"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "PYTHONPATH": PACKAGE, "SWARM_CALIBRATE": self.table}, timeout=100)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn(f"Measured {workload}: ", done.stdout)
            with open(self.table) as file:
                row = json.load(file)["workloads"][workload]
            self.assertLess(0, row["seconds_per_batch"])
            self.assertEqual(len(row["quantiles"]), 11)
            self.assertEqual(row["quantiles"], sorted(row["quantiles"]))
            self.assertLess(0, row["startup_seconds"])
            self.run_swarm([program, program])
        with open(self.table) as file:
            self.assertEqual(set(json.load(file)["workloads"]), {"default", "toy"})

    @unittest.skipIf(importlib.util.find_spec("torch") is None, "torch is not installed (python3-torch)")
    def test_the_deployment_of_the_example_works_as_it_stands(self):
        # As in a virtual environment that has the wheel.
        os.chmod(self.file("bin/python3", f"#!/bin/sh\nPYTHONPATH={PACKAGE} exec /usr/bin/python3 \"$@\"\n"), 0o700)
        environment = {**os.environ, "PATH": f"{self.folder}/bin:/usr/bin:/bin"}
        table = f"{self.folder}/host.json"
        for command in (["python3", "model/cifar10.py", "--drawn-train", "640", "--drawn-test", "10"],
                        [SWARM_SIM, "../../platforms/two_hosts.xml", "two_hosts_python.deploy.xml", "--run-programs",
                         "--calibration", table, "--workspace", f"{self.folder}/workspace"]):
            done = subprocess.run(command, cwd=f"{ROOT}/examples/cifar10", text=True, timeout=240, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, env={**environment, "SWARM_CALIBRATE": table, "MODEL_DIR": self.folder})
            self.assertEqual(done.returncode, 0, done.stdout)
        models = [f"{self.folder}/workspace/host-{host}/tmp/test/model/saved_models/cifar10.pt" for host in (1, 2)]
        self.assertTrue(filecmp.cmp(*models, shallow=False))

    def test_a_calibration_that_measures_nothing_fails(self):
        def run(table, *flags, batches="60"):
            return subprocess.run([sys.executable, TOY, *flags], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  env={**os.environ, "PYTHONPATH": PACKAGE, "SWARM_CALIBRATE": table, "SWARM_CALIBRATE_BATCHES": batches},
                                  timeout=100)
        done = run(self.folder)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(f"SWARM_CALIBRATE: {self.folder} is a directory", done.stdout)
        done = run(self.table, "--batches", "0")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("the program has trained no batch: nothing was measured", done.stdout)
        done = run(self.table, batches="many")
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn("environment variable SWARM_CALIBRATE_BATCHES is 'many', it must be a whole number above 0", done.stdout)

    def test_a_calibration_ends_when_enough_batches_are_measured(self):
        done = subprocess.run([sys.executable, TOY, "--batches", "100000"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              env={**os.environ, "PYTHONPATH": PACKAGE, "SWARM_CALIBRATE": self.table, "SWARM_CALIBRATE_BATCHES": "7"}, timeout=100)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("Measured 7 of 7 batches", done.stdout)

    # Programs that misbehave. Each ends the run at once, and is named.

    def test_a_crash_ends_the_run(self):
        self.check_failure([self.program("os.kill(os.getpid(), signal.SIGSEGV)"), cpp("--elements 1000 --sync 2")],
                           "program ml1 on host-1: it ended by signal 11 (Segmentation fault) before it had left the swarm. Its log",
                           "host-1/log/ml1.log ends with:\n    the program has begun")

    def test_an_exit_code_is_named(self):
        self.check_failure([cpp("--exit-with 7"), cpp()],
                           "program ml1 on host-1: it ended with exit code 7 before it had left the swarm")

    def test_a_program_that_never_joins_is_named(self):
        missing = python(self.file("program.py", "print('nothing to do')"))
        self.check_failure([missing, cpp()], "program ml1 on host-1: it ended with exit code 0 before it had left the swarm",
                           "    nothing to do")

    def test_an_exit_code_after_the_training_is_named(self):
        end = "swarm.on_train_end()\nsys.exit(9)"
        self.check_failure([self.program(end), self.program(end)], ": it ended with exit code 9 after its training")

    def test_a_hang_ends_the_run(self):
        self.check_failure([self.program("signal.pause()"), self.program("signal.pause()")],
                           "it hangs: no batch, no sync, no output and no end for 2 s (--program-timeout)",
                           "    the program has begun", flags=["--program-timeout", "2"])

    def test_a_flood_of_output_ends_the_run(self):
        self.check_failure([self.program("while True: print('x' * 1000)"), cpp("--elements 1000 --sync 2")],
                           "program ml1 on host-1: it has written more than 1.0 MB of output (--program-output)",
                           flags=["--program-output", "1000K"])

    def test_a_flood_of_log_lines_ends_the_run(self):
        self.check_failure([self.program("while True: swarm.logger.info('again')"), cpp("--elements 1000 --sync 2")],
                           "program ml1 on host-1: it has written more than 100000 log lines since its last sync")

    def test_memory_is_bounded(self):
        self.check_failure([self.program("large = numpy.ones(50_000_000)\nsignal.pause()"), cpp("--elements 1000 --sync 2")],
                           "(--programs-memory); most of it ml1 on host-1: ", flags=["--programs-memory", "200M"])

    def test_an_exception_is_what_it_is_on_a_host(self):
        output = self.run_swarm([python(TOY, "--fail-at 20 --wait-limit 5"), python(TOY, "--wait-limit 5")], code=1)
        self.assertIn("node          ml1 on host-1: exit code 1", output)
        self.assertIn("member 'sl1' was lost (its ML node 'ml1' ended: the training program failed: ValueError: told to", output)
        self.assertIn("swarm-sim: program ml1 on host-1: it ended with exit code 1. Its log ", output)
        self.assertIn("    ValueError: told to fail at batch 20", output)

    def test_what_can_not_be_run_is_refused(self):
        for program, reason in (
                (["--ml-entrypoint=./missing"], "ml1 on host-1: program "),
                (["--ml-image=image"], "--ml-image without --ml-entrypoint: programs of a simulation are processes"),
                (["--ml-entrypoint=python3", "--ml-v=nowhere:/model"], "nowhere is no directory of this machine"),
                (["--ml-entrypoint=python3", "--ml-w=workspace"], "workspace is the --workspace of this simulation")):
            output = self.run_swarm([program, cpp()], code=1 if "missing" in program[0] else 2)
            self.assertIn(reason, output)

    def test_a_killed_simulator_leaves_no_program(self):
        for host in (1, 2):
            os.makedirs(f"{self.folder}/workspace/host-{host}")
            os.mkfifo(f"{self.folder}/workspace/host-{host}/pid")
        forever = python(self.file("program.py", "import os\nprint(os.getpid(), file=open('pid', 'w'))\n" + PROLOGUE +
                                   "signal.pause()"))
        simulator = subprocess.Popen(self.command([forever, forever], ["--run-programs"]), cwd=self.folder,
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends = []
        for host in (1, 2):
            path = f"{self.folder}/workspace/host-{host}/pid"
            with open(path) as file:  # waits for its writer
                ends.append(os.pidfd_open(int(file.read())))
        simulator.send_signal(signal.SIGKILL)
        simulator.wait()
        for end in ends:
            self.assertTrue(select.select([end], [], [], 60)[0], "a program outlived its simulator")
            os.close(end)


if __name__ == "__main__":
    unittest.main()
