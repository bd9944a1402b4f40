"""Builds what a run needs and is not there yet: Starling's programs, the peers' and their certificates."""
import glob
import os
import subprocess

from reporting import peers
from reporting.errors import BenchError

PROGRAMS = ["bench-round-ml", "run-sn", "run-sl", "gen-cert", "bench_tls", "delay_relay", "bench_merge", "bench_micro"]
WITH_TORCH = ["cifar10", "cifar10-sim"]
TORCH = "/usr/share/cmake/Torch/TorchConfig.cmake", "/usr/lib/*/cmake/Torch/TorchConfig.cmake"


def run(what, command, log):
    """`log`: a file that gets the output."""
    with open(log, "ab") as out:
        try:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT)
        except FileNotFoundError:
            raise BenchError(f"{what}: {command[0]} is missing: deploy/install-deps installs it") from None
    if done.returncode != 0:
        with open(log, errors="replace") as out:
            tail = out.read()[-1500:]
        raise BenchError(f"{what} failed ({done.returncode}); packages: deploy/install-deps --bench\n{tail}")


def starling(root, build, log, say):
    """Configures `build` if it is new, and builds the programs. \\return the folder of the programs"""
    if not os.path.exists(f"{build}/CMakeCache.txt"):
        torch = any(glob.glob(pattern) for pattern in TORCH)
        say(f"configuring a Release build{'' if torch else ' without libtorch (package libtorch-dev): no comparison with it'}")
        run("cmake", ["cmake", "-S", root, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DSTARLING_BENCH=ON",
                      "-DSTARLING_TESTS=OFF"] + [f"-DSTARLING_{what}={'ON' if torch else 'OFF'}" for what in ("SIM", "TORCH")], log)
    with open(f"{build}/CMakeCache.txt") as cache:
        settings = dict(line.strip().split("=", 1) for line in cache if "=" in line)
    if settings.get("CMAKE_BUILD_TYPE:STRING") != "Release" or settings.get("STARLING_BENCH:BOOL") != "ON":
        raise BenchError(f"{build} is not a Release build with STARLING_BENCH=ON: give another --build")
    say("building Starling's programs")
    trains = all(settings.get(f"STARLING_{what}:BOOL") == "ON" for what in ("SIM", "TORCH"))
    run("build of Starling", ["cmake", "--build", build, "--target"] + PROGRAMS + (WITH_TORCH if trains else []), log)
    return f"{build}/bin"


def peer_programs(given, build, log, say):
    """`given`: a build of the peers' programs, or their sources. \\return the folder of the programs, with certs/ in it"""
    if not os.path.isdir(given):
        raise BenchError(f"--peers {given}: there is no such directory")
    folder = given
    if os.path.exists(f"{given}/raw_tls.cpp"):
        folder = f"{build}/peers"
        say("building the peers")
        run("peers", ["cmake", "-S", given, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"], log)
        run("peers", ["cmake", "--build", folder], log)
        if not os.path.exists(f"{folder}/certs"):
            run("certificates of the peers", [f"{given}/make_certs.sh", f"{folder}/certs"], log)
    if not os.path.exists(f"{folder}/raw_tls") or not os.path.exists(f"{folder}/certs"):
        raise BenchError(f"--peers {given}: neither sources (raw_tls.cpp) nor a build (raw_tls and certs/)")
    for library in peers.missing(folder):
        say(f"without {library}: deploy/install-deps --bench installs it; then build the peers again")
    return folder
