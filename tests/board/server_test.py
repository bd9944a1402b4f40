#!/usr/bin/env python3
"""swarm-board as a server: many and slow clients, damaged traces, requests of others; and a live swarm.

usage: server_test.py BIN [TEST...]      exit 0 = passed
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

BIN = ""
CLIENTS = 200


class Board:
    """swarm-board on a port of its own."""

    def __init__(self, *arguments):
        for port in range(30501, 30600):
            self.process = subprocess.Popen([f"{BIN}/swarm-board", f"--port={port}", *arguments],
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if self.process.stdout.readline():
                self.port = port
                return
            _, errors = self.process.communicate()
            assert "Address already in use" in errors, errors
        raise RuntimeError("no free port")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, (self.process.returncode, errors)

    def get(self, target, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{target}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def run(self, query=""):
        return json.loads(self.get(f"/api/run{query}")[2])

    def send(self, text):
        """A connection that has sent this."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=90)
        connection.sendall(text.encode())
        return connection

    def events(self):
        return self.send("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

    def wait(self, condition, seconds=120):
        """Until the run fulfils the condition: looked at again when there is a newer version."""
        deadline = time.monotonic() + seconds
        with self.events() as stream:
            while not condition(run := self.run()):
                if time.monotonic() > deadline:
                    raise TimeoutError(json.dumps(run)[:3000])
                stream.recv(65536)
        return run


def newest_version(connection, pending):
    """The newest version that the stream has told; `pending` is what was read before."""
    pending += connection.recv(65536).decode()
    lines = [line for line in pending.split("\n")[:-1] if line.startswith("data: ")]
    return (int(lines[-1][6:]) if lines else 0), pending[-4096:]


class ServerTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="starling-board-")
        self.addCleanup(self.folder.cleanup)

    def trace(self, text, name="t.trace"):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def test_answers_what_it_serves_and_nothing_else(self):
        path = self.trace("# starling-trace 1 simulated seed=1\n5 sn1 leader_elected term=1\n")
        with Board(path) as board:
            status, headers, page = board.get("/")
            self.assertEqual(status, 200)
            self.assertIn(b'src="app.js"', page)
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertEqual(board.get("/app.js")[0], 200)
            self.assertEqual(board.run()["leader"], "sn1")
            for target, status in {"/nothing": 404, "/api/run?since=x": 400, "/../etc/passwd": 404}.items():
                self.assertEqual(board.get(target)[0], status, target)
            self.assertEqual(board.get("/api/run", Host="evil.example")[0], 421)
            for text, status in {"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n": 405, "nonsense\r\n\r\n": 400,
                                 "GET / HTTP/1.1\r\nA: " + "x" * 9000 + "\r\n\r\n": 431,
                                 "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n": 400}.items():
                with board.send(text) as connection:
                    self.assertIn(f"HTTP/1.1 {status} ".encode(), connection.recv(65536), text[:40])
            with board.send("HEAD / HTTP/1.1\r\n\r\n") as connection:
                self.assertTrue(connection.makefile("rb").read().endswith(b"\r\n\r\n"))

    def test_two_hundred_clients_get_each_newest_version(self):
        path = self.trace("# starling-trace 1 simulated seed=1\n5 sn1 leader_elected term=1\n")
        with Board(path) as board:
            clients = [board.events() for _ in range(CLIENTS)]
            with open(path, "a", encoding="utf-8") as file:
                file.write("9 sn1 leader_ended term=1\n")
            for connection in clients:
                version, pending = 0, ""
                while version < 3:  # the start line and two events
                    version, pending = newest_version(connection, pending)
            self.assertEqual(board.run("?since=2")["nodes"][0]["state"], "following")
            for connection in clients:
                connection.close()

    def test_slow_clients_cost_no_memory_and_hold_up_nobody(self):
        lines = ["# starling-trace 1 simulated seed=1\n"]
        lines += [f"{i * 1000} sl{i % 500} check_in round={i // 500} loss_millionths={i}\n" for i in range(60_000)]
        path = self.trace("".join(lines))
        with Board(path) as board:
            run = board.wait(lambda run: run["events"] == 60_000)
            size = len(json.dumps(run))
            before = board.memory_kb()
            slow = [board.send("GET /api/run HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(CLIENTS)]
            self.assertEqual(board.get("/")[0], 200)
            self.assertEqual(board.run()["events"], 60_000)
            self.assertGreater(size, 3_000_000)
            # One copy of the answer for all of them, and what the system buffers is not ours.
            self.assertLess(board.memory_kb() - before, 60_000)
            for connection in slow:
                connection.close()
            self.assertEqual(board.get("/")[0], 200)

    def test_damaged_traces_are_read_as_far_as_they_go(self):
        good = b"# starling-trace 1 simulated seed=1\n5 sn1 leader_elected term=1\n"
        damaged = good + b"nonsense\n\xff\xfe\x00 9 9\n" + b"x" * 3_000_000 + b"\n" + \
            b"99999999999999999999 sn1 leaderless\n9223372036854775807 sn1 leaderless\n-5 \xc3\x28 check_in round=18446744073709551615\n7 sn1 lead"
        for name, text in {"damaged": damaged, "empty": b"", "binary": os.urandom(200_000)}.items():
            with self.subTest(name):
                path = self.trace(text, name)
                with Board(path) as board:
                    run = board.run()
                    if name == "damaged":
                        self.assertEqual(run["events"], 3)
                        self.assertEqual(run["unreadable_lines"], 4)
                    page = os.path.join(self.folder.name, f"{name}.html")
                    self.assertEqual(subprocess.run([f"{BIN}/swarm-board", path, "--html", page],
                                                    stdout=subprocess.DEVNULL).returncode, 0)

    def test_a_replaced_trace_is_read_on(self):
        path = self.trace("# starling-trace 1 simulated seed=1\n5 sn1 leader_elected term=1\n")
        with Board(path) as board:
            self.assertEqual(board.run()["events"], 1)
            os.rename(path, path + ".1")
            self.trace("# starling-trace 1 simulated seed=1\n9 sn1 leader_ended term=1\n")
            self.assertEqual(board.wait(lambda run: run["events"] == 2)["nodes"][0]["state"], "following")

    def test_says_what_is_wrong_with_a_command(self):
        missing = os.path.join(self.folder.name, "missing")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for arguments, code, part in (((), 2, "Nothing to show"), ((missing,), 1, "missing"),
                                          (("--port=0", "x"), 2, "not a port"),
                                          (("--sn-ip=127.0.0.1", "x"), 2, "exclude each other"),
                                          ((f"--port={port}", self.trace("")), 1, "--port")):
                done = subprocess.run([f"{BIN}/swarm-board", *arguments], capture_output=True, text=True)
                self.assertIn(part, done.stderr, arguments)
                self.assertEqual(done.returncode, code, (arguments, done.stderr))


class LiveTest(unittest.TestCase):
    """An SN and two SLs with their programs, on loopback addresses."""

    def setUp(self):
        missing = [name for name in ("run-sn", "run-sl", "toy-ml", "gen-cert") if not os.path.exists(f"{BIN}/{name}")]
        if missing:
            self.skipTest(f"not built: {missing}")
        self.folder = tempfile.TemporaryDirectory(prefix="starling-live-")
        self.addCleanup(self.folder.cleanup)
        self.processes = []
        self.addCleanup(self.stop)
        with socket.socket() as free:
            free.bind(("127.0.1.1", 0))
            self.port = free.getsockname()[1]
        for i in (1, 2):
            subprocess.run([f"{BIN}/gen-cert", "-e", "identity", "-i", str(i), "--host-ip", f"127.0.{i}.{i}",
                            "--workspace", self.folder.name], check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.communicate(timeout=90)

    def identity(self, name):
        certs = os.path.join(self.folder.name, "identity", "cert")
        if not os.path.isdir(certs):
            certs = os.path.join(self.folder.name, "cert")
        return [f"--key={certs}/{name}-key.pem", f"--cert={certs}/{name}-cert.pem", f"--capath={certs}/ca/capath"]

    def start(self, *command, ready=None):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        for line in process.stdout if ready else ():
            if ready in line:
                return process
        self.assertIsNone(ready, f"{command[0]} has ended")
        return process

    def test_a_live_swarm_is_followed_to_its_end(self):
        workspace = self.folder.name
        self.start(f"{BIN}/run-sn", "--name=sn1", "--host-ip=127.0.1.1", "--sentinel", f"--sn-api-port={self.port}",
                   f"--workspace={workspace}/host-1", *self.identity("sn-1"), ready="Starting SWARM-API-SERVER")
        with Board("--sn-ip=127.0.1.1", f"--sn-api-port={self.port}", *self.identity("swci-1")) as board:
            run = board.wait(lambda run: run["leader"] == "sn1")
            self.assertEqual(run["kind"], "live")
            for i in (1, 2):
                self.start(f"{BIN}/run-sl", f"--name=sl{i}", f"--host-ip=127.0.{i}.{i}", "--sn-ip=127.0.1.1",
                           f"--sn-api-port={self.port}", f"--ml-name=ml{i}", f"--ml-entrypoint={BIN}/toy-ml", "--ml-cmd=--batches 40 --sync 4",
                           "--ml-e=MIN_PEERS=2", f"--ml-w={workspace}", f"--workspace={workspace}/host-{i}",
                           *self.identity(f"sl-{i}"))
            run = board.wait(lambda run: any(c["phase"] == "complete" for c in run["contracts"]))
            committed = [r for r in run["rounds"] if r["committed_us"] >= 0]
            self.assertGreater(len(committed), 0)
            self.assertEqual(committed[-1]["members"], 2)
            self.assertEqual(len(committed[-1]["digest"]), 64)
            roles = {node["name"]: node["role"] for node in run["nodes"]}
            self.assertEqual({name: roles.get(name) for name in ("sn1", "sl1", "sl2")}, {"sn1": "sn", "sl1": "sl", "sl2": "sl"})
            self.assertEqual(run["waits"][-1]["text"], "The training is complete.")
            # The SN goes: the board says so, and goes on.
            self.processes[0].terminate()
            run = board.wait(lambda run: any("connection to the SN was lost" in alarm["text"] for alarm in run["alarms"]))


def main():
    global BIN
    if len(sys.argv) < 2:
        print(__doc__)
        return 2
    BIN = os.path.abspath(sys.argv[1])
    ended = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], exit=False, verbosity=2)
    return 0 if ended.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
