"""Describes the machine and the software of a run, without names of hosts or paths."""
import os
import platform
import re
import subprocess

PACKAGES = {"gRPC": "libgrpc++-dev", "gloo": "libgloo-dev", "Open MPI": "libopenmpi-dev", "libtorch": "libtorch-dev",
            "Google Benchmark": "libbenchmark-dev", "Asio": "libasio-dev"}


def first_line(command):
    try:
        return subprocess.run(command, capture_output=True, text=True).stdout.split("\n", 1)[0].strip()
    except FileNotFoundError:
        return "not installed"


def field(path, pattern):
    with open(path) as file:
        found = re.search(pattern, file.read(), re.M)
    return found.group(1).strip() if found else "unknown"


def describe(root, build):
    with open(f"{build}/CMakeCache.txt") as cache:
        compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache.read(), re.M).group(1)
    version = first_line([compiler, "--version"])
    flags = field("/proc/cpuinfo", r"^flags\s*:\s*(.*)$").split()
    kib = int(field("/proc/meminfo", r"^MemTotal:\s*(\d+)"))
    found = {
        "CPU": field("/proc/cpuinfo", r"^model name\s*:\s*(.*)$"),
        "cores": str(len(os.sched_getaffinity(0))),
        "vector units": " ".join(name for name in ("avx2", "avx512f", "aes", "vaes", "sha_ni") if name in flags),
        "memory": f"{kib / 2**20:.1f} GiB",
        "kernel": re.match(r"[\d.]*\d|", platform.release()).group(),
        "system": field("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "compiler": re.sub(r"^\S*/", "", version),
        "OpenSSL": first_line(["openssl", "version"]).removeprefix("OpenSSL ").split(" ", 1)[0],
        "Starling": first_line(["git", "-C", root, "describe", "--always", "--dirty"]),
    }
    for name, package in PACKAGES.items():
        found[name] = first_line(["dpkg-query", "-W", "-f", "${Version}", package]) or "not installed"
    return found
