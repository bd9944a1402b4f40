#!/usr/bin/env python3
"""Every file of platforms/, and what platforms/generate writes, is a valid SimGrid file and carries a swarm to its end.

usage: platform_library_test.py ROOT SWARM_SIM [unittest's arguments]

A new file in platforms/ is tested without a change here.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.abspath(sys.argv.pop(1))
SWARM_SIM = os.path.abspath(sys.argv.pop(1))
PLATFORMS = os.path.join(ROOT, "platforms")
GENERATE = os.path.join(PLATFORMS, "generate")
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), PLATFORMS]
from generator import platform_reader, units  # noqa: E402
from generator.kinds import KINDS  # noqa: E402
from generator.regions import REGIONS, ROUND_TRIPS_MS, one_way_seconds  # noqa: E402
from platform_format import findings  # noqa: E402

DEPLOYMENTS = sorted(glob.glob(os.path.join(PLATFORMS, "*.deploy.xml")))
LIBRARY = [file for file in sorted(glob.glob(os.path.join(PLATFORMS, "*.xml"))) if file not in DEPLOYMENTS]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def generate(*arguments):
    return subprocess.run([GENERATE, *arguments], capture_output=True, text=True, check=False)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = lambda name: os.path.join(folder.name, name)

    def generated(self, *arguments):
        done = generate(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def finished(self, platform, deployment):
        """The summary of a run, which ended with the same model everywhere."""
        done = subprocess.run([SWARM_SIM, platform, deployment, "--quiet", "--until", "20000", "--json", self.path("json")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        summary = json.loads(read(self.path("json")))
        self.assertEqual(summary["end"], "finished")
        self.assertGreaterEqual(summary["round_count"], 1)
        self.assertTrue(summary["same_digests"])
        self.assertEqual(summary["bytes_sent"], summary["bytes_delivered"] + summary["bytes_lost"])
        trained = [node for node in summary["nodes"] if node["role"] == "ml"]
        self.assertTrue(all(node["exit_code"] == 0 or node["killed"] for node in trained), trained)
        return summary


class Files(Case):
    def test_each_is_of_the_format(self):
        for file in LIBRARY + DEPLOYMENTS:
            with self.subTest(os.path.basename(file)):
                self.assertEqual(findings(read(file)), [])

    def test_each_platform_carries_a_swarm_to_its_end(self):
        self.assertGreater(len(LIBRARY), 10)
        for file in LIBRARY:
            with self.subTest(os.path.basename(file)):
                hosts, may_fail = platform_reader.read_platform(file)
                # With profiles long enough to see what they do.
                deployment = self.path("deploy.xml")
                self.generated("deployment", file, "-o", deployment, "--batches", "256", "--epochs", "15" if may_fail else "1")
                summary = self.finished(file, deployment)
                if not may_fail:
                    self.assertEqual({round["members"] for round in summary["rounds"]}, {len(hosts)})
                if "state_file" in read(file):
                    self.assertGreater(summary["hosts_off"] + summary["links_down"], 0)

    def test_each_deployment_has_a_platform(self):
        for file in DEPLOYMENTS:
            with self.subTest(os.path.basename(file)):
                wanted = {line.split('"')[1] for line in read(file).splitlines() if "<actor host=" in line}
                fitting = [platform for platform in LIBRARY
                           if wanted <= {host.name for host in platform_reader.read_platform(platform)[0]}]
                self.assertNotEqual(fitting, [])
                self.finished(fitting[0], file)

    def test_each_says_what_it_is_for(self):
        page = read(os.path.join(PLATFORMS, "README.md"))
        for file in LIBRARY + DEPLOYMENTS:
            with self.subTest(os.path.basename(file)):
                comment = read(file).partition("<!--")[2].partition("-->")[0]
                self.assertGreater(len(comment), 80)
                self.assertTrue(f"`{os.path.basename(file)}`" in page, "platforms/README.md does not list it")

    def test_each_profile_is_used(self):
        text = "".join(read(file) for file in LIBRARY)
        for profile in glob.glob(os.path.join(PLATFORMS, "profiles", "*")):
            self.assertIn(f'"profiles/{os.path.basename(profile)}"', text)


class Generator(Case):
    def test_each_kind_carries_a_swarm_to_its_end(self):
        for kind in KINDS:
            with self.subTest(kind):
                platform, deployment = self.path("p.xml"), self.path("d.xml")
                self.generated(kind, "--hosts", "12", "-o", platform, "--deployment", deployment, "--batches", "256")
                self.assertEqual(findings(read(platform)) + findings(read(deployment)), [])
                summary = self.finished(platform, deployment)
                self.assertEqual({round["members"] for round in summary["rounds"]}, {12})

    def test_the_same_arguments_give_the_same_bytes(self):
        for kind in KINDS:
            with self.subTest(kind):
                texts = []
                for name in ("1", "2"):
                    platform = self.generated(kind, "--hosts", "12", "--churn", "20", "--deployment", self.path(name))
                    texts.append(platform + read(self.path(name)))
                self.assertEqual(texts[0], texts[1])

    def test_hosts_that_come_and_go(self):
        platform, deployment = self.path("p.xml"), self.path("d.xml")
        self.generated("clinics", "--hosts", "12", "--churn", "20", "--churn-period", "20", "--churn-off", "5", "--sn", "3",
                       "-o", platform, "--deployment", deployment, "--batches", "256", "--epochs", "15")
        self.assertEqual(findings(read(platform)), [])
        summary = self.finished(platform, deployment)
        self.assertGreater(summary["hosts_off"], 2)
        servers = [node for node in summary["nodes"] if node["role"] == "sn"]
        self.assertEqual([node["restarts"] for node in servers], [0, 0, 0])

    def test_another_seed_gives_another_churn(self):
        runs = {self.generated("cluster", "--hosts", "12", "--churn", "20", "--seed", seed) for seed in ("1", "2")}
        self.assertEqual(len(runs), 2)

    def test_many_hosts(self):
        for kind in KINDS:
            with self.subTest(kind):
                text = self.generated(kind, "--hosts", "10000", "-o", self.path("p.xml")) or read(self.path("p.xml"))
                self.assertEqual(findings(text), [])
                self.assertEqual(len(platform_reader.read_platform(self.path("p.xml"))[0]), 10000)

    def test_a_deployment_for_any_platform(self):
        platform = os.path.join(ROOT, "tests", "sim", "platforms", "cabinets.xml")
        self.generated("deployment", platform, "--hosts", "2", "-o", self.path("d.xml"), "--batches", "256")
        self.finished(platform, self.path("d.xml"))

    def test_hosts_of_a_cluster_are_a_site_if_wanted(self):
        platform = os.path.join(PLATFORMS, "two_sites.xml")
        self.assertNotIn("--site=", self.generated("deployment", platform))
        self.generated("deployment", platform, "--sites", "--exchange", "tree", "-o", self.path("d.xml"))
        text = read(self.path("d.xml"))
        self.assertEqual([text.count(f"--site=site-{site}") for site in (1, 2)], [4, 4])
        self.finished(platform, self.path("d.xml"))

    def refused(self, arguments, text):
        done = generate(*arguments)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(text, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_wrong_arguments_are_named(self):
        with open(self.path("bad.xml"), "w", encoding="utf-8") as file:
            file.write("<platform><zone></platform>")
        with open(self.path("encoding.xml"), "w", encoding="utf-8") as file:
            file.write("<?xml version='1.0' encoding='klingon'?><platform/>")
        with open(self.path("deep.xml"), "w", encoding="utf-8") as file:
            file.write("<zone>" * 5000 + "</zone>" * 5000)
        with open(self.path("huge.xml"), "w", encoding="utf-8") as file:
            file.write("<platform><cluster id='c' radical='0-99999999999'/></platform>")
        for arguments, text in [
            (["star", "--hosts", "4"], "star"),
            (["cluster"], "--hosts"),
            (["cluster", "--hosts", "1"], "from 2 to 1000000"),
            (["cluster", "--hosts", "many"], "many"),
            (["cluster", "--hosts", "4", "--bandwidth", "10"], "100Mbps"),
            (["cluster", "--hosts", "4", "--speed", "0Gf"], "above 0"),
            (["cluster", "--hosts", "4", "--sn", "5"], "--sn 5: there are 4 hosts"),
            (["cluster", "--hosts", "4", "--deployment", self.path("d"), "--min-peers", "5"], "--min-peers 5"),
            (["cluster", "--hosts", "4", "--deployment", self.path("no/such/d")], "No such file"),
            (["cluster", "--hosts", "9", "--churn", "5"], "none of 8 hosts"),
            (["cluster", "--hosts", "9", "--churn", "50", "--churn-off", "60"], "--churn-off 60"),
            (["clinics", "--hosts", "4", "--slow", "4"], "--slow 4"),
            (["sites", "--hosts", "4", "--sites", "5"], "--sites 5"),
            (["fat-tree", "--hosts", "13"], "multiple"),
            (["edge", "--hosts", "3"], "each of which needs a host"),
            (["edge", "--hosts", "4", "--class", "phone:100:1Gf:1Mbps"], "NAME:PERCENT"),
            (["edge", "--hosts", "4", "--class", "phone:50:1Gf:1Mbps:1ms"], "the sum 50"),
            (["edge", "--hosts", "4", "--class", "phone:100:1Gf:1Mbps:1ms:1/2/x:0/1"], "not 3 numbers of watts"),
            (["edge", "--hosts", "4", "--class", "phone:100:1Gf:1Mbps:1ms:1/2/3"], "given together"),
            (["continents", "--hosts", "4"], "--regions 8"),
            (["deployment", self.path("none.xml")], "No such file"),
            (["deployment", self.path("bad.xml")], "is not XML"),
            (["deployment", self.path("encoding.xml")], "klingon"),
            (["deployment", self.path("deep.xml")], "names no hosts"),
            (["deployment", self.path("huge.xml")], "more than 1000000 hosts"),
            (["deployment", LIBRARY[0], "--hosts", "1000"], "--hosts 1000"),
        ]:
            with self.subTest(" ".join(arguments)):
                self.refused(arguments, text)

    def test_the_latencies_of_regions(self):
        self.assertEqual([len(row) for row in ROUND_TRIPS_MS], list(range(len(REGIONS))))
        self.assertEqual(one_way_seconds("london", "frankfurt"), 0.0065)
        self.assertEqual(one_way_seconds("frankfurt", "london"), 0.0065)
        self.assertEqual(units.microseconds(0.005), "5000us")
        self.assertRaises(argparse.ArgumentTypeError, units.latency, "5")


class Format(unittest.TestCase):
    """The checker finds what is wrong."""

    def test_findings(self):
        good = read(os.path.join(PLATFORMS, "clinics.xml"))
        self.assertEqual(findings(good), [])
        for old, new, finding in [
            ("</zone>", "", "not XML"),
            ("simgrid.dtd", "other.dtd", "there is no <!DOCTYPE"),
            ("uplink-1\" bandwidth", "uplink-1\" width", "has no bandwidth"),
            ("speed=\"1Gf\"", "speed=\"1Gf\" wheels=\"4\"", "has wheels, which host does not have"),
            ("speed=\"1Gf\"", "speed=\"1\"", "speed='1'"),
            ("SPLITDUPLEX", "SPLIT", "sharing_policy='SPLIT'"),
            ("routing=\"Floyd\"", "routing=\"Floid\"", "routing='Floid'"),
            ("<router id=\"internet\"/>", "<route src=\"a\" dst=\"b\"/>", "children"),
            ("<router id=\"internet\"/>", "<computer id=\"internet\"/>", "no element computer"),
            ("<router id=\"internet\"/>", "<zone id=\"z\" routing=\"Full\"/>", "children"),
            ("<router id=\"internet\"/>", "a router", "has text"),
        ]:
            with self.subTest(new):
                self.assertIn(old, good)
                self.assertIn(finding, "\n".join(findings(good.replace(old, new, 1))))


if __name__ == "__main__":
    unittest.main()
