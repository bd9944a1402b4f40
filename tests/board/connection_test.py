#!/usr/bin/env python3
"""The page of swarm-board and its connection in a real browser: traces that grow, a login, a server that is busy, silent or gone.

usage: connection_test.py BIN ROOT PICTURES [TEST...]     exit 0 = passed, 77 = no browser here
"""
import contextlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import page_case  # noqa: E402
import servers  # noqa: E402
from page_case import run  # noqa: E402

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


class ConnectionTest(page_case.PageCase):
    def test_a_growing_trace_is_shown_while_it_grows(self):
        growing, summary = self.growing_trace("grow")
        with self.serve(growing.path) as server:
            self.browser.open(server.url)
            self.browser.wait("document.getElementById('link').textContent === 'connected'")
            before = int(self.figure("Rounds committed"))
            self.assertLess(before, summary["round_count"])
            growing.append(text="99999999999 sl1 check_in rou")  # still being written
            self.browser.evaluate(page_case.WATCH_SHIFTS)
            self.browser.wait(f"document.querySelectorAll('#rounds tr').length === {summary['round_count']}")
            self.assert_little_shift()
            self.assertEqual(self.figure("Rounds committed"), str(summary["round_count"]))
            self.assertIn("The training is complete.", self.browser.text("#waits"))
            whole = server.run_json()
            self.assertEqual(whole["unreadable_lines"], 0)
            self.assertEqual(server.run_json(f"?since={whole['version']}")["nodes"], [])
            self.browser.open("about:blank", ready="true")

    def test_the_page_over_tls_after_a_login(self):
        if not os.path.exists(self.program("gen-cert")):
            self.skipTest("gen-cert is not built")
        _, trace, _ = self.simulate("tls")
        run(self.program("gen-cert"), "-e", "identity", "-i", "1", "--host-ip", "127.0.0.1", "--workspace", self.folder.name)
        certs, token = self.path("identity/cert"), self.path("token")
        def serve(text, port=None):
            with open(token, "w", encoding="utf-8") as file:
                file.write(f"{text}\n")
            return self.serve(trace, f"--tls-cert={certs}/swci-1-cert.pem", f"--tls-key={certs}/swci-1-key.pem", f"--token-file={token}",
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
        growing, summary = self.growing_trace("busy")
        with self.serve(growing.path) as server, servers.BusyServer(server.url) as proxy:
            proxy.busy = True
            self.browser.open(proxy.url, ready="document.getElementById('link').textContent.includes('status 503')")
            proxy.busy = False
            self.browser.wait("document.getElementById('link').textContent === 'connected'")
            proxy.busy = True
            asked, told = proxy.asked, proxy.told
            for i in range(20):
                growing.append(growing.half // 20)
                proxy.wait_until(lambda: proxy.told > told + i)
            self.browser.wait("document.getElementById('link').textContent.startsWith('no answer')")
            self.assertLess(proxy.asked - asked, 10, "an attempt for each version")
            proxy.busy = False
            growing.append()
            self.browser.wait(f"document.querySelectorAll('#rounds tr').length === {summary['round_count']}", 60)
            self.browser.open("about:blank", ready="true")
        self.assertEqual([m for m in self.browser.messages if "503" not in m], [])
        self.browser.messages.clear()

    @contextlib.contextmanager
    def growing_page(self, name):
        """A page whose timers are held, of a growing trace. \\return the proxy before its server, and the trace"""
        growing, _ = self.growing_trace(name)
        script = self.browser.call("Page.addScriptToEvaluateOnNewDocument", source=HOLD_TIMERS)["identifier"]
        try:
            with self.serve(growing.path) as server, servers.BusyServer(server.url) as proxy:
                self.browser.open(proxy.url)
                self.wait_for_link("connected")
                yield proxy, growing
                self.browser.open("about:blank", ready="true")
        finally:
            self.browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
        self.assertEqual([m for m in self.browser.messages if "503" not in m and "net::ERR_" not in m], [])
        self.browser.messages.clear()

    def wait_for_link(self, text):
        self.browser.wait(f"document.getElementById('link').textContent.startsWith({json.dumps(text)})")

    def test_a_reconnected_page_asks_at_once(self):
        with self.growing_page("again") as (proxy, growing):
            proxy.busy = True
            growing.append(20)
            self.wait_for_link("no answer")
            proxy.leave()
            self.wait_for_link("connection lost")
            self.browser.evaluate("heldTimers.run()")
            self.browser.evaluate("new Promise((done) => requestAnimationFrame(done))")
            self.assertIn("connection lost", self.browser.text("#link"))
            proxy.busy, proxy.away = False, False
            self.wait_for_link("connected")
            proxy.busy = True
            growing.append(20)
            self.wait_for_link("no answer")
            self.assertEqual(self.browser.evaluate("heldTimers.held.size"), 1)
            proxy.leave()
            self.wait_for_link("connection lost")
            asked = proxy.asked
            proxy.busy, proxy.away = False, False
            proxy.wait_until(lambda: proxy.asked > asked)  # though the timer is held
            self.wait_for_link("connected")

    def test_a_query_without_an_answer_is_given_up(self):
        with self.growing_page("silent") as (proxy, growing):
            proxy.silent = True
            asked = proxy.asked
            growing.append(20)
            proxy.wait_until(lambda: proxy.asked > asked)
            self.browser.wait("heldTimers.held.size === 1")
            self.browser.evaluate("heldTimers.run()")
            self.wait_for_link("no answer")
            proxy.silent = False
            self.browser.evaluate("heldTimers.run()")
            self.wait_for_link("connected")
            proxy.silent = True
            asked = proxy.asked
            growing.append(20)
            proxy.wait_until(lambda: proxy.asked > asked)
            proxy.leave()
            self.wait_for_link("connection lost")
            asked = proxy.asked
            proxy.silent, proxy.away = False, False
            proxy.wait_until(lambda: proxy.asked > asked)  # it does not wait for the answer to the first query
            self.wait_for_link("connected")


if __name__ == "__main__":
    sys.exit(page_case.main(__doc__))
