"""The wheel as a user installs it: into a fresh virtual environment, without an index and without a compiler.

usage: STARLING_WHEELS=build/lib /usr/bin/python3 tests/python/wheel_test.py
"""
import glob
import importlib.util
import os
import subprocess
import sys
import tempfile

PROGRAM = """
import numpy
from swarmlearning.np import SwarmCallback
swarm = SwarmCallback(1, 1, model={"w": numpy.zeros(3, dtype="float32")})
swarm.on_train_begin()
swarm.on_train_end()
"""
MARKER = "All peers and Swarm training rounds finished. Final Swarm model was loaded."


def run(*command, **variables):
    environment = {**os.environ, **variables}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def main():
    for module, package in (("numpy", "python3-numpy"), ("ensurepip", "python3-venv")):
        if importlib.util.find_spec(module) is None:
            print(f"skipped: {module} is not installed ({package})")
            sys.exit(77)
    folder_of_wheels = os.environ["STARLING_WHEELS"]
    wheels = glob.glob(os.path.join(folder_of_wheels, "*.whl"))
    if len(wheels) != 2:
        sys.exit(f"two wheels were made, but {folder_of_wheels} holds {wheels}")
    for wheel in wheels:
        with tempfile.TemporaryDirectory() as folder:
            run(sys.executable, "-m", "venv", "--system-site-packages", folder)
            python = os.path.join(folder, "bin/python")
            print(run(python, "-m", "pip", "install", "--no-index", wheel).strip())
            output = run(python, "-c", PROGRAM, SWARM_LOOPBACK="True")
            if MARKER not in output:
                sys.exit(f"{wheel} is installed, but a program says:\n{output}")


main()
