#!/usr/bin/env python3
"""swarm-board as a server: many and slow clients, damaged traces, requests of others; and a live swarm.

usage: server_test.py BIN [TEST...]      exit 0 = passed
"""
import contextlib
import http.client
import json
import os
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

BIN = ""
CLIENTS = 200


class Board:
    """swarm-board on a port of its own: without TLS on loopback, or as `secure` says, a dict of
    - `flags`: of its page, but for the address and port to listen on
    - `ca`: the file of the CA that made its certificate; `client`: certificate and key of the clients
    - `headers`: that every request of get() has
    `files_max`: so many descriptors it may have; None: as many as this program."""

    def __init__(self, *arguments, secure=None, files_max=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))) if files_max else None
        self.secure = secure
        self.connections = []
        # AddressSanitizer keeps freed memory for itself (256 MB by default), which would count as the board's.
        sanitizer = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "quarantine_size_mb=1"]))
        for port in range(30501, 30600):
            place = [f"--listen=127.0.0.1:{port}", *secure["flags"]] if secure else [f"--port={port}"]
            self.process = subprocess.Popen([f"{BIN}/swarm-board", *place, *arguments],
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit,
                                            env={**os.environ, "ASAN_OPTIONS": sanitizer})
            self.url = self.process.stdout.readline().strip()
            if self.url:
                self.port = port
                return
            _, errors = self.process.communicate()
            assert "Address already in use" in errors, errors
        raise RuntimeError("no free port")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_connections()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, (self.process.returncode, errors)

    def context(self):
        """TLS settings of a client; None: without TLS."""
        if not self.secure:
            return None
        context = ssl.create_default_context(cafile=self.secure["ca"])
        if "client" in self.secure:
            context.load_cert_chain(*self.secure["client"])
        return context

    def get(self, target, **headers):
        """Status, headers and body; a redirection is not followed."""
        known = {**(self.secure or {}).get("headers", {}), **headers}
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=90, context=self.context()) \
            if self.secure else http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        with contextlib.closing(connection):
            connection.request("GET", target, headers=known)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def run(self, query=""):
        return json.loads(self.get(f"/api/run{query}")[2])

    def connect_plain(self):
        """A connection without TLS, closed at the end at the latest."""
        self.connections.append(socket.create_connection(("127.0.0.1", self.port), timeout=90))
        return self.connections[-1]

    def connect(self):
        connection = self.connect_plain()
        if not self.secure:
            return connection
        self.connections[-1] = self.context().wrap_socket(connection, server_hostname="127.0.0.1")
        return self.connections[-1]

    def close_connections(self):
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def send(self, text):
        """A connection that has sent this."""
        connection = self.connect()
        connection.sendall(text.encode())
        return connection

    def request(self, target):
        """A connection that has sent a request."""
        headers = {"Host": "localhost", **(self.secure or {}).get("headers", {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return self.send(f"GET {target} HTTP/1.1\r\n{lines}\r\n")

    def events(self):
        return self.request("/api/events")

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

    def wait(self, condition, seconds=120):
        """Until the run fulfils the condition: looked at again when there is a newer version."""
        deadline = time.monotonic() + seconds
        with self.events() as stream:
            stream.settimeout(1)  # an answer may be somewhat older than the newest version that was told
            while not condition(run := self.run()):
                if time.monotonic() > deadline:
                    raise TimeoutError(json.dumps(run)[:3000])
                with contextlib.suppress(TimeoutError):
                    stream.recv(65536)
        return run


def newest_version(connection, pending):
    """The newest version that the stream has told; `pending` is what was read before."""
    pending += connection.recv(65536).decode()
    lines = [line for line in pending.split("\n")[:-1] if line.startswith("data: ")]
    return (int(lines[-1][6:]) if lines else 0), pending[-4096:]


class TraceFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="starling-board-")
        self.addCleanup(self.folder.cleanup)

    def trace(self, text, name="t.trace"):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path


class ManyClientsTest(TraceFolder):
    secure = None

    def test_two_hundred_clients_get_each_newest_version(self):
        path = self.trace("# starling-trace 1 simulated seed=1\n5 sn1 leader_elected term=1\n")
        with Board(path, secure=self.secure) as board:
            clients = [board.events() for _ in range(CLIENTS)]
            with open(path, "a", encoding="utf-8") as file:
                file.write("9 sn1 leader_ended term=1\n")
            for connection in clients:
                version, pending = 0, ""
                while version < 3:  # the start line and two events
                    version, pending = newest_version(connection, pending)
            self.assertEqual(board.run("?since=2")["nodes"][0]["state"], "following")

    def test_slow_clients_cost_no_memory_and_hold_up_nobody(self):
        lines = ["# starling-trace 1 simulated seed=1\n"]
        lines += [f"{i * 1000} sl{i % 500} check_in round={i // 500} loss_millionths={i}\n" for i in range(60_000)]
        path = self.trace("".join(lines))
        with Board(path, secure=self.secure) as board:
            run = board.wait(lambda run: run["events"] == 60_000)
            size = len(json.dumps(run))
            before = board.memory_kb()
            for _ in range(CLIENTS):
                board.request("/api/run")
            self.assertEqual(board.get("/")[0], 200)
            self.assertEqual(board.run()["events"], 60_000)
            self.assertGreater(size, 3_000_000)
            # One copy of the answer for all of them, and what the system buffers is not ours.
            self.assertLess(board.memory_kb() - before, 60_000)
            board.close_connections()
            self.assertEqual(board.get("/")[0], 200)

    def test_slow_clients_of_a_run_that_changes_share_its_answers(self):
        lines = [f"{i * 1000} sl{i % 500} check_in round={i // 500} loss_millionths={i}\n" for i in range(60_000)]
        path = self.trace("# starling-trace 1 simulated seed=1\n" + "".join(lines))
        with Board(path, secure=self.secure) as board:
            size = len(json.dumps(board.wait(lambda run: run["events"] == 60_000)))
            before = board.memory_kb()
            for i in range(150):  # each would get an answer of its own
                with open(path, "a", encoding="utf-8") as file:
                    file.write(f"{i + 60_000_000} sl1 check_in round={i + 200} loss_millionths=1\n")
                board.request("/api/run")
                board.request(f"/api/run?since={i + 1}")
            self.assertEqual(board.get("/")[0], 200)
            self.assertLess(board.memory_kb() - before, 350_000)
            self.assertGreater(150 * size, 500_000_000)
            board.close_connections()
            self.assertEqual(board.wait(lambda run: run["events"] == 60_150)["events"], 60_150)


class ServerTest(TraceFolder):
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


def make_certificates(folder, host):
    """A CA of gen-cert, with certificates for `host`. Returns the folder that has them."""
    if not os.path.exists(f"{BIN}/gen-cert"):
        raise unittest.SkipTest("gen-cert is not built")
    subprocess.run([f"{BIN}/gen-cert", "-e", "identity", "-i", "1", "--host-ip", host, "--workspace", folder],
                   check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "identity", "cert")


TOKEN = "only-for-this-test-0123456789"


class SecureFolder(TraceFolder):
    """A folder with certificates of two CAs and a token. A client trusts the first one."""

    def setUp(self):
        super().setUp()
        first, second = (os.path.join(self.folder.name, name) for name in ("a", "b"))
        certs, self.others = (make_certificates(folder, "127.0.0.1") for folder in (first, second))
        self.own = [f"--tls-cert={certs}/swci-1-cert.pem", f"--tls-key={certs}/swci-1-key.pem"]
        self.ca = f"{certs}/ca/capath/ca-1-cert.pem"
        self.client = (f"{certs}/swci-1-cert.pem", f"{certs}/swci-1-key.pem")
        self.stranger = (f"{self.others}/swci-1-cert.pem", f"{self.others}/swci-1-key.pem")
        self.token_file = self.trace(TOKEN + "\n", "token")
        self.by_token = {"flags": [*self.own, f"--token-file={self.token_file}"], "ca": self.ca}
        self.by_certificate = {"flags": [*self.own, f"--client-ca={self.ca}"], "ca": self.ca, "client": self.client}


class ManyClientsOverTlsTest(SecureFolder, ManyClientsTest):
    def setUp(self):
        super().setUp()
        self.secure = {**self.by_token, "headers": {"Authorization": f"Bearer {TOKEN}"}}


class SecureTest(SecureFolder):
    """Who reads the page where others than this machine's users can connect."""

    def board(self, secure, files_max=None):
        return Board(self.trace("# starling-trace 1 simulated seed=1\n5 sn1 leader_elected term=1\n"), secure=secure,
                     files_max=files_max)

    def test_a_token_opens_the_page_and_nothing_else_does(self):
        with self.board(self.by_token) as board:
            self.assertTrue(board.url.startswith("https://127.0.0.1:"), board.url)
            name = f"__Host-starling-board-{board.port}"
            for headers in ({}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}x"},
                            {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Cookie": f"{name}={TOKEN}"},
                            {"Cookie": f"{name}="}, {"Cookie": "x=1"}):
                for target in ("/", "/api/run", "/api/events", "/board.css", "/nothing"):
                    self.assertEqual(board.get(target, **headers)[0], 401, (target, headers))
            self.assertEqual(board.get("/api/run", Authorization=f"Bearer {TOKEN}")[0], 200)
            self.assertEqual(board.get("/?token=" + "x" * len(TOKEN))[0], 401)
            self.assertEqual(board.get("/?token=")[0], 401)
            status, headers, _ = board.get(f"/?token={TOKEN}")
            self.assertEqual((status, headers["Location"]), (303, "/"))
            cookie, *rules = headers["Set-Cookie"].split("; ")
            self.assertEqual(set(rules), {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"})
            self.assertTrue(cookie.startswith(f"{name}="), cookie)
            self.assertNotIn(TOKEN, cookie)
            for header in (cookie, f"other=1; {cookie}; more=2"):
                self.assertEqual(board.get("/api/run", Cookie=header)[0], 200, header)
            self.assertEqual(board.get("/api/run", Cookie="x" + cookie)[0], 401)

    def test_a_certificate_of_the_right_ca_opens_the_page(self):
        with self.board(self.by_certificate) as board:
            self.assertEqual(board.run()["leader"], "sn1")
            # These CAs have no revocation list.
            self.assertIn("holds no revocation list: no certificate counts as revoked", board.process.stderr.readline())
            for client in (None, self.stranger):
                board.secure = {"ca": self.ca, **({"client": client} if client else {})}
                with self.assertRaises((ssl.SSLError, ConnectionError), msg=client):
                    board.get("/api/run")

    def revoke(self, name):
        subprocess.run([f"{BIN}/gen-cert", "-e", "identity", "-i", "1", "--workspace", f"{self.folder.name}/a", "--revoke", name],
                       check=True, stdout=subprocess.DEVNULL)

    def test_a_revoked_certificate_is_refused_without_a_restart(self):
        certs = os.path.dirname(self.client[0])
        secure = {**self.by_certificate, "flags": [*self.own, f"--client-ca={certs}/ca/capath"],
                  "client": (f"{certs}/sl-1-cert.pem", f"{certs}/sl-1-key.pem")}
        with self.board(secure) as board:
            self.assertEqual(board.run()["leader"], "sn1")
            with board.events() as stream:
                while b"version" not in stream.recv(65536):
                    pass
                self.revoke("sl1")
                while stream.recv(65536):  # closed: who is connected may have been revoked
                    pass
            self.assertRaises((ssl.SSLError, ConnectionError), board.get, "/")
            board.secure = {**secure, "client": self.client}
            self.assertEqual(board.get("/")[0], 200)
            # A list that can't be read changes nothing, and SIGHUP says why.
            with open(f"{certs}/ca/capath/broken.pem", "w", encoding="utf-8") as file:
                file.write("-----BEGIN X509 CRL-----\nbroken\n-----END X509 CRL-----\n")
            board.process.send_signal(signal.SIGHUP)
            for line in board.process.stderr:
                if "the settings read before remain" in line:
                    break
            self.assertEqual(board.get("/")[0], 200)
            board.secure = secure
            self.assertRaises((ssl.SSLError, ConnectionError), board.get, "/")

    def test_plain_text_old_tls_and_rubbish_are_refused(self):
        with self.board(self.by_token) as board:
            for text in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", os.urandom(4000), b"\x16\x03\x01\xff\xff" + b"x" * 70000):
                with socket.create_connection(("127.0.0.1", board.port), timeout=90) as connection:
                    with contextlib.suppress(ConnectionError):
                        connection.sendall(text)
                        self.assertNotIn(b"HTTP/", connection.recv(65536))
            old = ssl.create_default_context(cafile=self.ca)
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            board.context = lambda: old
            self.assertRaises((ssl.SSLError, ConnectionError), board.get, "/")

    def test_those_who_connect_and_say_nothing_keep_out_nobody(self):
        with self.board({**self.by_token, "headers": {"Authorization": f"Bearer {TOKEN}"}}) as board:
            before = board.memory_kb()
            silent = [board.connect_plain() for _ in range(1000)]
            self.assertEqual(board.get("/")[0], 200)
            self.assertEqual(silent[0].recv(1), b"")  # the oldest ones had to make room
            self.assertLess(board.memory_kb() - before, 200_000)

    def test_those_who_say_nothing_keep_out_nobody_where_few_descriptors_are_allowed(self):
        with self.board({**self.by_token, "headers": {"Authorization": f"Bearer {TOKEN}"}}, files_max=40) as board:
            # So many that get() gives up before all of them have been silent for too long.
            for _ in range(400):
                board.connect_plain()
            self.assertEqual(board.get("/")[0], 200)
            self.assertEqual(board.run()["leader"], "sn1")

    def test_says_what_is_missing(self):
        path = self.trace("")
        short = self.trace("abc\n", "short")
        beyond = "--listen=0.0.0.0:30499"
        for arguments, code, part in (
                ((beyond,), 2, "A page on another address than loopback is served over TLS only"),
                ((beyond, *self.own), 2, "--token-file or --client-ca is missing"),
                ((beyond, self.own[0]), 2, "--tls-cert is given without --tls-key"),
                ((beyond, *self.own, f"--token-file={path}", f"--client-ca={path}"), 2, "exclude each other"),
                ((beyond, f"--token-file={path}"), 2, "--tls-cert and --tls-key are missing"),
                ((f"--token-file={path}",), 2, "This page is served over TLS only"),
                (("--listen=:30380",), 2, "is not ADDRESS:PORT"), (("--listen=localhost:1",), 2, "is not ADDRESS:PORT"),
                (("--listen=127.0.0.1:70000",), 2, "is not ADDRESS:PORT"),
                (("--listen=127.0.0.1:30499", "--port=1"), 2, "--port and --listen"),
                ((beyond, *self.own, f"--token-file={short}"), 3, "openssl rand -hex 32"),
                ((beyond, *self.own, "--token-file=/missing"), 1, "--token-file /missing"),
                ((beyond, *self.own, f"--client-ca={path}"), 3, f"--client-ca {path}"),
                ((beyond, self.own[0], f"--tls-key={self.stranger[1]}", f"--token-file={self.token_file}"), 3,
                 "is not the key of --tls-cert")):
            done = subprocess.run([f"{BIN}/swarm-board", *arguments, path], capture_output=True, text=True,
                                  env={k: v for k, v in os.environ.items() if not k.startswith("SWARM_ID")})
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
        return [f"--key={certs}/{name}-key.pem", f"--cert={certs}/{name}-cert.pem", f"--capath={certs}/ca/capath"]

    def start(self, *command, ready=None):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        for line in process.stdout if ready else ():
            if ready in line:
                return process
        self.assertIsNone(ready, f"{command[0]} has ended")
        return process

    def serve_licence(self):
        """A licence server; returns the flags of those that need it."""
        def run(*arguments):
            subprocess.run([f"{BIN}/run-apls", *arguments], cwd=self.folder.name, check=True, stdout=subprocess.DEVNULL)

        with socket.socket() as free:
            free.bind(("127.0.1.1", 0))
            port = free.getsockname()[1]
        run("--make-key", "issuer")
        run("--issue", "licence.txt", "--issuer-key", "issuer-key.pem", "--licensee", "Two clinics", "--seats-sn", "1",
            "--seats-sl", "2", "--until", time.strftime("%Y-12-31", time.gmtime(time.time() + 400 * 86400)))
        workspace = self.folder.name
        self.start(f"{BIN}/run-apls", f"--licence={workspace}/licence.txt", f"--licence-key={workspace}/issuer-public.pem",
                   "--host-ip=127.0.1.1", f"--apls-port={port}", f"--workspace={workspace}/host-1", *self.identity("apls-1"),
                   ready="Licence server is ready")
        self.apls = self.processes.pop()  # it ends last
        self.addCleanup(lambda: (self.apls.terminate(), self.apls.communicate(timeout=90)))
        return ["--apls-ip=127.0.1.1", f"--apls-port={port}"]

    def check_transfers(self, run):
        """What members told of their transfers: both directions, and the hosts of both."""
        names = [node["name"] for node in run["nodes"]]
        pairs = {(names[sender], names[receiver]) for _, sender, receiver, _, _ in run["transfers"]}
        self.assertEqual(pairs, {("sl1", "sl2"), ("sl2", "sl1")})
        hosts = {node["name"]: node["host"] for node in run["nodes"]}
        self.assertEqual((hosts["sl1"], hosts["sl2"]), ("127.0.1.1", "127.0.2.2"))
        told = sum(size for *_, size in run["transfers"])
        self.assertEqual(sum(node["received_bytes"] for node in run["nodes"]), told)
        self.assertEqual(sum(r["sent_bytes"] for r in run["rounds"]), told)

    def test_a_live_swarm_is_followed_to_its_end(self):
        self.licence = self.serve_licence()
        workspace = self.folder.name
        self.start(f"{BIN}/run-sn", "--name=sn1", "--host-ip=127.0.1.1", "--sentinel", f"--sn-api-port={self.port}",
                   f"--workspace={workspace}/host-1", *self.licence, *self.identity("sn-1"), ready="Starting SWARM-API-SERVER")
        with Board("--sn-ip=127.0.1.1", f"--sn-api-port={self.port}", *self.licence, *self.identity("swci-1")) as board:
            run = board.wait(lambda run: run["leader"] == "sn1")
            self.assertEqual(run["kind"], "live")
            for i in (1, 2):
                self.start(f"{BIN}/run-sl", f"--name=sl{i}", f"--host-ip=127.0.{i}.{i}", "--sn-ip=127.0.1.1",
                           f"--sn-api-port={self.port}", f"--ml-name=ml{i}", f"--ml-entrypoint={BIN}/toy-ml", "--ml-cmd=--batches 40 --sync 4",
                           "--ml-e=MIN_PEERS=2", f"--ml-w={workspace}", f"--workspace={workspace}/host-{i}",
                           *self.licence, *self.identity(f"sl-{i}"))
            run = board.wait(lambda run: any(c["phase"] == "complete" for c in run["contracts"]))
            self.check_transfers(run)
            run = board.wait(lambda run: run["licence"] and run["licence"]["answers"])
            self.assertEqual(run["licence"]["licensee"], "Two clinics")
            self.assertEqual({role: of for role, _, of in run["licence"]["seats"]}, {"sn": 1, "sl": 2})
            self.assertEqual(next(node["seat"] for node in run["nodes"] if node["name"] == "sn1"), "held")
            committed = [r for r in run["rounds"] if r["committed_us"] >= 0]
            self.assertGreater(len(committed), 0)
            self.assertEqual(committed[-1]["members"], 2)
            self.assertEqual(len(committed[-1]["digest"]), 64)
            roles = {node["name"]: node["role"] for node in run["nodes"]}
            self.assertEqual({name: roles.get(name) for name in ("sn1", "sl1", "sl2")}, {"sn1": "sn", "sl1": "sl", "sl2": "sl"})
            self.assertEqual(run["waits"][-1]["text"], "The training is complete.")
            # gen-cert's certificates are valid for a year.
            ends = {node["name"]: node["certificate_until"] for node in run["nodes"]}
            for name in ("sn1", "sl1", "sl2"):
                self.assertGreater(ends[name], time.time() + 360 * 86400)
                self.assertLess(ends[name], time.time() + 370 * 86400)
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
