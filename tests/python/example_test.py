"""The CIFAR-10 example in Python and in C++: one seed gives both the same model, on real images.

usage: STARLING_CIFAR10_DIR=DIR STARLING_BUILD=build PYTHONPATH=build/python python3 tests/python/example_test.py

Both train alone (SWARM_LOOPBACK), on 5,000 images. Exit code 77: no images, no torch, or a build without torch.
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IN_PYTHON = [sys.executable, os.path.join(ROOT, "examples", "cifar10", "model", "cifar10.py")]
IN_CPP = [os.path.join(os.environ["STARLING_BUILD"], "bin", "cifar10")]


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def outcome(program, model, seed):
    """The digest of the final model, and its accuracy in percent on the test set."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*program, "--model", model, "--seed", str(seed), "--sync-frequency", "32"], text=True, timeout=200,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "SWARM_LOOPBACK": "True", "DATA_DIR": os.environ["STARLING_CIFAR10_DIR"],
                 "MODEL_DIR": folder, "MAX_EPOCHS": "1", "MIN_PEERS": "1", "SHARD_COUNT": "10", "SHARD_INDEX": "3"})
    digest = re.search(r"digest sha256:(\w{64})", done.stdout)
    accuracy = re.search(r"Test accuracy ([\d.]+) %", done.stdout)
    if done.returncode != 0 or not digest or not accuracy:
        raise AssertionError(f"{program} failed:\n{done.stdout}")
    return digest[1], float(accuracy[1])


class BothPrograms(unittest.TestCase):
    def expect_the_same_model(self, model, seeds):
        digests = set()
        for seed in seeds:
            with self.subTest(model=model, seed=seed):
                in_python, in_cpp = outcome(IN_PYTHON, model, seed), outcome(IN_CPP, model, seed)
                print(f"{model}, seed {seed}: {in_python[1]:.2f} % in Python, {in_cpp[1]:.2f} % in C++", flush=True)
                self.assertEqual(in_python, in_cpp)
                digests.add(in_python[0])
        self.assertEqual(len(digests), len(seeds))

    def test_the_tiny_network(self):
        self.expect_the_same_model("tiny", [1, 2, 3])

    def test_the_convolutional_network(self):
        self.expect_the_same_model("cnn", [1, 2, 3])


if __name__ == "__main__":
    if not os.environ.get("STARLING_CIFAR10_DIR"):
        skip("no images: STARLING_CIFAR10_DIR names a folder with CIFAR-10's binary version")
    if not os.path.exists(IN_CPP[0]):
        skip("the build has no torch")
    try:
        import torch  # noqa: F401
    except ImportError:
        skip("torch is not installed (python3-torch)")
    unittest.main(verbosity=2)
