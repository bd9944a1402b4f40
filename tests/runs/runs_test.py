#!/usr/bin/env python3
"""swarm-runs from a run to the files that TensorBoard and MLflow read, which are decoded here by other means.

usage: runs_test.py BIN SOURCE [TEST...]      exit 0 = passed

Event files are read by this test's own reader of TFRecords and, where Debian's python3-protobuf is installed, by its
decoder of protocol buffers; meta.yaml where python3-yaml is. What is left out is printed.
"""
import glob
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError:
    descriptor_pb2 = None
try:
    import yaml
except ImportError:
    yaml = None

BIN = ""
SOURCE = ""
DEPLOYMENT = """<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <actor host="host-1" function="run-sn"><argument value="--name=sn1"/><argument value="--host-ip=172.1.1.1"/>
    <argument value="--sentinel"/></actor>
  <actor host="host-1" function="run-sl"><argument value="--name=sl1"/><argument value="--host-ip=172.1.1.1"/>
    <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-name=ml1"/><argument value="--ml-entrypoint=toy-ml"/>
    <argument value="--ml-cmd=--batches 64"/></actor>
  <actor host="host-2" function="run-sl"><argument value="--name=sl2"/><argument value="--host-ip=172.2.2.2"/>
    <argument value="--sn-ip=172.1.1.1"/><argument value="--ml-name=ml2"/><argument value="--ml-entrypoint=toy-ml"/>
    <argument value="--ml-cmd=--batches 64"/></actor>
</platform>
"""
SL_TRACE = """# starling-trace 1 node=sl1 role=sl epoch_ns=1795000000000000000
1000 sl1 session_opened contract=c run=0 bytes=8
1000000000 sl1 check_in round=0 samples=1 weight=1 loss_millionths=2500000
1000000000 sl1 scalar round=0 name=val/accuracy value=0.25
3000000000 sl1 check_in round=1 samples=1 weight=1 loss_millionths=500000
3000000000 sl1 scalar round=1 name=val/accuracy value=nan
this line is damaged
"""
SN_TRACE = """# starling-trace 1 node=sn1 role=sn epoch_ns=1795000000000000000
2000000000 sn1 round_committed contract=c run=0 round=0 attempt=0 members=2 digest=aa final=0
4000000000 sn1 round_committed contract=c run=0 round=1 attempt=0 members=2 digest=bb final=1
4000000000 sn1 contract_ended contract=c run=0 phase=complete
"""


