#!/usr/bin/env python3
"""The page of swarm-board in a real browser: what it shows equals the traces, and nothing in a trace is executed.

usage: page_test.py BIN ROOT PICTURES [TEST...]     exit 0 = passed, 77 = no browser here
Pictures of what was tested are written to the folder PICTURES, to be looked at.
"""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import page_case  # noqa: E402
from page_case import run  # noqa: E402

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


def escaped(text):
    return "".join(c if 32 < ord(c) < 127 and c not in "=%" else f"%{ord(c):02X}" for c in text)


class PageTest(page_case.PageCase):
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
        run(self.program("swarm-board"), "--traces", trace, "--html", page, "--title", HOSTILE)
        with self.serve(trace) as server:
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
        run(self.program("swarm-board"), "--traces", trace, "--html", page)
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
        if not os.path.exists(self.program("swarm-report")):
            self.skipTest("swarm-report is not built")
        _, rehearsal, summary = self.simulate("rehearsal")
        real, alone, page, figures = (self.path(name) for name in ("real.trace", "alone.trace", "both.html", "both.json"))
        with open(rehearsal, encoding="utf-8") as file:
            lines = file.read()
        with open(real, "w", encoding="utf-8") as file:
            file.write(f"{lines}{10 * 10**9} ml1 evaluation correct=75 samples=100 classes=10\n")
        with open(alone, "w", encoding="utf-8") as file:
            file.write("# starling-trace 1 node=ml1 role=ml epoch_ns=5\n1 ml1 evaluation correct=30 samples=100 classes=10\n")
        run(self.program("swarm-report"), "--predicted", rehearsal, "--measured", real, "--alone", alone, "--html", page, "--json", figures)
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
        run(self.program("swarm-board"), slow, "--beside", fast, "--html", page)
        with self.serve(slow, "--beside", fast) as server:
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
        run(self.program("swarm-board"), half, "--html", page)
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
        run(self.program("swarm-board"), trace, "--html", page)
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

    def key(self, name):
        for kind in ("rawKeyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=name, code=name,
                              windowsVirtualKeyCode={"Tab": 9, "ArrowLeft": 37}[name])

    def many(self, count, epochs=1):
        platform, deployment = self.path(f"c{count}.xml"), self.path(f"c{count}.deploy.xml")
        run("python3", os.path.join(self.root, "platforms/generate"), "cluster", "--hosts", str(count), "-o", platform,
            "--deployment", deployment, "--epochs", str(epochs))
        return self.simulate(f"c{count}", platform=platform, deployment=deployment)

    def test_eight_members(self):
        page, _, summary = self.many(8)
        self.browser.open(f"file://{page}")
        self.browser.evaluate(page_case.WATCH_SHIFTS)
        self.assertEqual(self.figure("Rounds committed"), str(summary["round_count"]))
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#map .link').length"), 8 * 7)
        self.seek(0.5)
        self.assert_little_shift()
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
        with self.serve(trace) as server:
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


if __name__ == "__main__":
    sys.exit(page_case.main(__doc__))
