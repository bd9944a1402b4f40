#!/usr/bin/env python3
"""The page of swarm-board in a real browser: what it shows equals the traces, and nothing in a trace is executed.

usage: page_test.py BIN ROOT PICTURES [TEST...]     exit 0 = passed, 77 = no browser here
Pictures of what was tested are written to the folder PICTURES, to be looked at.
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser  # noqa: E402
import servers  # noqa: E402

BIN, ROOT, PICTURES = "", "", ""
SHIFT_MAX = 0.05  # of the Cumulative Layout Shift; up to 0.1 counts as good (web.dev/cls)
HOSTILE = "<img/src=x/onerror=document.body.dataset.hit=1>"


# Texts whose contrast with their ground is below that of WCAG 2 AA.
LOW_CONTRAST = """(() => {
    const numbers = (color) => color.match(/[0-9.]+/g).map(Number);
    const light = (color) => numbers(color).slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            if (numbers(color)[3] !== 0) {
                return color;
            }
        }
        return "rgb(255, 255, 255)";
    };
    const low = new Set();
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
        if (element.tagName === "text" || own && element instanceof HTMLElement && element.offsetParent !== null) {
            const style = getComputedStyle(element);
            const [a, b] = [light(element.tagName === "text" ? style.fill : style.color), light(ground(element))];
            const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (contrast < 4.5) {
                low.add(`${element.tagName} ${element.className} ${contrast.toFixed(2)}`);
            }
        }
    }
    return [...low];
})()"""


# Controls that are shown, by id or, without one, by their text; and how far an outline of the focused one is seen.
CONTROLS = """[...document.querySelectorAll("button, select, input, [tabindex]")]
    .filter((element) => element.checkVisibility()).map((element) => element.id || element.textContent)"""
FOCUSED = """(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight;
    return [element.id || element.textContent, seen];
})()"""

# Timers of the page of a second and more wait until heldTimers.run() is called.
HOLD_TIMERS = """(() => {
    const {setTimeout: begin, clearTimeout: end} = window;
    const held = new Map();
    let last = 0;
    window.setTimeout = (action, ms) => (ms < 1000 ? begin(action, ms) : (held.set(`held ${++last}`, action), `held ${last}`));
    window.clearTimeout = (timer) => held.delete(timer) || end(timer);
    window.heldTimers = {held, run() {
        const due = [...held.values()];
        held.clear();
        due.forEach((action) => action());
    }};
})()"""

# Begins to add up how far what is seen has moved without anybody's doing (Cumulative Layout Shift).
WATCH_SHIFTS = """(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            window.shifts.push([entry.value, entry.sources.map((s) => s.node && (s.node.id || s.node.tagName)).join()]);
        }
    }).observe({type: "layout-shift", buffered: true});
})()"""


def run(*command, expect=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == expect, f"{command}: {done.returncode}\n{done.stdout[-2000:]}"
    return done.stdout


def escaped(text):
    return "".join(c if 32 < ord(c) < 127 and c not in "=%" else f"%{ord(c):02X}" for c in text)


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="starling-board-")
        cls.browser = browser.Browser()
        os.makedirs(PICTURES, exist_ok=True)

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.folder.cleanup()

    def setUp(self):
        self.browser.messages.clear()
        self.browser.requests.clear()

    def tearDown(self):
        self.assertEqual(self.browser.messages, [], "the console has messages")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def picture(self, name):
        self.browser.screenshot(os.path.join(PICTURES, f"{name}.png"))

    def simulate(self, name, *arguments, platform="platforms/two_hosts.xml",
                 deployment="examples/cifar10/two_hosts.deploy.xml", code=0):
        """\\return the page that --report writes, the trace, the summary"""
        page, trace, summary = (self.path(f"{name}.{kind}") for kind in ("html", "trace", "json"))
        run(f"{BIN}/swarm-sim", os.path.join(ROOT, platform), os.path.join(ROOT, deployment), "--quiet",
            "--report", page, "--trace", trace, "--json", summary, *arguments, expect=code)
        with open(summary, encoding="utf-8") as file:
            return page, trace, json.load(file)

    def figure(self, name):
        return self.browser.evaluate(
            f"[...document.querySelectorAll('.figure')].find((f) => f.firstChild.textContent === {json.dumps(name)})"
            ".lastChild.textContent")

    def seek(self, share):
        self.browser.evaluate(f"(() => {{ const s = document.getElementById('slider'); s.value = {share * 1000};"
                              " s.dispatchEvent(new Event('input')); })()")
        self.browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def test_a_simulated_run_shows_the_figures_of_its_summary(self):
        page, _, summary = self.simulate("two")
        self.assertLess(os.path.getsize(page), 500_000)
        self.browser.open(f"file://{page}")
        self.assertEqual(self.figure("Rounds committed"), str(summary["round_count"]))
        self.assertEqual(self.figure("Newest digest"), summary["final_digest"][:12])
        self.assertEqual(self.figure("Leader of the SNs"), "sn1")
        self.assertIn("The training is complete.", self.browser.text("#waits"))
        self.assertEqual(len(self.browser.evaluate("[...document.querySelectorAll('#rounds tr')].map((r) => 1)")),
                         summary["round_count"])
        self.assertEqual([url for url in self.browser.requests if not url.startswith("file:")], [])
        self.picture("two_finished")
        self.browser.dark(True)
        self.browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.picture("two_finished_dark")
        self.browser.dark(False)

    def test_replay_shows_each_moment(self):
        page, trace, summary = self.simulate("replay")
        self.browser.open(f"file://{page}")
        end = self.browser.evaluate("document.getElementById('slider').max") and summary["simulated_seconds"]
        for share in (0.0, 0.35, 0.7):
            self.seek(share)
            with open(trace, encoding="utf-8") as file:
                commits = sum(" round_committed " in line and int(line.split()[0]) <= share * end * 1e9 for line in file)
            self.assertEqual(self.figure("Rounds committed"), str(commits), share)
        self.browser.evaluate("document.getElementById('play').click()")
        self.browser.wait("document.getElementById('slider').value > 720")
        self.browser.evaluate("document.getElementById('play').click()")
        self.browser.evaluate("document.getElementById('end').click()")
        self.browser.wait(f"document.querySelector('#figures').textContent.includes('{summary['final_digest'][:12]}')")

    def test_a_lost_member_is_named_while_the_others_wait(self):
        page, _, _ = self.simulate("kill", "--fault", "t=2s kill host-2", "--fault", "t=20s restart host-2",
                                   "--until", "4", code=4)
        self.browser.open(f"file://{page}")
        self.assertIn("Missing: sl2 (down)", self.browser.text("#waits"))
        self.assertIn("sl2", self.browser.evaluate(
            "[...document.querySelectorAll('#nodes tr.bad td:first-child')].map((c) => c.textContent).join()"))
        self.assertIn("Host host-2 went off", self.browser.text("#alarms"))
        self.picture("two_waiting")

    def test_a_growing_trace_is_shown_while_it_grows(self):
        _, trace, summary = self.simulate("grow")
        with open(trace, encoding="utf-8") as file:
            lines = file.readlines()
        growing = self.path("growing.trace")
        with open(growing, "w", encoding="utf-8") as file:
            file.writelines(lines[:len(lines) // 2])
        with servers.Server(BIN, growing) as server:
            self.browser.open(server.url)
            self.browser.wait("document.getElementById('link').textContent === 'connected'")
            before = int(self.figure("Rounds committed"))
            self.assertLess(before, summary["round_count"])
            with open(growing, "a", encoding="utf-8") as file:
                file.writelines(lines[len(lines) // 2:])
                file.write("99999999999 sl1 check_in rou")  # still being written
            self.browser.evaluate(WATCH_SHIFTS)
            self.browser.wait(f"document.querySelectorAll('#rounds tr').length === {summary['round_count']}")
            self.assertLess(sum(shift[0] for shift in self.browser.evaluate("window.shifts")), SHIFT_MAX,
                            self.browser.evaluate("window.shifts"))
            self.assertEqual(self.figure("Rounds committed"), str(summary["round_count"]))
            self.assertIn("The training is complete.", self.browser.text("#waits"))
            whole = server.run_json()
            self.assertEqual(whole["unreadable_lines"], 0)
            self.assertEqual(server.run_json(f"?since={whole['version']}")["nodes"], [])
            self.browser.open("about:blank", ready="true")

    def test_names_and_texts_of_hostile_members_are_text(self):
        trace = self.path("hostile.trace")
        with open(trace, "w", encoding="utf-8") as file:
            file.write("# starling-trace 1 simulated seed=1\n")
            for i, name in enumerate([HOSTILE, "</script><script>document.body.dataset.hit=1</script>", "__proto__", "constructor"]):
                word = escaped(name)
                file.write(f"{i * 1000} {name.replace(' ', '/')} session_opened contract={word} run=0 bytes=5\n"
                           f"{i * 1000 + 10} {name} check_in round=0 loss_millionths=1000000\n"
                           f"{i * 1000 + 20} sn1 checked_in contract={word} node={word} round=0 here=1\n"
                           f"{i * 1000 + 30} {name} no_answer address={word} seconds=5\n"
                           f"{i * 1000 + 40} ml{i} evaluation correct=1 samples=2 classes=10\n")
        page = self.path("hostile.html")
        run(f"{BIN}/swarm-board", "--traces", trace, "--html", page, "--title", HOSTILE)
        with servers.Server(BIN, trace) as server:
            for url in (f"file://{page}", server.url):
                self.browser.open(url)
                for share in (0.5, 1):
                    self.seek(share)
                self.assertIsNone(self.browser.evaluate("document.body.dataset.hit ?? null"))
                self.assertEqual(self.browser.evaluate("document.querySelectorAll('img').length"), 0)
                self.assertIn(HOSTILE, self.browser.text("#nodes"))
                self.assertIn(HOSTILE, self.browser.text("#alarms"))
            self.browser.open("about:blank", ready="true")

    def test_values_that_programs_report_are_chosen_by_name(self):
        trace = self.path("values.trace")
        with open(trace, "w", encoding="utf-8") as file:
            file.write("# starling-trace 1 simulated seed=1\n")
            for number in range(20):
                for member in ("sl1", "sl2"):
                    start = f"{number * 1000000 + 10} {member}"
                    file.write(f"{start} check_in round={number} loss_millionths={9000000 // (number + 1)}\n"
                               f"{start} scalar round={number} name=val/accuracy value={1 - 1 / (number + 2):.3f}\n"
                               f"{start} scalar round={number} name=lr value={'nan' if number == 3 else 0.1 / (number + 1)}\n")
            file.write("20000000 sl1 scalar round=20 name=<b>x</b> value=1\n20000000 sl1 scalar round=20 name=y value=<b>\n")
        page = self.path("values.html")
        run(f"{BIN}/swarm-board", "--traces", trace, "--html", page)
        self.browser.open(f"file://{page}")
        options = "[...document.getElementById('scalar-name').options].map((o) => o.value).join()"
        self.assertEqual(self.browser.evaluate(options), "lr,val/accuracy")
        lines = "document.querySelectorAll('#scalars polyline').length"
        self.assertEqual(self.browser.evaluate(lines), 2)
        points = "document.querySelector('#scalars polyline').getAttribute('points').split(' ').length"
        self.assertEqual(self.browser.evaluate(points), 19)  # NaN is no point
        self.browser.evaluate("(() => { const s = document.getElementById('scalar-name'); s.value = 'val/accuracy';"
                              " s.dispatchEvent(new Event('input')); })()")
        self.assertEqual(self.browser.evaluate(points), 20)
        self.assertIn("sl2", self.browser.text("#scalars-legend"))
        self.picture("values")
        self.seek(0.0)
        self.assertEqual(self.browser.evaluate("document.getElementById('scalar-name').value"), "val/accuracy")

    def test_a_rehearsal_stands_beside_the_real_run(self):
        if not os.path.exists(f"{BIN}/swarm-report"):
            self.skipTest("swarm-report is not built")
        _, rehearsal, summary = self.simulate("rehearsal")
        real, alone, page, figures = (self.path(name) for name in ("real.trace", "alone.trace", "both.html", "both.json"))
        with open(rehearsal, encoding="utf-8") as file:
            lines = file.read()
        with open(real, "w", encoding="utf-8") as file:
            file.write(f"{lines}{10 * 10**9} ml1 evaluation correct=75 samples=100 classes=10\n")
        with open(alone, "w", encoding="utf-8") as file:
            file.write("# starling-trace 1 node=ml1 role=ml epoch_ns=5\n1 ml1 evaluation correct=30 samples=100 classes=10\n")
        run(f"{BIN}/swarm-report", "--predicted", rehearsal, "--measured", real, "--alone", alone, "--html", page, "--json", figures)
        with open(figures, encoding="utf-8") as file:
            expected = json.load(file)
        self.browser.open(f"file://{page}")
        self.assertEqual(self.browser.text("#runs button[aria-pressed=true]"), "real run")
        table = self.browser.text("#comparison")
        self.assertIn(f"Rounds\t{expected['predicted']['rounds']}\t{summary['round_count']}\t1.000", table)
        self.assertEqual(self.browser.text("#accuracy").split("\n"),
                         ["by guessing", "10.00 %", "ml1 alone", "30.00 %", "ml1 in the swarm, real run", "75.00 %"])
        self.browser.evaluate("document.querySelector('#runs button').click()")
        self.assertEqual(self.browser.text("#runs button[aria-pressed=true]"), "rehearsal")
        self.picture("rehearsal_and_real_run")

    def test_two_runs_stand_beside_each_other(self):
        _, slow, slow_summary = self.simulate("slow", "--fault", "t=2s kill host-2", "--fault", "t=4s restart host-2")
        _, fast, fast_summary = self.simulate("fast")
        page = self.path("beside.html")
        run(f"{BIN}/swarm-board", slow, "--beside", fast, "--html", page)
        with servers.Server(BIN, slow, "--beside", fast) as server:
            for url in (f"file://{page}", server.url):
                self.browser.open(url)
                self.assertEqual(self.browser.text("#runs").split("\n"), "rehearsal run".split())
                self.assertEqual(self.figure("Rounds committed"), str(slow_summary["round_count"]))
                rows = [row.split("\t") for row in self.browser.text("#comparison").split("\n")]
                self.assertEqual(rows[0][1:3], [str(fast_summary["round_count"]), str(slow_summary["round_count"])])
                self.assertLess(float(rows[3][3]), 1)  # time in all
                self.assertEqual(rows[5][3], "same" if fast_summary["final_digest"] == slow_summary["final_digest"] else "differs")
                self.browser.evaluate("document.querySelector('#runs button').click()")
                self.assertEqual(self.browser.text("#kind"), "simulated")
            self.picture("two_runs")
            self.browser.open("about:blank", ready="true")

    def test_everything_is_reached_by_keyboard_and_readable(self):
        page, _, _ = self.simulate("keys")
        self.browser.open(f"file://{page}")
        for dark in (False, True):
            self.browser.dark(dark)
            reached = {}
            for _ in range(60):
                self.key("Tab")
                name, seen = self.browser.evaluate(FOCUSED)
                reached[name] = seen
            controls = set(self.browser.evaluate(CONTROLS))
            self.assertLessEqual({"theme", "play", "speed", "slider", "end", "search", "role", "timeline", "map-span", "log-node",
                                  "log-filter", "log"}, controls)
            self.assertEqual(controls - set(reached), set(), "controls that the Tab key does not reach")
            self.assertEqual([name for name in controls if not reached[name]], [], "focus that is not seen")
        self.browser.evaluate("document.getElementById('timeline').focus()")
        before = self.browser.text("#clock")
        for _ in range(5):
            self.key("ArrowLeft")
        self.browser.wait(f"document.getElementById('clock').innerText !== {json.dumps(before)}")
        for dark in (False, True):
            self.browser.dark(dark)
            self.assertEqual(self.browser.evaluate(LOW_CONTRAST), [], "texts below 4.5 : 1")
        self.browser.dark(False)

    def test_the_button_changes_between_dark_and_light(self):
        page, _, _ = self.simulate("theme")
        self.browser.open(f"file://{page}")
        ground = "getComputedStyle(document.body).backgroundColor"
        colors = []
        for system in (False, True):
            self.browser.dark(system)
            for _ in range(2):
                colors.append(self.browser.evaluate(ground))
                self.browser.evaluate("document.getElementById('theme').click()")
        self.browser.dark(False)
        light, dark = "rgb(246, 247, 249)", "rgb(20, 23, 28)"
        self.assertEqual(colors, [light, dark, light, dark])  # once chosen, it stays

    def test_the_map_says_who_sent_what(self):
        page, trace, _ = self.simulate("map")
        sums = {}
        with open(trace, encoding="utf-8") as file:
            for line in file:
                node, event, *fields = line.split()[1:] if not line.startswith("#") else ("", "")
                if event == "exchange_done":
                    for part in dict(f.split("=", 1) for f in fields)["from"].split(","):
                        name, size = part.split(":")
                        sums[name, node] = sums.get((name, node), 0) + int(size)
        self.assertEqual(set(sums), {("sl1", "sl2"), ("sl2", "sl1")})
        self.browser.open(f"file://{page}")
        rows = [row.split("\t")[:3] for row in self.browser.text("#map-links").split("\n") if row]
        shown = lambda size: self.browser.evaluate(f"({size} / 1e6).toFixed(1) + ' MB'")  # noqa: E731
        self.assertEqual(sorted(rows), sorted([a, b, shown(size)] for (a, b), size in sums.items()))
        self.assertIn(f"2 links between members, {shown(sum(sums.values()))} in all", self.browser.text("#map-note"))
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#map .link').length"), 2)
        self.browser.evaluate("(() => { const s = document.getElementById('map-span'); s.value = 'round';"
                              " s.dispatchEvent(new Event('input')); })()")
        self.assertNotIn(shown(sum(sums.values())), self.browser.text("#map-note"))
        self.seek(0)
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#map .link').length"), 0)

    def choose(self, control, value):
        self.browser.evaluate(f"(() => {{ const s = document.getElementById('{control}'); s.value = '{value}';"
                              " s.dispatchEvent(new Event('input')); })()")

    def test_the_map_shows_the_links_of_the_platform_with_their_load(self):
        page, trace, summary = self.many(8)
        carried = {}
        with open(trace, encoding="utf-8") as file:
            for line in file:
                if " platform link_used " in line:
                    fields = dict(f.split("=", 1) for f in line.split()[3:])
                    carried[fields["link"]] = carried.get(fields["link"], 0) + int(fields["bytes"])
        self.assertEqual({use["name"]: use["bytes"] for use in summary["links"]}, carried)
        self.browser.open(f"file://{page}")
        self.assertEqual(self.browser.evaluate("[...document.getElementById('map-of').options].map((o) => o.value).join()"),
                         "members,hosts,links")
        self.choose("map-of", "links")
        rows = [row.split("\t") for row in self.browser.text("#map-links").split("\n") if row]
        for name, size, mean, peak, *_ in rows:
            self.assertEqual(size, self.browser.evaluate(f"({carried[name]} / 1e6).toFixed(1) + ' MB'"), name)
            self.assertLessEqual(float(mean.split()[0]), float(peak.split()[0]))
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#map circle').length"), 8)
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#map .gauge').length"), len({n.rsplit("_", 1)[0] for n in carried}))
        self.assertIn(f"{len(carried)} links used", self.browser.text("#map-note"))
        self.picture("eight_links")
        self.seek(0)
        self.assertIn("No link has carried anything yet", self.browser.text("#map-note"))
        self.choose("map-of", "hosts")
        self.browser.evaluate("document.getElementById('end').click()")
        self.browser.wait("document.getElementById('map-note').textContent.includes('between hosts')")
        self.assertRegex(self.browser.text("#map-links"), r"^node-[1-8]\tnode-[1-8]\t")
        self.choose("map-of", "members")

    def test_the_time_to_the_end_follows_from_the_epochs(self):
        _, trace, summary = self.many(2, epochs=4)
        with open(trace, encoding="utf-8") as file:
            lines = file.readlines()
        commits = [i for i, line in enumerate(lines) if " round_committed " in line]
        half, page = self.path("half.trace"), self.path("half.html")
        with open(half, "w", encoding="utf-8") as file:
            file.writelines(lines[:commits[len(commits) * 3 // 4] + 1])
        run(f"{BIN}/swarm-board", half, "--html", page)
        self.browser.open(f"file://{page}")
        text = self.figure("Time to the end")
        self.assertRegex(text, r"^about [0-9.]+ (m?s|min)")
        number, unit = text.split()[1:3]
        left = float(number) * {"s": 1, "ms": 0.001}[unit]
        real = summary["simulated_seconds"] - int(lines[commits[len(commits) * 3 // 4]].split()[0]) / 1e9
        self.assertLess(abs(left - real), real, (text, real))
        self.seek(0)
        self.assertEqual(self.figure("Time to the end"), "after one epoch")

    def test_curves_of_loss_and_accuracy(self):
        trace, page = self.path("curves.trace"), self.path("curves.html")
        with open(trace, "w", encoding="utf-8") as file:
            file.write("# starling-trace 1 simulated seed=1\n")
            for number in range(5):
                for i in (1, 2):
                    file.write(f"{number}000000 sl{i} check_in round={number} loss_millionths={900000 - number * 100000}\n"
                               f"{number}100000 ml{i} sync_end round={number}\n"
                               f"{number}200000 ml{i} evaluation correct={50 + number * 10} samples=100 classes=10\n")
        run(f"{BIN}/swarm-board", trace, "--html", page)
        self.browser.open(f"file://{page}")
        for curve, legend in (("loss", "sl1\nsl2"), ("accuracy", "ml1\nml2")):
            for axis in ("round", "time", "bytes"):
                for name, value in (("curve", curve), ("axis", axis)):
                    self.browser.evaluate(f"(() => {{ const s = document.getElementById('{name}'); s.value = '{value}';"
                                          " s.dispatchEvent(new Event('input')); })()")
                self.assertEqual(self.browser.text("#loss-legend"), legend)
                self.assertEqual(self.browser.evaluate("document.querySelectorAll('#loss polyline').length"), 2)
        self.assertIn("50.00 %", self.browser.evaluate("document.querySelector('#loss').textContent"))

    def test_the_log_of_one_node(self):
        page, _, _ = self.simulate("log")
        self.browser.open(f"file://{page}")
        names = "[...new Set([...document.querySelectorAll('#log b')].map((b) => b.textContent))].sort().join()"
        self.assertIn("sl1,sl2,sn1", self.browser.evaluate(names))
        for text, found in (("sl1", "sl1"), ("SL", "sl1,sl2"), ("nobody", "")):
            self.browser.evaluate(f"(() => {{ const s = document.getElementById('log-node'); s.value = '{text}';"
                                  " s.dispatchEvent(new Event('input')); })()")
            self.assertEqual(self.browser.evaluate(names), found)

    def test_the_page_over_tls_after_a_login(self):
        if not os.path.exists(f"{BIN}/gen-cert"):
            self.skipTest("gen-cert is not built")
        _, trace, _ = self.simulate("tls")
        run(f"{BIN}/gen-cert", "-e", "identity", "-i", "1", "--host-ip", "127.0.0.1", "--workspace", self.folder.name)
        certs, token = self.path("identity/cert"), self.path("token")
        def serve(text, port=None):
            with open(token, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
            return servers.Server(BIN, trace, f"--tls-cert={certs}/swci-1-cert.pem", f"--tls-key={certs}/swci-1-key.pem", f"--token-file={token}",
                          listen=True, port=port)

        with serve("a-token-of-this-test-0123456789") as server:
            port = int(server.url.rstrip("/").rpartition(":")[2])
            # The CA of the test is none of the browser's.
            self.browser.call("Security.setIgnoreCertificateErrors", ignore=True)
            self.browser.open(server.url, ready="document.body.innerText.includes('Not logged in')")
            self.assertEqual([m for m in self.browser.messages if "401" not in m], [])
            self.browser.messages.clear()
            self.browser.open(f"{server.url}?token=a-token-of-this-test-0123456789")
            self.browser.wait("document.getElementById('link').textContent === 'connected'")
            self.assertEqual(self.browser.evaluate("location.href"), server.url)
            self.assertEqual(self.browser.evaluate("document.cookie"), "")  # no script reads it
        # Another token ends the login, and the page goes on when the first one counts again.
        with serve("another-token-of-this-test-0123456789", port):
            self.browser.wait("document.getElementById('link').textContent.startsWith('logged out')", 60)
        with serve("a-token-of-this-test-0123456789", port):
            self.browser.wait("document.getElementById('link').textContent === 'connected'", 60)
            self.browser.open("about:blank", ready="true")
            self.browser.call("Security.setIgnoreCertificateErrors", ignore=False)
        refused = ("net::ERR_", "status of 401")
        self.assertEqual([m for m in self.browser.messages if not any(part in m for part in refused)], [])
        self.browser.messages.clear()

    def test_a_page_recovers_from_a_server_that_is_busy_and_asks_it_seldom(self):
        _, trace, summary = self.simulate("busy")
        with open(trace, encoding="utf-8") as file:
            lines = file.readlines()
        half = len(lines) // 2
        growing = self.path("busy_growing.trace")
        with open(growing, "w", encoding="utf-8") as file:
            file.writelines(lines[:half])
        with servers.Server(BIN, growing) as server, servers.BusyServer(server.url) as proxy:
            proxy.busy = True
            self.browser.open(proxy.url, ready="document.getElementById('link').textContent.includes('status 503')")
            proxy.busy = False
            self.browser.wait("document.getElementById('link').textContent === 'connected'")
            proxy.busy = True
            asked, told = proxy.asked, proxy.told
            with open(growing, "a", encoding="utf-8") as file:
                for i in range(20):
                    file.writelines(lines[half + i * half // 20:half + (i + 1) * half // 20])
                    file.flush()
                    proxy.wait_until(lambda: proxy.told > told + i)
            self.browser.wait("document.getElementById('link').textContent.startsWith('no answer')")
            self.assertLess(proxy.asked - asked, 10, "an attempt for each version")
            proxy.busy = False
            with open(growing, "a", encoding="utf-8") as file:
                file.writelines(lines[half + 20 * half // 20:])
            self.browser.wait(f"document.querySelectorAll('#rounds tr').length === {summary['round_count']}", 60)
            self.browser.open("about:blank", ready="true")
        self.assertEqual([m for m in self.browser.messages if "503" not in m], [])
        self.browser.messages.clear()

    @contextlib.contextmanager
    def growing(self, name):
        """A page whose timers are held, of a trace that ends in its middle. \return the proxy, and what appends so many of its lines"""
        _, trace, _ = self.simulate(name)
        with open(trace, encoding="utf-8") as file:
            lines = file.readlines()
        path = self.path(f"{name}_growing.trace")
        def append(count):
            with open(path, "a", encoding="utf-8") as file:
                file.writelines(lines[:count])
            del lines[:count]
        append(len(lines) // 2)
        script = self.browser.call("Page.addScriptToEvaluateOnNewDocument", source=HOLD_TIMERS)["identifier"]
        try:
            with servers.Server(BIN, path) as server, servers.BusyServer(server.url) as proxy:
                self.browser.open(proxy.url)
                self.wait_for_link("connected")
                yield proxy, append
                self.browser.open("about:blank", ready="true")
        finally:
            self.browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        self.assertEqual([m for m in self.browser.messages if "503" not in m and "net::ERR_" not in m], [])
        self.browser.messages.clear()

    def wait_for_link(self, text):
        self.browser.wait(f"document.getElementById('link').textContent.startsWith({json.dumps(text)})")

    def test_a_reconnected_page_asks_at_once(self):
        with self.growing("again") as (proxy, append):
            proxy.busy = True
            append(20)
            self.wait_for_link("no answer")
            proxy.leave()
            self.wait_for_link("connection lost")
            self.browser.evaluate("heldTimers.run()")
            self.browser.evaluate("new Promise((done) => requestAnimationFrame(done))")
            self.assertIn("connection lost", self.browser.text("#link"))
            proxy.busy, proxy.away = False, False
            self.wait_for_link("connected")
            proxy.busy = True
            append(20)
            self.wait_for_link("no answer")
            self.assertEqual(self.browser.evaluate("heldTimers.held.size"), 1)
            proxy.leave()
            self.wait_for_link("connection lost")
            asked = proxy.asked
            proxy.busy, proxy.away = False, False
            proxy.wait_until(lambda: proxy.asked > asked)  # though the timer is held
            self.wait_for_link("connected")

    def test_a_query_without_an_answer_is_given_up(self):
        with self.growing("silent") as (proxy, append):
            proxy.silent = True
            asked = proxy.asked
            append(20)
            proxy.wait_until(lambda: proxy.asked > asked)
            self.browser.wait("heldTimers.held.size === 1")
            self.browser.evaluate("heldTimers.run()")
            self.wait_for_link("no answer")
            proxy.silent = False
            self.browser.evaluate("heldTimers.run()")
            self.wait_for_link("connected")
            proxy.silent = True
            asked = proxy.asked
            append(20)
            proxy.wait_until(lambda: proxy.asked > asked)
            proxy.leave()
            self.wait_for_link("connection lost")
            asked = proxy.asked
            proxy.silent, proxy.away = False, False
            proxy.wait_until(lambda: proxy.asked > asked)  # it does not wait for the answer to the first query
            self.wait_for_link("connected")

    def key(self, name):
        for kind in ("rawKeyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                              windowsVirtualKeyCode={"Tab": 9, "ArrowLeft": 37}[name])

    def many(self, count, epochs=1):
        platform, deployment = self.path(f"c{count}.xml"), self.path(f"c{count}.deploy.xml")
        run("python3", f"{ROOT}/platforms/generate", "cluster", "--hosts", str(count), "-o", platform,
            "--deployment", deployment, "--epochs", str(epochs))
        return self.simulate(f"c{count}", platform=platform, deployment=deployment)

    def test_eight_members(self):
        page, _, summary = self.many(8)
        self.browser.open(f"file://{page}")
        self.browser.evaluate(WATCH_SHIFTS)
        self.assertEqual(self.figure("Rounds committed"), str(summary["round_count"]))
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#map .link').length"), 8 * 7)
        self.seek(0.5)
        self.assertLess(sum(shift[0] for shift in self.browser.evaluate("window.shifts")), SHIFT_MAX,
                        self.browser.evaluate("window.shifts"))
        # A picture is as high as the page: the window grows for it, which moves what is in it.
        self.browser.open(f"file://{page}")
        self.picture("eight_finished")
        self.seek(0.5)
        self.picture("eight_replay")

    def test_a_thousand_nodes_are_searched_and_summed(self):
        trace = self.path("thousand.trace")
        with open(trace, "w", encoding="utf-8") as file:
            file.write("# starling-trace 1 simulated seed=1\n0 sn1 leader_elected term=1\n")
            for time, event in thousand_members():
                file.write(f"{time} {event}\n")
        with servers.Server(BIN, trace) as server:
            self.browser.open(server.url)
            self.assertEqual(self.figure("Members, last round"), "1000")
            self.assertIn("200 of 1001", self.browser.text("#nodes-note"))
            self.browser.evaluate("(() => { const s = document.getElementById('search'); s.value = 'sl777';"
                                  " s.dispatchEvent(new Event('input')); })()")
            self.assertEqual(self.browser.evaluate("document.querySelectorAll('#nodes tr').length"), 1)
            self.browser.evaluate("(() => { const s = document.getElementById('search'); s.value = '';"
                                  " s.dispatchEvent(new Event('input')); })()")
            self.assertIn("and 991 more", " ".join(wait["text"] for wait in server.run_json()["waits"]))
            self.assertLessEqual(self.browser.evaluate("document.querySelectorAll('#map .place').length"), 24)
            self.assertIn("members that are not named", self.browser.text("#map-note"))
            self.picture("thousand")
            self.browser.open("about:blank", ready="true")


def thousand_members(rounds=5):
    """Rounds of 1,000 members that check in one after the other; (nanoseconds, event) in order."""
    second = 1_000_000_000
    events = [(i, f"sl{i} session_opened contract=default run=0 bytes=1000") for i in range(1, 1001)]
    for number in range(rounds):
        begin = (number * 20 + 5) * second
        for i in range(1, 1001):
            events.append((begin + i * second // 250, f"sl{i} check_in round={number} loss_millionths={2_000_000 // (number + 1) + i * 300}"))
            events.append((begin + 5 * second, f"sl{i} exchange_begin round={number} attempt=0 members=1000"))
            events.append((begin + 7 * second + i * second // 400,
                           f"sl{i} exchange_done contract=default run=0 round={number} sent_bytes=2000 received_bytes=2000 "
                           f"from={','.join(f'sl{(i * 7 + k * k) % 1000 + 1}:{50 + k}' for k in range(8))},*:1500"))
            events.append((begin + 10 * second, f"sl{i} round_done round={number} members=1000 final=0"))
        events.append((begin + 10 * second - 1, f"sn1 round_committed contract=default run=0 round={number} members=1000 digest={number:064x}"))
    return sorted(events)


def main():
    global BIN, ROOT, PICTURES
    if len(sys.argv) < 4:
        print(__doc__)
        return 2
    BIN, ROOT, PICTURES = (os.path.abspath(path) for path in sys.argv[1:4])
    if browser.find_chromium() is None:
        print("skipped: no Chromium here (Debian: chromium)")
        return 77
    if not os.path.exists(f"{BIN}/swarm-sim"):
        print("skipped: swarm-sim is not built")
        return 77
    ended = unittest.main(argv=[sys.argv[0], *sys.argv[4:]], exit=False, verbosity=2)
    return 0 if ended.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