def crc32c(data):
    """Bit by bit, unlike the table of the program."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def records(path):
    """The records of a TFRecord file, whose checksums are right."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        content = data[at + 12:at + 12 + size]
        for part, where in ((data[at:at + 8], at + 8), (content, at + 12 + size)):
            crc = crc32c(part)
            masked = (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF
            assert struct.unpack_from("<I", data, where)[0] == masked, (path, at)
        yield content
        at += 16 + size


def event_class():
    """TensorFlow's messages Event and Summary, as far as they are used."""
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="t", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in (("Value", [("tag", 1, kinds.TYPE_STRING, ""), ("simple_value", 2, kinds.TYPE_FLOAT, "")]),
                         ("Summary", [("value", 1, kinds.TYPE_MESSAGE, ".t.Value")]),
                         ("Event", [("wall_time", 1, kinds.TYPE_DOUBLE, ""), ("step", 2, kinds.TYPE_INT64, ""),
                                    ("file_version", 3, kinds.TYPE_STRING, ""),
                                    ("summary", 5, kinds.TYPE_MESSAGE, ".t.Summary")])):
        message = file.message_type.add(name=name)
        for field, number, kind, of in fields:
            message.field.add(name=field, number=number, type=kind, type_name=of or None,
                              label=kinds.LABEL_REPEATED if field == "value" else kinds.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("t.Event"))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Runs(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.runs = os.path.join(self.folder, "runs")

    def tearDown(self):
        self.temporary.cleanup()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def tool(self, *arguments, code=0, program="swarm-runs", **variables):
        done = subprocess.run([os.path.join(BIN, program), *arguments], text=True, capture_output=True, timeout=120,
                              check=False, cwd=self.folder, env={**os.environ, "STARLING_RUNS": self.runs, **variables})
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout, done.stderr

    def add(self, *more):
        for name, text in (("sl1.trace", SL_TRACE), ("sn1.trace", SN_TRACE)):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        return self.tool("add", "--trace", "sl1.trace", "sn1.trace", *more)[0].strip()

    def test_a_real_run_is_recorded_from_its_traces(self):
        run = self.add("--name=first", "--set", "model=cnn", "--seed", "5")
        record = json.loads(self.tool("show", run, "--json")[0])
        self.assertEqual((record["name"], record["kind"], record["seed"], record["configuration"]),
                         ("first", "recorded", 5, {"model": "cnn"}))
        self.assertEqual({key: record["results"][key] for key in ("end", "rounds", "members", "round_seconds", "digest")},
                         {"end": "complete", "rounds": 2, "members": 2, "round_seconds": 2.0, "digest": "bb"})
        self.assertIn([1, 2999999, None], [series["points"][1] for series in record["series"]
                                           if series["name"] == "val/accuracy"])
        self.assertIn("sl1     val/accuracy   2       0.25   nan   1", self.tool("show", "latest")[0])
        self.assertIn(run, self.tool("list")[0])

    @unittest.skipIf(shutil.which("git") is None, "git is not installed")
    def test_the_commit_is_that_of_the_repository_if_it_has_one(self):
        def commit_of_record():
            record = json.loads(self.tool("show", self.add(), "--json")[0])
            return record["commit"], record["modified"]

        def git(*arguments):
            return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments], cwd=self.folder,
                                  check=True, text=True, capture_output=True).stdout.strip()

        git("init")
        self.assertEqual(commit_of_record(), ("", False))
        names = [f"file-{number:03d}-with-a-name-that-fills-the-first-4096-bytes" for number in range(200)]
        for content, modified in (("one", False), ("other", True)):
            for name in names:
                with open(self.path(name), "w", encoding="utf-8") as file:
                    file.write(content)
            if not modified:
                git("add", *names)
                git("commit", "-m", "a commit")
            self.assertEqual(commit_of_record(), (git("rev-parse", "HEAD"), modified))

    def test_damaged_records_are_named_and_the_others_listed(self):
        run = self.add()
        whole = read(self.path("runs", run + ".json"))
        for name, text in (("cut", whole[:100]), ("<b>x", whole), ("\x1b[31m", "")):
            with open(self.path("runs", name + ".json"), "w", encoding="utf-8") as file:
                file.write(text)
        out, errors = self.tool("list", code=1)
        self.assertIn(run, out)
        self.assertEqual(errors.count("swarm-runs: "), 3, errors)
        listed = json.loads(self.tool("list", "--json", code=1)[0])
        self.assertEqual([len(listed["runs"]), len(listed["errors"])], [1, 3])
        self.tool("export", "--tensorboard", "tb", code=1)
        self.assertEqual(os.listdir(self.path("tb")), [run])

    def test_wrong_use_is_named(self):
        for arguments, part in (((), "the command must be list"), (("show",), "the command must be"),
                                (("add",), "needs --trace"), (("export",), "needs --tensorboard DIR or --mlflow DIR"),
                                (("show", "x", "y", "z"), "the command must be")):
            self.assertIn(part, self.tool(*arguments, code=2)[1])
        self.assertIn("No such file", self.tool("list", code=1)[1])
        self.add()
        self.assertIn("no run 'x'", self.tool("show", "x", code=1)[1])
        self.assertIn("it must be KEY=VALUE", self.tool("add", "sl1.trace", "--set", "model", code=2)[1])
        self.assertIn("no committed round", self.tool("add", "sl1.trace", code=1)[1])
        self.assertIn("away.trace", self.tool("add", "away.trace", code=1)[1])
        with open(self.path("file"), "w", encoding="utf-8"):
            pass
        self.assertIn("file", self.tool("add", "sl1.trace", "sn1.trace", "--runs", "file/runs", code=1)[1])

    def test_event_files_hold_the_series(self):
        run = self.add()
        self.tool("export", run, "--tensorboard", "tb")
        self.tool("export", "--tensorboard", "tb")  # again: the same files
        (file,) = glob.glob(self.path("tb", run, "sl1", "*tfevents*"))
        contents = list(records(file))
        self.assertEqual(contents[0][9:], b"\x1a\x0dbrain.Event:2")
        self.assertEqual(len(contents), 5)
        if descriptor_pb2 is None:
            print("not checked: events by python3-protobuf, which is not installed")
            return
        seen = {}
        for content in contents[1:]:
            event = event_class().FromString(content)
            (value,) = event.summary.value
            seen[value.tag, event.step] = (value.simple_value, event.wall_time)
        self.assertEqual(seen["loss", 0], (2.5, 1795000000.999999 + 0.000001))
        self.assertEqual(seen["loss", 1][0], 0.5)
        self.assertEqual(seen["val/accuracy", 0][0], 0.25)
        self.assertTrue(math.isnan(seen["val/accuracy", 1][0]))

    def test_mlflow_finds_a_run_and_its_members(self):
        run = self.add("--set", "model=cnn", "--name", "first: 'run'\n#1")
        self.tool("export", "--mlflow", "mlruns")
        base = self.path("mlruns", "starling")
        self.assertEqual(set(os.listdir(base)), {"meta.yaml", run, run + "-sl1"})
        self.assertEqual(read(os.path.join(base, run, "params", "model")), "cnn")
        lines = [line.split() for line in read(os.path.join(base, run + "-sl1", "metrics", "val", "accuracy")).splitlines()]
        self.assertEqual([(float(value), int(step)) for _, value, step in lines][0], (0.25, 0))
        self.assertTrue(math.isnan(float(lines[1][1])))
        self.assertEqual(int(lines[1][0]) // 1000, 1795000003)
        if yaml is None:
            print("not checked: meta.yaml by python3-yaml, which is not installed")
            return
        meta = yaml.safe_load(read(os.path.join(base, run, "meta.yaml")))
        self.assertEqual(meta["run_name"], "first: 'run'\n#1")
        self.assertEqual((meta["run_id"], meta["run_uuid"], meta["experiment_id"], meta["status"], meta["lifecycle_stage"]),
                         (run, run, "starling", 3, "active"))
        self.assertEqual(meta["end_time"] - meta["start_time"], 3999)
        experiment = yaml.safe_load(read(os.path.join(base, "meta.yaml")))
        self.assertEqual((experiment["name"], experiment["experiment_id"]), ("starling", "starling"))

    def test_simulations_record_themselves(self):
        if not os.path.exists(os.path.join(BIN, "toy-ml-sim")):
            self.skipTest("simulators are not built")
        with open(self.path("deploy.xml"), "w", encoding="utf-8") as file:
            file.write(DEPLOYMENT)
        platform = os.path.join(SOURCE, "platforms", "two_hosts.xml")
        with open(self.path("costs.json"), "w", encoding="utf-8") as file:
            file.write('{"workloads": {"toy": {"seconds_per_batch": 0.001, "startup_seconds": 0.01}}}')
        run = (platform, "deploy.xml", "--quiet", "--calibration", "costs.json")
        ids = []
        for seed in (1, 2):
            out, _ = self.tool(*run, "--seed", str(seed), program="toy-ml-sim")
            ids.append(out.split("recorded      ")[1].split(" in ")[0])
        one = json.loads(self.tool("show", ids[0], "--json")[0])
        self.assertEqual((one["kind"], one["seed"], one["results"]["end"], one["results"]["members"]),
                         ("simulated", 1, "complete", 2))
        self.assertEqual(one["configuration"]["platform"], "two_hosts.xml")
        self.assertEqual(len(one["configuration"]["deployment sha256"]), 64)
        members = {(series["member"], series["name"]) for series in one["series"]}
        self.assertLessEqual({("sl1", "weight/first"), ("sl2", "weight/first"), ("sl1", "loss")}, members)
        differences = json.loads(self.tool("diff", *ids, "--json")[0])["differences"]
        self.assertEqual(differences["seed"], ["1", "2"])
        self.assertNotIn("configuration deployment sha256", differences)
        out, _ = self.tool(*run, program="toy-ml-sim", STARLING_RUNS="")
        self.assertNotIn("recorded", out)


if __name__ == "__main__":
    BIN, SOURCE = (os.path.abspath(path) for path in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
