"""swarm-board, and a server before it that can answer 503, for tests of the page."""
import contextlib
import http.client
import http.server
import json
import socket
import subprocess
import threading
import urllib.parse
import urllib.request


class Server:
    """swarm-board over traces, on a port of its own or on the given one."""

    def __init__(self, bin_dir, *arguments, listen=False, port=None):
        for port in [port] if port else range(30381, 30480):
            place = f"--listen=127.0.0.1:{port}" if listen else f"--port={port}"
            self.process = subprocess.Popen([f"{bin_dir}/swarm-board", place, "--title=Test", *arguments],
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.url = self.process.stdout.readline().strip()
            if self.url:
                return
            self.process.communicate()  # the port is taken
        raise RuntimeError("no free port")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        _, errors = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, (self.process.returncode, errors)

    def run_json(self, query=""):
        with urllib.request.urlopen(f"{self.url}api/run{query}") as answer:
            return json.load(answer)


class BusyServer:
    """A server before swarm-board, which can answer queries of the run with 503, as swarm-board does when it is out of memory. A
    context. `busy`: it answers 503 to queries of the run; `silent`: those that come then are never answered; `asked`: how many of these
    came; `told`: how many versions were told; `away`: connections for events are closed, see leave()."""

    def __init__(self, url):
        self.target = urllib.parse.urlsplit(url).netloc
        self.busy, self.silent, self.away, self.over = False, False, False, False
        self.asked, self.told = 0, 0
        self.streams = []  # of events, that are open
        self.changed = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with self.changed:
            self.over = True
            self.changed.notify_all()
        self.server.shutdown()
        self.thread.join()
        self.server.socket.close()

    def leave(self):
        """Closes the connections for events, and those that come until `away` is False."""
        with self.changed:
            self.away = True
            for stream in self.streams:
                with contextlib.suppress(OSError):  # the page has closed it first
                    stream.shutdown(socket.SHUT_RDWR)
            self.streams.clear()

    def wait_until(self, true):
        with self.changed:
            assert self.changed.wait_for(true, 30)

    def answer(self, request):
        if request.path.startswith("/api/run"):
            with self.changed:
                self.asked += 1
                self.changed.notify_all()
                if self.silent:
                    self.changed.wait_for(lambda: self.over)
                    return
                busy = self.busy
            if busy:
                request.send_error(503)
                return
        if request.path.startswith("/api/events"):
            with self.changed:
                if self.away:
                    request.close_connection = True
                    return
                self.streams.append(request.connection)
        connection = http.client.HTTPConnection(self.target)
        connection.request("GET", request.path, headers={"Host": self.target})
        answer = connection.getresponse()
        request.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                request.send_header(name, value)
        request.end_headers()
        try:
            while line := answer.readline():
                request.wfile.write(line)
                request.wfile.flush()
                if line.startswith(b"event: version"):
                    with self.changed:
                        self.told += 1
                        self.changed.notify_all()
        except OSError:
            pass  # the page has gone
        finally:
            connection.close()
            with self.changed:
                if request.connection in self.streams:
                    self.streams.remove(request.connection)
