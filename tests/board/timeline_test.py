#!/usr/bin/env python3
"""The timeline for ui.perfetto.dev: that of a simulation is that of its trace, and its times are those of the trace.

usage: timeline_test.py BIN ROOT [TEST...]      exit 0 = passed
"""
import collections
import json
import os
import subprocess
import sys
import tempfile
import unittest

BIN = ROOT = ""


def slices(events):
    """[(process, name, begin, end)] by pairs of B and E events, which must nest."""
    names = {event["pid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    open_slices, found = collections.defaultdict(list), []
    for event in events:
        if event["ph"] == "B":
            open_slices[event["pid"]].append(event)
        elif event["ph"] == "E":
            begin = open_slices[event["pid"]].pop()
            assert begin["ts"] <= event["ts"], (begin, event)
            found.append((names[event["pid"]], begin["name"], begin["ts"], event["ts"]))
    assert not any(open_slices.values()), open_slices
    return found


class TimelineTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def simulate(self, *arguments):
        done = subprocess.run([f"{BIN}/swarm-sim", "--quiet", "--trace", self.path("trace"), "--timeline",
                               self.path("sim.json"), *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("sim.json")) as file:
            return json.load(file)["traceEvents"]

    def test_a_simulation_and_its_trace_give_the_same_file_with_the_times_of_the_trace(self):
        events = self.simulate("--scale", "8", "--rounds", "4", "--parameters", "300000")
        subprocess.run([f"{BIN}/swarm-board", self.path("trace"), "--timeline", self.path("board.json")], check=True,
                       stdout=subprocess.DEVNULL)
        with open(self.path("sim.json"), "rb") as sim, open(self.path("board.json"), "rb") as board:
            self.assertEqual(sim.read(), board.read())
        waited, since = collections.Counter(), {}
        with open(self.path("trace")) as lines:
            for time, node, event, *_ in (line.split() for line in lines if not line.startswith("#")):
                if event == "sync_begin":
                    since[node] = int(time) // 1000
                elif event == "sync_end":
                    waited[node] += int(time) // 1000 - since.pop(node)
        self.assertEqual(len(waited), 8)
        shown = collections.Counter()
        for process, name, begin, end in slices(events):
            if name == "waiting" and process.startswith("ml"):
                shown[process] += end - begin
        self.assertEqual(shown, waited)

    def test_every_slice_of_an_activity_lies_in_one_of_its_round(self):
        found = slices(self.simulate("--scale", "5", "--rounds", "3", "--parameters", "300000"))
        rounds = [row for row in found if row[1].startswith("round ")]
        inside = [row for row in found if row[0].startswith("sl") and row[1] in ("waiting", "exchanging", "reporting")]
        self.assertGreaterEqual(len(inside), 5 * 3 * 3)
        for process, name, begin, end in inside:
            self.assertTrue(any(row[0] == process and row[2] <= begin and end <= row[3] for row in rounds), (process, name, begin))

    def test_faults_are_instants_of_their_node_and_bytes_are_counters(self):
        events = self.simulate(f"{ROOT}/platforms/hosts_die.xml", "--scale", "6", "--rounds", "3", "--fault",
                               "t=12s kill sl2", "--fault", "t=14s restart sl2", "--fault", "t=14s restart ml2", "--no-profiles")
        names = {event["pid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
        killed = [names[event["pid"]] for event in events if event["ph"] == "i" and event["name"] == "Was killed"]
        self.assertEqual(killed, ["sl2"])
        counters = [event for event in events if event["ph"] == "C"]
        self.assertTrue(any(event["name"] == "parameter bytes" and event["args"]["sent"] > 0 for event in counters))
        for event in counters:
            if event["name"] == "members":
                self.assertLessEqual(sum(event["args"].values()), 6)
        self.assertTrue(any(name == "down" for _, name, *_ in slices(events)))

    def test_a_file_that_can_not_be_written_is_named(self):
        done = subprocess.run([f"{BIN}/swarm-sim", "--scale", "2", "--timeline", self.path("no/such/file")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("no/such/file", done.stderr)


if __name__ == "__main__":
    BIN, ROOT = sys.argv[1:3]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
