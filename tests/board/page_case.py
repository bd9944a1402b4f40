"""What tests of swarm-board's page share: a browser, simulated runs, and traces that grow.

A test file gives its own docstring to main() as help text; its arguments are
    BIN ROOT PICTURES [TEST...]     exit 0 = passed, 77 = no browser here
Pictures of what was tested are written to the folder PICTURES, to be looked at.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import browser
import servers

SHIFT_MAX = 0.05  # of the Cumulative Layout Shift; up to 0.1 counts as good (web.dev/cls)

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


class GrowingTrace:
    """A trace of which the first half is written at first, and the rest by append()."""

    def __init__(self, whole, path):
        self.path = path
        with open(whole, encoding="utf-8") as file:
            self.lines = file.readlines()
        self.half = len(self.lines) // 2
        self.append(self.half)

    def append(self, count=None, text=""):
        """Appends the next `count` lines, without it all that are left, and then `text`."""
        count = len(self.lines) if count is None else count
        with open(self.path, "a", encoding="utf-8") as file:
            file.writelines(self.lines[:count])
            file.write(text)
        del self.lines[:count]


class PageCase(unittest.TestCase):
    """`bin`: folder of the programs; `root`: of the sources; `pictures`: where to write what was tested."""
    bin, root, pictures = "", "", ""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="starling-board-")
        cls.browser = browser.Browser()
        os.makedirs(cls.pictures, exist_ok=True)

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

    def program(self, name):
        return os.path.join(self.bin, name)

    def serve(self, *arguments, **place):
        return servers.Server(self.bin, *arguments, **place)

    def picture(self, name):
        self.browser.screenshot(os.path.join(self.pictures, f"{name}.png"))

    def simulate(self, name, *arguments, platform="platforms/two_hosts.xml",
                 deployment="examples/cifar10/two_hosts.deploy.xml", code=0):
        """\\return the page that --report writes, the trace, the summary"""
        page, trace, summary = (self.path(f"{name}.{kind}") for kind in ("html", "trace", "json"))
        run(self.program("swarm-sim"), os.path.join(self.root, platform), os.path.join(self.root, deployment), "--quiet",
            "--report", page, "--trace", trace, "--json", summary, *arguments, expect=code)
        with open(summary, encoding="utf-8") as file:
            return page, trace, json.load(file)

    def growing_trace(self, name):
        """\\return a growing trace of a simulated run, and the summary of the run"""
        _, trace, summary = self.simulate(name)
        return GrowingTrace(trace, self.path(f"{name}_growing.trace")), summary

    def figure(self, name):
        return self.browser.evaluate(
            f"[...document.querySelectorAll('.figure')].find((f) => f.firstChild.textContent === {json.dumps(name)})"
            ".lastChild.textContent")

    def seek(self, share):
        self.browser.evaluate(f"(() => {{ const s = document.getElementById('slider'); s.value = {share * 1000};"
                              " s.dispatchEvent(new Event('input')); })()")
        self.browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def assert_little_shift(self):
        """Since WATCH_SHIFTS, what is seen has hardly moved."""
        shifts = self.browser.evaluate("window.shifts")
        self.assertLess(sum(shift[0] for shift in shifts), SHIFT_MAX, shifts)


def main(usage):
    if len(sys.argv) < 4:
        print(usage)
        return 2
    PageCase.bin, PageCase.root, PageCase.pictures = (os.path.abspath(path) for path in sys.argv[1:4])
    if browser.find_chromium() is None:
        print("skipped: no Chromium here (Debian: chromium)")
        return 77
    if not os.path.exists(os.path.join(PageCase.bin, "swarm-sim")):
        print("skipped: swarm-sim is not built")
        return 77
    ended = unittest.main(argv=[sys.argv[0], *sys.argv[4:]], exit=False, verbosity=2)
    return 0 if ended.result.wasSuccessful() else 1
