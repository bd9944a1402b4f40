#!/usr/bin/env python3
"""swarm-calibrate, swarm-predict, swarm-sweep and what they share, on small inputs.

usage: prediction_test.py ROOT BIN [NAME_OF_A_TEST...]       exit 77: a program is missing
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import unittest

ROOT, BIN = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.path.insert(0, f"{ROOT}/bench")
import namespaces  # noqa: E402
from prediction import calibration, candidates, fidelity_grid, fidelity_report, grid, rehearsal, robust, sweep_plots, traces  # noqa: E402

HOST = {"message_seconds": 2e-5, "tls_send_bytes_per_second": 2e9, "tls_receive_bytes_per_second": 2e9, "local_bytes_per_second": 15e9,
        "save_bytes_per_second": 14e9, "load_bytes_per_second": 14e9, "hash_bytes_per_second": 3.6e9, "merge_bytes_per_second": 29e9,
        "write_bytes_per_second": 5e9, "disk_bytes_per_second": 4e9, "fsync_seconds": 0.001, "spread": 0.05}


def run(*command, environment=None):
    return subprocess.run(command, capture_output=True, text=True, timeout=250, env={**os.environ, **(environment or {})})


class InFolder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as out:
            out.write(text)
        return f"{self.folder}/{name}"

    def rehearse(self, members, size, table=None, rate=None, **more):
        return rehearsal.Rehearsal(BIN, rehearsal.star_platform(members + 1, rate), rehearsal.deployment(members, size // 4, 8),
                                   table, **more).finish()


class Statistics(unittest.TestCase):
    def test_one_odd_value_changes_neither_spread_nor_median(self):
        self.assertEqual(robust.mad([1, 2, 3, 4, 1000]), 1)
        self.assertAlmostEqual(robust.relative_spread([9, 10, 11, 10, 500]), 1.4826 * 0.1, delta=1e-9)

    def test_quantiles_are_between_the_values(self):
        self.assertEqual([robust.quantile([4, 1, 3, 2], part) for part in (0, 0.5, 1)], [1, 2.5, 4])

    def test_rank_correlation(self):
        self.assertAlmostEqual(robust.spearman([1, 2, 3], [10, 20, 900]), 1)
        self.assertAlmostEqual(robust.spearman([1, 2, 3], [3, 2, 1]), -1)
        self.assertAlmostEqual(robust.spearman([1, 2, 2, 4], [1, 3, 3, 9]), 1)


class Rounds(InFolder):
    def trace(self, name, shift, epoch):
        lines = [f"# starling-trace 1 epoch_ns={epoch}"]
        for number in range(4):
            for step, event in enumerate(("sync_begin", "check_in", "exchange_begin", "exchange_done", "round_done", "sync_end")):
                key = "sync" if event == "sync_begin" else "round"
                lines.append(f"{10 * number * 10**9 + step * 10**9 + shift - epoch} {name} {event} {key}={number}")
        return self.write(name, "\n".join(lines) + "\n")

    def test_phases_add_up_to_the_round_and_clocks_are_joined(self):
        paths = [self.trace("a", 0, 0), self.trace("b", 5 * 10**8, -3 * 10**9)]
        rows = traces.round_figures(paths, skip=1)
        self.assertEqual(len(rows), 2)
        for row in rows:
            self.assertAlmostEqual(row["round"], 10)
            self.assertAlmostEqual(row["train"], 5)
            self.assertAlmostEqual(sum(row[phase] for phase, *_ in traces.PHASES), row["round"])


class Rehearsals(InFolder):
    def test_processes_that_share_two_cores_are_slower_than_on_hosts_of_their_own(self):
        own = self.rehearse(4, 4_000_000, HOST)["phases"]["sync"]
        shared = self.rehearse(4, 4_000_000, HOST, cores_shared=2)["phases"]["sync"]
        one = self.rehearse(4, 4_000_000, HOST, cores_shared=1)["phases"]["sync"]
        self.assertGreater(shared, 1.3 * own)
        self.assertGreater(one, 1.5 * shared)

    def test_where_a_slow_link_decides_processors_dont_matter(self):
        plain = self.rehearse(2, 4_000_000, None, 10e6)["phases"]["exchange"]
        shared = self.rehearse(2, 4_000_000, HOST, 10e6, cores_shared=2)["phases"]["exchange"]
        self.assertLess(abs(shared / plain - 1), 0.02)

    def test_seeds_vary_the_time_of_work_by_the_tables_spread(self):
        times = [self.rehearse(2, 4_000_000, HOST, seed=seed)["phases"]["sync"] for seed in (1, 2, 1)]
        self.assertNotEqual(times[0], times[1])
        self.assertEqual(times[0], times[2])

    def test_the_summary_counts_bytes_of_links_and_time_of_processors(self):
        found = self.rehearse(2, 4_000_000, HOST, 100e6)
        self.assertEqual({link["name"] for link in found["links"][:4]}, {"link-2_UP", "link-2_DOWN", "link-3_UP", "link-3_DOWN"})
        self.assertGreater(found["links"][0]["bytes"], found["round_count"] * 4_000_000)
        self.assertTrue(all(machine["cpu_seconds"] > 0 for machine in found["machines"]))

    def test_an_unusable_table_is_an_error_with_its_reason(self):
        with self.assertRaisesRegex(rehearsal.RehearsalError, "unknown key 'sped'"):
            self.rehearse(2, 4000, {"sped": 1})


class Predict(InFolder):
    def predict(self, *flags):
        platform = self.write("platform.xml", rehearsal.star_platform(4).replace('id="link-4" bandwidth="100000000000bps"', 'id="link-4" bandwidth="20000000bps"'))
        deployment = self.write("deployment.xml", rehearsal.deployment(3, 500_000, 8))
        done = run(f"{ROOT}/bench/predict/swarm-predict", platform, deployment, f"--bin={BIN}", f"--json={self.folder}/out.json",
                   f"--calibration={self.write('table.json', json.dumps(HOST))}", "--seeds=2", *flags)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(f"{self.folder}/out.json") as text:
            return done.stdout, json.load(text)

    def test_a_slow_link_is_named_and_compression_helps_most(self):
        text, found = self.predict("--plan=star,butterfly", "--compression=int8", "--sync-frequency=4", "--sn-host=host-2")
        self.assertTrue(found["limits"].startswith("links"), found["limits"])
        self.assertRegex(text, r"link link-4_(UP|DOWN): busy")
        names = [one["name"] for one in found["candidates"]]
        self.assertIn("plan star, compression int8", names)
        self.assertIn("SN on host-2", names)
        times = {one["name"]: one["batch_seconds"] for one in found["candidates"]}
        self.assertLess(times["compression int8"], 0.5 * times["as it is"])
        self.assertLess(times["sync_frequency 4"], 0.5 * times["as it is"])
        for one in found["candidates"]:
            self.assertLessEqual(one["round"]["low"], one["round"]["median"])
            self.assertLessEqual(one["round"]["median"], one["round"]["high"])

    def test_wrong_input_is_an_error(self):
        done = run(f"{ROOT}/bench/predict/swarm-predict", "/none.xml", "/none.xml", f"--bin={BIN}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/none.xml", done.stderr)

    def test_changes_replace_what_a_deployment_has(self):
        text = rehearsal.deployment(2, 100, 3, {"EXCHANGE": "star"})
        changed = rehearsal.with_environment(text, {"EXCHANGE": "tree", "DURABLE": "none"})
        self.assertNotIn("EXCHANGE=star", changed)
        self.assertEqual(changed.count("--ml-e=EXCHANGE=tree"), 2)
        self.assertEqual(candidates.batches_between_rounds(changed), 1)
        self.assertIsNone(rehearsal.with_sn_on(text, "host-1", "host-1"))
        self.assertEqual(rehearsal.with_sn_on(text, "host-3", "10.0.0.3").count("--sn-ip=10.0.0.3"), 2)


class Sweep(InFolder):
    def sweep(self, *flags):
        self.write("platform.xml", rehearsal.star_platform(3))
        self.write("deployment.xml", rehearsal.deployment(2, 1000, 6))
        sweep = self.write("sweep.json", json.dumps({"platform": "platform.xml", "deployment": "deployment.xml", "seed": [1, 2],
                                                     "environment": {"EXCHANGE": "star butterfly".split()}, "properties": {"model.parameters": 5000}}))
        return run(f"{ROOT}/bench/predict/swarm-sweep", sweep, f"--bin={BIN}", *flags)

    def results(self, name="sweep.jsonl"):
        with open(f"{self.folder}/{name}") as lines:
            return [json.loads(line) for line in lines]

    def test_every_point_has_a_line_and_is_run_once(self):
        done = self.sweep("--jobs=2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("to the end", done.stderr)
        self.assertEqual(len({line["id"] for line in self.results()}), 4)
        self.assertTrue(all(line["exit_code"] == 0 and line["round_count"] == 8 for line in self.results()))
        self.assertIn("4 of them are in", self.sweep().stderr)
        self.assertEqual(len(self.results()), 4)

    def test_an_interrupted_sweep_goes_on(self):
        self.assertEqual(self.sweep().returncode, 0)
        with open(f"{self.folder}/sweep.jsonl") as lines:
            kept = lines.read().splitlines()
        self.write("sweep.jsonl", "\n".join(kept[:2]) + "\n" + kept[2][:40])  # killed while it wrote the third
        done = self.sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 of them are in", done.stderr)
        with open(f"{self.folder}/sweep.jsonl") as lines:
            self.assertEqual(len(lines.read().splitlines()), 5)

    def test_a_job_array_runs_the_same_points(self):
        self.assertEqual(self.sweep(f"--slurm={self.folder}/job", "-o", f"{self.folder}/array").returncode, 0)
        with open(f"{self.folder}/job") as text:
            self.assertIn("#SBATCH --array=0-3\n", text.read())
        for task in range(4):  # as slurm would
            done = subprocess.run(["sh", f"{self.folder}/job"], env=os.environ | {"SLURM_ARRAY_TASK_ID": str(task)}, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.sweep().returncode, 0)
        joined = [line for task in range(4) for line in self.results(f"array.{task}")]
        key = lambda line: line["id"]  # noqa: E731
        self.assertEqual(sorted(joined, key=key), sorted(self.results(), key=key))

    def test_results_are_drawn_with_a_line_for_each_plan_and_a_place_for_each_size(self):
        self.write("platform.xml", rehearsal.star_platform(3))
        self.write("deployment.xml", rehearsal.deployment(2, 1000, 6))
        sweep = self.write("sweep.json", json.dumps({
            "platform": "platform.xml", "deployment": "deployment.xml", "seed": [1, 2], "environment": {"EXCHANGE": "star tree".split()},
            "properties": {"model.parameters": [1000, 5000]}}))
        done = run(sys.executable, f"{ROOT}/bench/predict/swarm-sweep", sweep, f"--bin={BIN}", f"--plot={self.folder}/plot.svg")
        lines = self.results()
        self.assertEqual(len(lines), 8)
        self.assertEqual(sweep_plots.chosen_axis(lines, None), "properties.model.parameters")
        self.assertEqual(sweep_plots.chosen_axis(lines, "EXCHANGE"), "environment.EXCHANGE")
        with self.assertRaisesRegex(sweep_plots.PlotError, "different values of environment.EXCHANGE"):
            sweep_plots.chosen_axis(lines, "seed")
        found = sweep_plots.lines_of(lines, "properties.model.parameters", lambda line: line["bytes_sent"])
        self.assertEqual(sorted(found), ["EXCHANGE star", "EXCHANGE tree"])
        for points in found.values():
            self.assertEqual([x for x, *_ in points], [1000, 5000])
            self.assertLess(points[0][1] * 2, points[1][1])  # five times the parameters are more bytes
            self.assertTrue(all(low <= middle <= high for _, middle, low, high in points))
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            print("not drawn: no matplotlib (package python3-matplotlib) for this python3", file=sys.stderr)
            self.assertIn("python3-matplotlib", done.stderr)
            return
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(f"{self.folder}/plot.svg") as text:
            svg = text.read()
        for part in ("<svg", "s a round, median", "MB sent in a run", "model.parameters", "EXCHANGE star", "EXCHANGE tree"):
            self.assertIn(part, svg)
        self.assertNotIn("kJ", svg)  # the platform has no watts

    def test_energy_is_in_a_line_where_the_platform_has_watts(self):
        watts = '<prop id="wattage_per_state" value="10:20"/>'
        platform = rehearsal.star_platform(3).replace('speed="1Gf"/>', f'speed="1Gf">{watts}</host>')
        self.assertIn(watts, platform)
        self.write("platform.xml", platform)
        self.write("deployment.xml", rehearsal.deployment(2, 1000, 6))
        sweep = self.write("sweep.json", json.dumps({"platform": "platform.xml", "deployment": "deployment.xml"}))
        self.assertEqual(run(f"{ROOT}/bench/predict/swarm-sweep", sweep, f"--bin={BIN}").returncode, 0)
        line, = self.results()
        self.assertGreater(line["energy_joules"], 3 * 10 * line["simulated_seconds"])

    def test_a_wrong_grid_is_refused(self):
        for text in ('{"platform": "p"}', "[]", "{", '{"platform": "p", "deployment": "d", "sed": 1}', '{"platform": [], "deployment": "d"}'):
            with self.assertRaises(grid.GridError):
                grid.read_points(self.write("wrong.json", text))


class Link(InFolder):
    def identity(self, host):
        done = run(f"{BIN}/gen-cert", "-e", "x", "-i", str(host), "--workspace", self.folder, "--host-ip", "127.0.0.1")
        self.assertEqual(done.returncode, 0, done.stderr)
        stem = f"{self.folder}/x/cert/sl-{host}"
        return [f"--cert={stem}-cert.pem", f"--key={stem}-key.pem", f"--capath={self.folder}/x/cert/ca/capath"]

    def test_a_peer_is_measured_each_way_and_the_platform_loads(self):
        calibrate = f"{ROOT}/bench/predict/swarm-calibrate"
        identities = [self.identity(1), self.identity(2)]  # each from a CA of its own, which the other trusts
        server = subprocess.Popen([calibrate, "--serve=127.0.0.1:0"] + identities[0], stderr=subprocess.PIPE, text=True)
        try:
            peer = server.stderr.readline().split()[-1]
            done = run(calibrate, f"--peer={peer}", "--only-link", f"--platform={self.folder}/pair.xml", "--repetitions=1", *identities[1])
        finally:
            server.kill()
            server.wait()
            server.stderr.close()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"latency [\d.]+ ms one way .*, up [\d.e+]+ Mbit/s .*, down [\d.e+]+ Mbit/s")
        deployment = rehearsal.deployment(1, 1000, 6, first=1).replace("host-1", "127.0.0.1")
        self.assertGreater(rehearsal.Rehearsal(BIN, f"{self.folder}/pair.xml", deployment).finish()["round_count"], 5)

    def test_without_an_identity_nothing_is_measured(self):
        done = run(f"{ROOT}/bench/predict/swarm-calibrate", "--peer=127.0.0.1:1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--cert", done.stderr)


class Fidelity(InFolder):
    CASE = {"name": "two", "members": 2, "bytes": 1_000_000, "rate": 80e6}

    def run_of(self, seconds, sent=4_000_000):
        phases = {phase: 0.0 for phase, *_ in traces.PHASES} | {"exchange": seconds, "round": seconds}
        return {"phases": phases, "sent_bytes": sent, "order": [[0, "check_in"], [0, "exchange_begin"]]}

    def row(self, simulated, runs):
        found = self.run_of(simulated)
        return fidelity_report.row(self.CASE, runs, {"phases": found["phases"], "uncalibrated": self.run_of(0.05)["phases"], "sent_bytes": 4_000_000,
                                                     "order": [(0, "check_in"), (0, "exchange_begin")]})

    def test_errors_are_signed_and_relative_to_the_median_of_the_runs(self):
        row = self.row(0.09, [self.run_of(seconds) for seconds in (0.1, 0.12, 0.1)])
        self.assertAlmostEqual(row["error"], -0.1)
        self.assertAlmostEqual(row["phase_errors"]["exchange"], -0.1)
        self.assertAlmostEqual(row["uncalibrated_error"], -0.5)
        self.assertAlmostEqual(row["naive_error"], 0.0)  # 1 MB at 10 MB/s
        self.assertEqual((row["bytes_difference"], row["same_order"]), (0, True))

    def test_the_summary_has_the_worst_and_the_order_of_configurations(self):
        rows = [self.row(0.1, [self.run_of(0.1)]), self.row(0.3, [self.run_of(0.2)]), self.row(0.35, [self.run_of(0.4, 1)])]
        total = fidelity_report.summary(rows)
        self.assertAlmostEqual(total["largest"], 0.5)
        self.assertAlmostEqual(total["median"], 0.125)
        self.assertAlmostEqual(total["spearman"], 1)
        self.assertEqual(total["bytes_equal"], 2)
        self.assertIn("| two | 1 | 200 |", fidelity_report.markdown(rows))

    def test_configurations_have_names_of_their_own(self):
        names = [case["name"] for case in fidelity_grid.grid()]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 24)

    def test_members_train_as_long_as_was_measured_of_each(self):
        text = rehearsal.deployment(2, 1000, 8, batch_seconds=[0.01, 0.3])
        found = rehearsal.Rehearsal(BIN, rehearsal.star_platform(3), text).finish()
        self.assertGreater(found["phases"]["round"], 0.3)
        self.assertLess(found["phases"]["train"], 0.2)  # the mean of both
        self.assertGreater(found["marks"][5]["sync_end"]["ml2"], 0)

    def test_training_takes_the_measured_quantiles_of_a_workload(self):
        rarely_slow = {"seconds_per_batch": 0.15, "quantiles": [0.1] * 10 + [1.0]}
        text = rehearsal.deployment(2, 1000, 40, batch_seconds="toy")
        rounds = [one["round"] for one in
                  rehearsal.Rehearsal(BIN, rehearsal.star_platform(3), text, {"workloads": {"toy": rarely_slow}}).finish()["rounds_measured"]]
        self.assertLess(statistics.median(rounds), 0.13)
        self.assertGreater(max(rounds), 0.3)
        with self.assertRaisesRegex(rehearsal.RehearsalError, "model.workload: the workload 'toy' is not in"):
            rehearsal.Rehearsal(BIN, rehearsal.star_platform(3), text).finish()

    def test_a_sync_until_the_merge_does_not_wait_for_reports_and_the_commit(self):
        text = rehearsal.deployment(2, 1000, 8, batch_seconds=[0.3, 0.3])
        until_merge = rehearsal.with_environment(text, {"SYNC_UNTIL": "merge"})
        commit, merge = (rehearsal.Rehearsal(BIN, rehearsal.star_platform(3), one).finish()["phases"] for one in (text, until_merge))
        self.assertLess(merge["sync"], commit["sync"] - commit["commit"] / 2)
        self.assertGreaterEqual(min(merge.values()), 0)

    def test_a_host_that_is_away_makes_rounds_longer(self):
        near, far = (rehearsal.Rehearsal(BIN, rehearsal.star_platform(3, 100e6, delay=delay), rehearsal.deployment(2, 1000, 8)).finish()["phases"]["round"]
                     for delay in (0.0, 0.02))
        # Its requests and answers, its report and the commit; with an early exchange the check-in's way is not waited for.
        self.assertGreater(far, near + 0.07)


class Priority(InFolder):
    def test_who_may_not_raise_it_is_told(self):
        nice = self.write("nice", "#!/bin/sh\necho 'nice: cannot set niceness: Permission denied' >&2\n")
        os.chmod(nice, 0o755)
        for script in (["bench/fidelity/fidelity", "measure"], ["bench/predict/swarm-calibrate"]):
            done = run(f"{ROOT}/{script[0]}", *script[1:], "--priority", f"--bin={BIN}", environment={"PATH": f"{self.folder}:{os.environ['PATH']}"})
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("--priority needs root or the capability CAP_SYS_NICE: nice: cannot set niceness", done.stderr)


class OnHosts(InFolder):
    def test_a_command_that_fails_is_no_reason_to_skip(self):
        if missing := namespaces.missing_for_hosts():
            self.skipTest(missing)
        ip = self.write("ip", "#!/bin/sh\necho broken >&2\nexit 1\n")
        os.chmod(ip, 0o755)
        done = run(f"{ROOT}/bench/fidelity/fidelity", "measure", "--runs=1", f"--out={self.folder}/runs.json", f"--bin={BIN}",
                   environment={"PATH": f"{self.folder}:{os.environ['PATH']}"})
        if done.returncode == 77:
            self.skipTest(done.stderr)  # the system allows no namespace
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("broken", done.stderr)

    def test_a_real_swarm_sends_the_bytes_that_were_predicted_in_the_predicted_order(self):
        out = f"{self.folder}/runs.json"
        script = f"{ROOT}/bench/fidelity/fidelity"
        done = run(script, "measure", "--only=2 members, 1.3 MB, 100 Mbit/s, one 20 ms away", "--runs=1", f"--out={out}", f"--bin={BIN}")
        if done.returncode == 77:
            self.skipTest(done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run(script, "report", f"--out={out}", f"--json={self.folder}/report.json", f"--bin={BIN}",
                   f"--calibration={self.write('table.json', json.dumps(HOST))}")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(f"{self.folder}/report.json") as text:
            row = json.load(text)["rows"][0]
        self.assertEqual((row["bytes_difference"], row["same_order"]), (0, True))
        self.assertGreater(row["measured"], 0.1)  # 20 ms there and back, five times at least


class Messages(InFolder):
    def test_only_frames_of_an_sn_are_signed(self):
        signed, unsigned = calibration.frame_ends(BIN, 4, 4_000_000)
        more_signed, more_unsigned = calibration.frame_ends(BIN, 8, 4_000_000)
        self.assertEqual(more_signed, 2 * signed)  # of each member as many
        self.assertGreater(more_unsigned, 2 * unsigned)  # members talk to each other

    def test_time_to_wake_up_is_no_processor_time(self):
        def run(seconds):
            found = self.rehearse(2, 65536, calibration.NOTHING | {"wake_seconds": seconds})
            return found["phases"]["sync"], sum(machine["cpu_seconds"] for machine in found["machines"])
        (short, little), (long, much) = run(1e-5), run(1e-3)
        self.assertGreater(long, short + 0.003)  # some messages of a round wait for each other
        self.assertAlmostEqual(much, little, delta=0.001)

    def test_a_table_is_fitted_to_the_measured_round(self):
        table = calibration.NOTHING | {"message_seconds": 2e-5}
        for measured in (0.02, 0.0002):  # longer than its processor time, which waits explain; shorter
            fitted, factors = calibration.fit(BIN, table, {"messages": (2, calibration.SMALL, measured)}, 2)
            self.assertEqual(fitted["wake_seconds"] > 0, measured == 0.02, fitted)
            if measured == 0.02:
                self.assertEqual(factors, {"messages": 1.0})
                self.assertAlmostEqual(calibration.simulated_sync(BIN, 2, calibration.SMALL, fitted, 2), measured, delta=0.001)
            else:
                self.assertEqual(factors, {"messages": 0.5})  # at least half of what was measured


class Calibrate(InFolder):
    def test_the_table_of_this_host_is_one_that_swarm_sim_takes(self):
        done = run(f"{ROOT}/bench/predict/swarm-calibrate", f"--bin={BIN}", "-o", f"{self.folder}/table.json", "--repetitions=1", "--rounds=2",
                   "--bytes=4000000", f"--workspace={self.folder}", f"--platform={self.folder}/host.xml")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(f"{self.folder}/table.json") as text:
            table = json.load(text)
        for key, value in table.items():
            if key == "wake_seconds":  # 0 where the measured round is no longer than its CPU time
                self.assertGreaterEqual(value, 0)
            elif key not in ("measured", "spread"):
                self.assertGreater(value, 0, key)
        self.assertEqual(table["measured"]["repetitions"], 1)
        self.assertGreater(self.rehearse(2, 4_000_000, table)["phases"]["sync"], 0)

    def test_messages_and_the_disk_can_be_measured_alone(self):
        done = run(f"{ROOT}/bench/predict/swarm-calibrate", "--only-messages", f"--bin={BIN}", "-o", f"{self.folder}/table.json",
                   "--repetitions=2", "--rounds=2", "--bytes=4000000", f"--workspace={self.folder}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("a round of 2 members, 4 MB: measured", done.stdout)
        with open(f"{self.folder}/table.json") as text:
            table = json.load(text)
        self.assertEqual(set(table), {"message_seconds", "unsigned_message_seconds", "wake_seconds", "fsync_seconds", "disk_bytes_per_second",
                                      "measured"})
        self.assertEqual(set(table["measured"]["factors"]), {"messages"})
        without = self.rehearse(2, 4_000_000, {**table, "message_seconds": 0, "wake_seconds": 0})["phases"]["sync"]
        self.assertGreater(self.rehearse(2, 4_000_000, table)["phases"]["sync"], without)

    def test_a_table_is_the_median_of_its_repetitions(self):
        table = calibration.combine([{key: value * factor for key, value in HOST.items()} for factor in (1, 1.1, 0.9, 1, 50)])
        self.assertAlmostEqual(table["message_seconds"], 2e-5)
        self.assertAlmostEqual(table["spread"], 0.1483, delta=1e-3)


if __name__ == "__main__":
    needed = ["swarm-sim"] + (["run-sn", "run-sl", "gen-cert", "bench-round-ml"] if "Calibrate" in sys.argv[3:] else [])
    needed += ["run-sn", "run-sl", "gen-cert", "bench-round-ml", "delay_relay"] if "OnHosts" in sys.argv[3:] else []
    needed += ["gen-cert"] if "Link" in sys.argv[3:] else []
    if missing := [name for name in needed if not os.path.exists(f"{BIN}/{name}")]:
        print(f"skipped: {BIN} has no {', '.join(missing)}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
