"""The package swarmlearning without a swarm (SWARM_LOOPBACK): arguments, wrong use, signals, forks, frameworks.

usage: PYTHONPATH=build/python python3 tests/python/loopback_test.py

A process has one callback in its life, so each case is a small program of its own.
"""
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import unittest

if importlib.util.find_spec("numpy") is None:
    print("skipped: numpy is not installed (python3-numpy)")
    sys.exit(77)

PROLOGUE = """
import numpy
from swarmlearning.client.swarm import SwarmError
from swarmlearning.np import SwarmCallback
weight = numpy.arange(6, dtype="float32").reshape(2, 3)
def callback(**given):
    return SwarmCallback(given.pop("syncFrequency", 2), given.pop("minPeers", 1), model=given.pop("model", {"w": weight}),
                         **given)
"""


def run(program, prologue=PROLOGUE, **variables):
    """Exit code, and standard output with standard error."""
    done = subprocess.run([sys.executable, "-c", prologue + program], text=True, timeout=120, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, "SWARM_LOOPBACK": "True", **variables})
    return done.returncode, done.stdout


class Loopback(unittest.TestCase):
    def check(self, program, *parts, code=0, without=(), **others):
        exit_code, output = run(program, **others)
        for part in parts:
            self.assertIn(part, output)
        for part in without:
            self.assertNotIn(part, output)
        self.assertEqual(exit_code, code, output)

    def test_hooks_count_batches_and_epochs(self):
        self.check("""
swarm = callback()
swarm.on_train_begin()
seen = []
for epoch in range(2):
    for batch in range(3):
        swarm.on_batch_end(batch)
        seen.append(swarm.rounds)
    swarm.on_epoch_end(epoch)
print("rounds", seen, "epochs", swarm.epochsCompleted, swarm.isSwarmTrainingOver)
swarm.on_train_end()
print("over", swarm.isSwarmTrainingOver, len(swarm.digest), weight.tolist())
swarm.on_batch_end()
print("a hook after the end does nothing")
""", "rounds [1, 2, 2, 3, 3, 4] epochs 2 False", "over True 64 [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]",
                   "All peers and Swarm training rounds finished. Final Swarm model was loaded.",
                   "a hook after the end does nothing")

    def test_values_are_reported_by_name_and_wrong_ones_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            self.check("""
swarm = callback(syncFrequency=1)
swarm.report("early", 1)
swarm.on_train_begin()
for step in (1, 2):
    swarm.report("step", 100 * step)
    swarm.log({"step": step, "val/worst": float("nan"), "of.numpy": numpy.float32(0.5)})
    swarm.on_batch_end()
for name in ("my loss", "../x", "", "a" * 65):
    try:
        swarm.report(name, 1)
    except SwarmError as error:
        print(name[:9], error.code, str(error)[:80])
try:
    swarm.log({f"v{i}": i for i in range(17)})
except SwarmError as error:
    print(error)
try:
    swarm.report("text", "many")
except ValueError as error:
    print("ValueError", error)
swarm.on_train_end()
swarm.report("test/accuracy", 0.75)
""", "my loss 2 SwarmCallback: 'my loss' can't be the name of a reported value: 1 to 64 letters,", "../x 2 ",
                       "'v16' is one too many: at most 16 named values", "ValueError could not convert",
                       SWARM_TRACE=trace)
            with open(trace) as lines:
                events = [line.split(" ", 3)[3].strip() for line in lines if " scalar " in line]
        self.assertEqual(events[:7], [
            "round=0 name=early value=1", "round=1 name=of.numpy value=0.5", "round=1 name=step value=1",
            "round=1 name=val/worst value=nan", "round=2 name=of.numpy value=0.5", "round=2 name=step value=2",
            "round=2 name=val/worst value=nan"])
        self.assertEqual(events[-1], "round=3 name=test/accuracy value=0.75")
        self.assertEqual(len(events), 7 + 16 + 1)

    def test_what_a_framework_measures_gets_valid_names(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            self.check("""
swarm = callback(syncFrequency=1)
swarm.on_train_begin()
swarm._report_known({"eval loss": 1, "text": "no number", "/../x": 2, 7: 3.5, "": 4, **{f"n{i}": i for i in range(20)}})
swarm.on_batch_end()
swarm.on_train_end()
""", "Not reported: SwarmCallback: ", SWARM_TRACE=trace)
            with open(trace) as lines:
                names = [line.split("name=")[1].split()[0] for line in lines if " scalar " in line]
        self.assertEqual(set(names), {"eval_loss", "x", "7", *(f"n{i}" for i in range(13))})

    def test_an_unknown_argument_is_named_once(self):
        exit_code, output = run("""
swarm = callback(learningRate=3, useAdaptiveSync=True, mlPlatform="KERAS")
swarm.on_train_begin()
swarm.on_train_end()
""")
        self.assertEqual(exit_code, 0, output)
        self.assertEqual(output.count("'learningRate'"), 1, output)
        self.assertIn("useAdaptiveSync has no effect", output)
        self.assertNotIn("mlPlatform", output)

    def test_a_state_that_is_no_bytes_is_an_error_and_not_a_crash(self):
        self.check("""
class State:
    def save(self):
        return bytearray(4)
    def load(self, saved):
        pass
swarm = callback(state=State())
swarm.on_train_begin()
for batch in range(2):
    swarm.on_batch_end(batch)
""", "Error", code=1, without=("invariant broken",))

    def test_wrong_arguments_are_named(self):
        self.check("callback(syncFrequency=0)", "syncFrequency is 0, it must be from 1", code=2)
        self.check("callback(minPeers='2')", "minPeers is '2', it must be a whole number", code=2)
        self.check("callback(grace='5')", "grace is '5', it must be seconds from 0 to 1000000000", code=2)
        self.check("callback(waitLimit=float('nan'))", "waitLimit is nan, it must be seconds", code=2)
        self.check("callback(batchSize=-1)", "batchSize is -1, it must be from 1 to 4294967295", code=2)
        self.check("callback(durable=2)", "durable is 2, it must be a text", code=2)
        self.check("callback(nodeWeightage=101)", "nodeWeightage is 101, it must be from 1 to 100", code=2)
        self.check("callback(trainingContract=None)", "trainingContract is None, it must be a name", code=2)
        self.check("callback(mergeMethod='median')", "'median'", code=2)
        self.check("callback(checkinModelOnTrainEnd='later')", "checkinModelOnTrainEnd is 'later'", code=2)
        self.check("callback(compression='zip')", "'zip'", code=2)

    def test_arrays_that_can_not_be_used_are_named(self):
        self.check("callback(model={'w': weight.T}).on_train_begin()", "array 'w' is not contiguous",
                   "numpy.ascontiguousarray", code=1)
        self.check("weight.flags.writeable = False\ncallback().on_train_begin()", "array 'w' is read-only", code=1)
        self.check("callback(model={'w': weight.astype('complex64')})", "array 'w' is complex64", code=1)
        self.check("callback(model={})", "the model has no parameters", code=1)

    def test_a_layout_that_changes_is_named(self):
        self.check("""
model = {"w": weight}
swarm = callback(model=model)
swarm.on_train_begin()
model["w"] = weight.astype("float64")
swarm.on_train_end()
""", "array 'w' is F64, but the swarm session was opened with F32", code=1)
        self.check("""
model = {"w": weight}
swarm = callback(model=model)
model["w"] = weight.reshape(3, 2)
swarm.on_train_begin()
""", "array 'w' has the shape 3 x 2, but the swarm session was opened with 2 x 3", code=1)
        self.check("""
model = {"w": weight}
swarm = callback(model=model)
model["v"] = weight
swarm.on_train_begin()
""", "the model has 2 arrays now, but the swarm session was opened with 1", code=1)

    def test_hooks_in_the_wrong_order_are_named(self):
        self.check("callback().on_batch_end()", "on_batch_end was called before on_train_begin", code=1)
        self.check("callback().on_train_end()", "on_train_end was called before on_train_begin", code=1)
        self.check("swarm = callback()\nswarm.on_train_begin()\nswarm.on_train_begin()",
                   "on_train_begin was called a second time", code=1)
        self.check("callback()\ncallback()", "a program can have only one SwarmCallback", code=1)

    def test_another_thread_is_refused(self):
        self.check("""
import threading
swarm = callback()
swarm.on_train_begin()
def other():
    try:
        swarm.on_batch_end()
    except SwarmError as error:
        print("refused:", error)
thread = threading.Thread(target=other)
thread.start()
thread.join()
swarm.on_train_end()
""", "refused: SwarmCallback: called from another thread")

    def test_a_forked_process_is_refused_and_ends_alone(self):
        self.check("""
import os
swarm = callback()
swarm.on_train_begin()
child = os.fork()
if child == 0:
    try:
        swarm.on_batch_end()
    except SwarmError as error:
        print("refused:", error, flush=True)
    raise SystemExit(0)
print("child ends with", os.waitpid(child, 0)[1])
swarm.on_train_end()
""", "refused: SwarmCallback: called in a forked process", "child ends with 0", "Final Swarm model was loaded")

    def test_all_types_keep_their_bits(self):
        self.check("""
types = ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"]
model = {t: (numpy.arange(5) % 2).astype(t) for t in types}
model["scalar"] = numpy.array(7, dtype="int64")
model["empty"] = numpy.zeros((0, 3), dtype="float32")
before = {name: array.copy() for name, array in model.items()}
swarm = callback(model=model)
swarm.on_train_begin()
swarm.on_train_end()
print("same:", all((model[n] == before[n]).all() and model[n].dtype == before[n].dtype for n in model))
""", "same: True")

    def test_a_program_alone_needs_loopback(self):
        self.check("callback()", "start this program with run-sl (--ml-entrypoint), or alone with SWARM_LOOPBACK=True",
                   code=2, SWARM_LOOPBACK="")

    def test_an_end_without_on_train_end_is_an_error_of_the_program(self):
        self.check("callback().on_train_begin()\nraise ValueError('told to fail')", "ValueError: told to fail", code=1)

    def test_the_loop_form_and_numpy_clients_report_what_they_measure(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            self.check("""
from swarmlearning.loop import SwarmLoop
loop = SwarmLoop({"w": weight}, minPeers=1, rounds=1)
loop.receive()
loop.report("lr", 0.5)
loop.send(metrics={"val/accuracy": numpy.float64(0.25)})
""", SWARM_TRACE=trace)
            self.check("""
from swarmlearning.numpy_client import run
class Trainer:
    def get_parameters(self, config): return [weight]
    def fit(self, parameters, config): return parameters, 10, {"loss": 0.5, "seen": config["server_round"], "note": "x"}
    def evaluate(self, parameters, config): return 0.125, 10, {"accuracy": 0.75}
run(Trainer(), minPeers=1, rounds=2)
""", SWARM_TRACE=trace + "2")
            events = {}
            for name in (trace, trace + "2"):
                with open(name) as lines:
                    events[name] = [line.split(" ", 3)[3].strip() for line in lines if " scalar " in line]
        self.assertEqual(events[trace], ["round=1 name=lr value=0.5", "round=1 name=val/accuracy value=0.25"])
        self.assertEqual(events[trace + "2"], [
            "round=1 name=seen value=1", "round=2 name=eval/accuracy value=0.75", "round=2 name=eval/loss value=0.125",
            "round=2 name=seen value=2", "round=3 name=eval/loss value=0.125", "round=3 name=eval/accuracy value=0.75"])

    def test_the_loop_form_and_numpy_clients(self):
        self.check("""
from swarmlearning.loop import SwarmLoop
loop = SwarmLoop({"w": weight}, minPeers=1, rounds=3)
sent = 0
while loop.is_running():
    arrays = loop.receive()
    loop.send({"w": arrays["w"] + 1})
    sent += 1
print("sent", sent, loop.receive()["w"].tolist(), weight.tolist()[0])
""", "sent 3 [[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]] [0.0, 1.0, 2.0]")
        self.check("""
from swarmlearning.loop import SwarmLoop
SwarmLoop({"w": weight}, minPeers=1, rounds=3).send({"w": weight.astype("float64")})
""", "array 'w' is float64 (2, 3), the training began with float32 (2, 3)", code=1)

    def test_keras_hooks(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = os.path.join(folder, "trace")
            self.check("""
from swarmlearning.tf import SwarmCallback
class Weight:
    path = "dense/kernel"
class Model:  # the methods of Keras's that the callback uses
    stop_training = False
    weights = [Weight(), Weight()]
    def __init__(self): self.w = [weight.copy(), weight.copy()]
    def get_weights(self): return [array.copy() for array in self.w]
    def set_weights(self, arrays): self.w = [array.copy() for array in arrays]
    metrics_names = ["loss", "compile_metrics"]  # as in Keras 3, which does not name the metrics here
    def evaluate(self, x, y, batch_size, verbose, sample_weight, return_dict=False):
        return {"auc": 0.75, "accuracy": 0.5, "loss": 0.25} if return_dict else [0.25, 0.5, 0.75]
model = Model()
swarm = SwarmCallback(syncFrequency=2, minPeers=1, model=model, adsValData=(1, 2), adsValBatchSize=8)
swarm.set_model(model)
swarm.on_train_begin({})
for batch in range(4):
    swarm.on_batch_end(batch, {"loss": 1.0, "top 5": 0.125})
swarm.on_epoch_end(0, {"loss": 1.0, "val_f1": 0.25})
swarm.on_train_end({})
print("rounds", swarm.rounds, swarm.isSwarmTrainingOver)
""", "rounds 4 True", SWARM_TRACE=trace)
            with open(trace) as lines:
                events = [line.split(" ", 3)[3].strip() for line in lines if " scalar " in line]
        # At the first sync and at the end there were no batches, hence no logs.
        self.assertEqual(events, ["round=1 name=top_5 value=0.125", "round=1 name=val_accuracy value=0.5",
                                  "round=1 name=val_auc value=0.75", "round=2 name=top_5 value=0.125",
                                  "round=2 name=val_accuracy value=0.5", "round=2 name=val_auc value=0.75",
                                  "round=3 name=val_accuracy value=0.5", "round=3 name=val_auc value=0.75",
                                  "round=3 name=val_f1 value=0.25"])


class Signals(unittest.TestCase):
    """Ctrl-C and SIGTERM, while a member waits for an SL that does not answer."""

    def end_by(self, number, sign):
        """Exit code and output; the SL's connection is kept until the output has `sign`."""
        import socket

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sl")
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
                listener.listen()
                process = subprocess.Popen(
                    [sys.executable, "-u", "-c", PROLOGUE + "callback()"], text=True, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, env={**os.environ, "SWARM_LOOPBACK": "", "SWARM_SL_SOCKET": path})
                connection = listener.accept()[0]  # the node runs, and its program waits
                process.send_signal(number)
                output = ""
                for line in process.stdout:
                    output += line
                    if sign in line:
                        connection.close()
                process.stdout.close()
                return process.wait(timeout=60), output

    def test_ctrl_c_ends_the_wait(self):
        code, output = self.end_by(signal.SIGINT, "KeyboardInterrupt")
        self.assertIn("KeyboardInterrupt", output)
        self.assertEqual(code, -signal.SIGINT, output)

    def test_sigterm_ends_the_wait(self):
        code, output = self.end_by(signal.SIGTERM, "stopped by")
        self.assertIn("stopped by", output)
        self.assertEqual(code, 4, output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
