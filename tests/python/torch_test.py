"""swarmlearning.pyt without a swarm: types, tied weights, hooks, and going on after an interruption.

usage: PYTHONPATH=build/python python3 tests/python/torch_test.py
"""
import os
import subprocess
import sys
import tempfile
import unittest

try:
    import torch
except ImportError:
    print("skipped: torch is not installed (python3-torch)")
    sys.exit(77)

os.environ["SWARM_LOOPBACK"] = "True"


def model_with_everything():
    """Tied weights, batch normalisation (an integer buffer), bfloat16, and a tensor that is not contiguous."""
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 4))
    model[2].weight = model[0].weight
    model.register_buffer("halves", torch.arange(6).to(torch.bfloat16))
    model.register_buffer("turned", torch.arange(6.0).reshape(2, 3).t())
    model.register_buffer("mask", torch.tensor([True, False]))
    return model


class Parameters(unittest.TestCase):
    def test_specs_are_in_order_and_tied_weights_there_once(self):
        from swarmlearning.pyt import ModuleParameters

        specs = ModuleParameters(model_with_everything()).specs()
        self.assertEqual(specs[0], ("0.weight", "F32", (4, 4)))
        names = [name for name, _, _ in specs]
        self.assertNotIn("2.weight", names)
        self.assertIn(("1.num_batches_tracked", "I64", ()), specs)
        self.assertIn(("halves", "BF16", (6,)), specs)
        self.assertIn(("mask", "U8", (2,)), specs)

    def test_arrays_are_the_tensors_memory(self):
        from swarmlearning.pyt import ModuleParameters

        model = model_with_everything()
        parameters = ModuleParameters(model)
        names = [name for name, _, _ in parameters.specs()]
        arrays = dict(zip(names, parameters.arrays()))
        arrays["0.weight"][0, 0] = 17
        self.assertEqual(model[0].weight[0, 0].item(), 17)
        arrays["turned"][0, 0] = 18  # a copy, which is written back
        parameters.loaded()
        self.assertEqual(model.turned[0, 0].item(), 18)


class Hooks(unittest.TestCase):
    def test_a_script_of_hpes_shape_and_the_trainers_hooks(self):
        from swarmlearning.hf_transformers import SwarmCallback as TrainerCallback

        model = model_with_everything().float()
        data = torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(torch.rand(6, 4), torch.rand(6, 4)), batch_size=4)

        class Control:
            should_training_stop = False

        swarm = TrainerCallback(syncFrequency=2, minPeers=1, model=model, adsValData=data, lossFunction="MSELoss",
                                totalEpochs=1)
        swarm.on_train_begin(None, None, Control)
        model.eval()
        for _ in range(3):
            swarm.on_log(None, None, Control, logs={"loss": 0.5, "learning_rate": 5e-05, "grad norm": "n/a"})
            swarm.on_step_end(None, None, Control)
        self.assertFalse(model.training)  # as it was before the validation
        swarm.on_epoch_end(None, None, Control)
        swarm.on_train_end(None, None, Control)
        self.assertEqual(swarm.rounds, 3)
        self.assertTrue(swarm.isSwarmTrainingOver)
        self.assertEqual(swarm.epochsCompleted, 1)
        swarm.logger.info("done")


class State(unittest.TestCase):
    def test_optimiser_and_generators_come_back(self):
        from swarmlearning.pyt import TrainingState

        layer = torch.nn.Linear(3, 3)
        optimizer = torch.optim.Adam(layer.parameters())
        layer(torch.ones(3)).sum().backward()
        optimizer.step()
        kept = TrainingState([optimizer]).save()
        drawn = torch.rand(2)
        other = torch.optim.Adam(layer.parameters())
        state = TrainingState([other])
        state.load(kept)
        self.assertTrue(torch.equal(torch.rand(2), drawn))
        self.assertEqual(str(other.state_dict()), str(optimizer.state_dict()))
        with self.assertRaises(ValueError):
            TrainingState([other, other]).load(kept)


class Example(unittest.TestCase):
    def test_cifar10_trains_alone_and_saves_its_model(self):
        program = os.path.join(os.path.dirname(__file__), "../../examples/cifar10/model/cifar10.py")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, program, "--drawn-train", "640", "--drawn-test", "200"], text=True,
                                  env={**os.environ, "MODEL_DIR": folder, "MIN_PEERS": "1"}, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=200)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn("Test accuracy", done.stdout)
            state = torch.load(os.path.join(folder, "saved_models", "cifar10.pt"))
            self.assertEqual(" ".join(sorted(state)), "conv.bias conv.weight fc.bias fc.weight")


if __name__ == "__main__":
    unittest.main(verbosity=2)
