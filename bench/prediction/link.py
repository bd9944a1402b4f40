"""Latency and bandwidth between two hosts over mutual TLS 1.3, each way. One side serves, the other one measures."""
import glob
import socket
import ssl
import statistics
import struct
import time

from prediction.robust import relative_spread
from reporting.errors import BenchError

HEADER = struct.Struct("!cQ")  # what to do (ping, receive, send), and with how many bytes
PING = b"x" * 64
CHUNK = bytes(1 << 18)
LEAST_SECONDS = 1.0  # of a transfer: slow start is then a small part of it
BYTES_MAX = 1 << 33


def context(purpose, identity):
    """Of both sides: a node's certificate and key, and the CAs that it trusts, as run-sn and run-sl take them."""
    found = ssl.SSLContext(purpose)
    found.minimum_version = ssl.TLSVersion.TLSv1_3
    found.load_cert_chain(identity.cert, identity.key)
    files = sorted(glob.glob(f"{glob.escape(identity.capath)}/*.pem"))
    if not files:
        raise BenchError(f"--capath {identity.capath} has no *.pem file")
    for file in files:
        found.load_verify_locations(file)
    found.verify_mode = ssl.CERT_REQUIRED
    return found


def take(connection, count, keep=False):
    """Reads `count` bytes; BenchError if the other side is gone."""
    buffer, kept = bytearray(1 << 18), bytearray()
    while count > 0:
        got = connection.recv_into(buffer, min(count, len(buffer)))
        if got == 0:
            raise BenchError("the other side has closed the connection")
        if keep:
            kept += buffer[:got]
        count -= got
    return bytes(kept)


def give(connection, count):
    while count > 0:
        connection.sendall(CHUNK[:min(count, len(CHUNK))])
        count -= min(count, len(CHUNK))


def serve(address, identity, say, clients=None):
    """Answers measurements, one after the other, until it is interrupted or has had so many `clients`."""
    tls = context(ssl.PROTOCOL_TLS_SERVER, identity)
    with socket.create_server(address) as listener:
        say(f"serving on {listener.getsockname()[0]}:{listener.getsockname()[1]}")
        while clients is None or clients > 0:
            plain, peer = listener.accept()
            try:
                plain.settimeout(60)
                with tls.wrap_socket(plain, server_side=True) as connection:
                    answer(connection)
            except (BenchError, OSError) as error:
                say(f"{peer[0]}: {error}")
            clients = clients - 1 if clients is not None else None


def answer(connection):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        head = connection.recv(HEADER.size)
        if not head:
            return
        head += take(connection, HEADER.size - len(head), keep=True)
        what, count = HEADER.unpack(head)
        if count > BYTES_MAX or what not in (b"P", b"R", b"S"):
            raise BenchError("not a measurement of swarm-calibrate")
        if what == b"S":
            give(connection, count)
            continue
        take(connection, count)
        connection.sendall(PING if what == b"P" else b"!")


def transfer(connection, what, count):
    """Seconds that `count` bytes take to (R) or from (S) the peer."""
    begin = time.monotonic()
    connection.sendall(HEADER.pack(what, count))
    if what == b"S":
        take(connection, count)
    else:
        give(connection, count)
        take(connection, 1)
    return time.monotonic() - begin


def measure(address, identity, repetitions, least_seconds=LEAST_SECONDS):
    """{"latency_seconds" one way, "up" and "down" in bytes per second, "relative_spread" of each}: medians."""
    tls = context(ssl.PROTOCOL_TLS_CLIENT, identity)
    with socket.create_connection(address, timeout=60) as plain, tls.wrap_socket(plain, server_hostname=address[0]) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        found = {"latency_seconds": [], "up": [], "down": []}
        for number in range(10 * repetitions + 1):
            begin = time.monotonic()
            connection.sendall(HEADER.pack(b"P", len(PING)) + PING)
            take(connection, len(PING))
            if number > 0:  # the first one finds caches cold
                found["latency_seconds"].append((time.monotonic() - begin) / 2)
        for name, what in (("up", b"R"), ("down", b"S")):
            count = 1 << 18
            while (seconds := transfer(connection, what, count)) < least_seconds and count < BYTES_MAX:
                count = min(BYTES_MAX, max(2 * count, int(1.2 * count * least_seconds / max(seconds, 1e-4)) if seconds > 0.05 else 4 * count))
            found[name] = [count / transfer(connection, what, count) for _ in range(repetitions)]
    return {name: statistics.median(values) for name, values in found.items()} | {
        "relative_spread": {name: round(relative_spread(values), 4) for name, values in found.items()}}
