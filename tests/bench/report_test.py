#!/usr/bin/env python3
"""bench/run's report from recorded results: the numbers in summary.json, parts that are missing, and escaping.

usage: report_test.py ROOT [unittest's arguments]
"""
import html.parser
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(sys.argv.pop(1))
sys.path[:0] = [os.path.join(ROOT, "bench"), os.path.dirname(os.path.abspath(__file__))]
from reporting.markdown import markdown  # noqa: E402
from reporting.page import page  # noqa: E402
from reporting.parts import in_turns, runs_of  # noqa: E402
from reporting.summary import summarize  # noqa: E402
from results import large_part, recorded  # noqa: E402


class Summary(unittest.TestCase):
    def setUp(self):
        self.ratios = summarize(recorded())["ratios"]

    def expect(self, name, got, goal, holds):
        ratio = self.ratios[name]
        self.assertEqual((ratio["got"], ratio["goal"], ratio["holds"]), (got, goal, holds), name)

    def test_ratios_of_medians(self):
        self.expect("round, 44.7 MB, 2 members: CPU / raw TLS sharded", 1.5, 1.6, True)
        self.expect("round, 44.7 MB, 2 members: time / larger of raw TLS sharded and disk", 1.6, 1.6, True)
        self.expect("round, 44.7 MB, 4 members: time / larger of raw TLS sharded and disk", 2.0, 1.6, False)
        self.expect("round, 44.7 MB, 2 members, durable = quorum: time / gRPC mTLS star", 0.6667, 1.0, True)
        self.expect("exchange phase, 44.7 MB, 2 members: time / raw TLS sharded", 1.05, 1.1, True)
        self.expect("round, 0.5 MB, 2 members: time / (gRPC mTLS star + one fsync)", 1.0, 1.0, True)
        self.expect("round, 0.5 MB, 4 members: time / (gRPC mTLS star + one fsync)", 1.25, 1.0, False)
        self.expect("round after a pause, 0.5 MB, 2 members, sync until merge: time / (gRPC mTLS star + one fsync)", 0.5, 1.0, True)

    def test_higher_is_better_for_speeds(self):
        self.expect("one connection, 256 MB: speed / raw TLS", 0.9, 0.95, False)
        self.expect("mean, 2 inputs: speed / reading", 0.9, 0.85, True)
        self.expect("mean: speed / best of libtorch, the least over the inputs", 1.5, 1.0, True)

    def test_memory_is_that_of_the_largest_member(self):
        self.expect("memory that a swarm of 2 adds to a member / (3 models + 64 MB)", 0.5293, 1.0, True)
        self.expect("memory that a swarm of 8 adds to a member / (3 models + 64 MB)", 4.4995, 1.0, False)
        self.expect("training outside the exchange: time in a swarm / alone", 1.02, 1.03, True)

    def test_what_was_not_measured_has_a_reason_and_does_not_hold(self):
        for name, reason in (("round, 44.7 MB, 8 members: CPU / raw TLS sharded", "this size was not run"),
                             ("round, 44.7 MB, 4 members, durable = quorum: time / gRPC mTLS star", "durable = quorum"),
                             ("round after a pause, 0.5 MB, 4 members, sync until merge: time / (gRPC mTLS star + one fsync)", "sync until merge"),
                             ("100 ms, 1 Gbit/s: speed / one tuned TCP stream", "part wan failed: no <namespaces> | here"),
                             ("krum: speed / best of libtorch, the least over the inputs", "built without libtorch"),
                             ("memory that a swarm of 32 adds to a member / (3 models + 64 MB)", "32 members were not run")):
            ratio = self.ratios[name]
            self.assertEqual((ratio["got"], ratio["holds"]), (None, False), name)
            self.assertIn(reason, ratio["reason"], name)

    def test_compression_is_compared_with_none(self):
        results = recorded()
        text = markdown(results, summarize(results))
        self.assertIn("| none | 45.0 (40.0 to 50.0) | +0.0 | 200 | 1 |", text)
        self.assertIn("| f16 | 44.0 (39.0 to 50.0) | -1.0 | 100 | 0.5 |", text)

    def test_without_any_part_all_goals_are_there(self):
        empty = summarize({"parts": {}})["ratios"]
        self.assertEqual(list(empty), list(self.ratios))
        self.assertTrue(all(ratio["got"] is None and not ratio["holds"] for ratio in empty.values()))

    def test_a_large_model_has_goals_only_where_it_is_measured(self):
        name = "memory that a swarm of 8 adds to a member, 500 MB / (3 models + 64 MB)"
        self.assertNotIn(name, self.ratios)
        results = recorded()
        results["parts"]["large"] = large_part(given_up=1)
        self.ratios = summarize(results)["ratios"]
        self.expect(name, 0.6704, 1.0, True)
        self.expect("members given up in rounds of 500 MB, 8 members", 1, 0, False)
        self.assertIn("| 8 | 2,000 | 2,000 | 1,000 | 1,000 | 1,492 |", markdown(results, summarize(results)))

    def test_peers_without_a_goal_are_compared(self):
        comparisons = summarize(recorded())["comparisons"]
        self.assertEqual(comparisons["round, 44.7 MB, 2 members: time / MPI ring, no TLS"], 6.0)
        self.assertEqual(comparisons["round, 44.7 MB, 2 members: CPU / gloo ring, no TLS"], 3.0)
        self.assertIsNone(comparisons["round, 44.7 MB, 8 members: time / MPI ring, no TLS"])


class Balance(html.parser.HTMLParser):
    """Finds elements that are not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text += data


class Pages(unittest.TestCase):
    def test_the_page_escapes_texts_and_takes_pictures_as_they_are(self):
        results = recorded()
        made = page(results, summarize(results), [("A <plot>", '<svg viewBox="0 0 1 1"></svg>')])
        self.assertIn('<svg viewBox="0 0 1 1"></svg>', made)
        self.assertNotIn("<fast>", made)
        self.assertNotIn("<namespaces>", made)
        parser = Balance()
        parser.feed(made)
        self.assertEqual((parser.open, parser.wrong), ([], []))
        for text in ("a <fast> CPU & more", "no <namespaces> | here", "A <plot>", "goals hold"):
            self.assertIn(text, parser.text)

    def test_the_page_loads_nothing(self):
        made = page(recorded(), summarize(recorded()), [])
        self.assertNotRegex(made, r"<(script|link|img)\b|@import|url\(")

    def test_markdown_escapes_what_would_break_a_table(self):
        made = markdown(recorded(), summarize(recorded()))
        self.assertIn(r"no \<namespaces\> \| here", made)
        widths = {}
        for line in made.splitlines():
            if line.startswith("|"):
                widths.setdefault(title, set()).add(line.replace(r"\|", "").count("|"))
            elif line.startswith("## "):
                title = line
        self.assertTrue(all(len(columns) == 1 for columns in widths.values()), widths)

    def test_a_quick_run_says_so(self):
        results = recorded() | {"quick": True}
        self.assertIn("not exact", page(results, summarize(results), []))
        self.assertIn("not exact", markdown(results, summarize(results)))

    def test_nothing_measured_makes_a_report_too(self):
        results = {"parts": {}}
        self.assertIn("were not measured", page(results, summarize(results), []))
        self.assertIn("## Goals", markdown(results, summarize(results)))


class Parts(unittest.TestCase):
    def test_all_run_once_before_any_runs_again(self):
        order = []

        def turn(name, value):
            order.append(name)
            return {"seconds": value, "cpu": 1.0}

        found = in_turns(2, {"a": lambda: turn("a", [1.0, 2.0]), "b": lambda: turn("b", [3.0])})
        self.assertEqual("".join(order), "abab")
        self.assertEqual(found["a"], {"seconds": [1.0, 2.0, 1.0, 2.0], "cpu": [1.0, 1.0]})

    def test_repetitions_of_google_benchmark_are_joined_without_its_aggregates(self):
        run = {"run_name": "mean/inputs:2/repeats:2", "run_type": "iteration", "cpu_time": 2.0, "time_unit": "ms", "bytes_per_second": 5.0}
        found = runs_of({"benchmarks": [run, run, run | {"run_type": "aggregate"}]})
        self.assertEqual(found, [{"name": "mean/inputs:2", "bytes_per_second": [5.0, 5.0], "items_per_second": [],
                                  "cpu_seconds": [0.002, 0.002]}])


class Command(unittest.TestCase):
    def run_bench(self, *arguments):
        return subprocess.run([sys.executable, os.path.join(ROOT, "bench/run"), *arguments], capture_output=True, text=True)

    def test_usage(self):
        self.assertEqual(self.run_bench("--only", "nothing").returncode, 2)
        self.assertEqual(self.run_bench("--passes", "0").returncode, 2)

    def test_a_report_without_results_names_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_bench("--report-only", "--output", folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("results.json does not exist", done.stderr)

    def test_report_only_writes_summary_and_markdown(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/results.json", "w") as file:
                json.dump(recorded(), file)
            done = self.run_bench("--report-only", "--output", folder)
            with open(f"{folder}/summary.json") as file:
                self.assertEqual(json.load(file), summarize(recorded()))
            # The page has plots, for which matplotlib must be there; else the message names its package.
            self.assertTrue(os.path.exists(f"{folder}/report.html") if done.returncode == 0 else
                            "python3-matplotlib" in done.stderr, done.stderr)


if __name__ == "__main__":
    unittest.main()
