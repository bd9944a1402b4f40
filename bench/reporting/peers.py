"""The libraries that Starling is compared with: programs that do what a round does, without agreement or disk."""
import json
import os
import shutil
import subprocess

from reporting.errors import BenchError

# Program -> what its library is called, and the packages that have it.
NEEDED = {"raw_tls": ("OpenSSL", "libssl-dev"), "gloo_allreduce": ("gloo", "libgloo-dev"),
          "grpc_star": ("gRPC", "libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc"),
          "mpi_allreduce": ("Open MPI", "libopenmpi-dev openmpi-bin")}


def commands(folder, members, size, runs, pausing=False):
    """{name: command line} of those that are built in `folder`. Stars have a member for a leader, as a swarm has. `pausing`: only
    those that run() lets pause before each round, which MPI's barriers are not made for."""
    common = ["--nodes", str(members), "--bytes", str(size), "--runs", str(runs)]
    certs = ["--certs", f"{folder}/certs"]
    found = {
        "raw TLS sharded": [f"{folder}/raw_tls", "--mode", "sharded"] + common + certs,
        "raw TLS star": [f"{folder}/raw_tls", "--mode", "star", "--leader", "1"] + common + certs,
        "gRPC mTLS star": [f"{folder}/grpc_star", "--leader", "1"] + common + certs,
        "gloo ring, no TLS": [f"{folder}/gloo_allreduce", "--algo", "ring"] + common,
    }
    starter = None if pausing else shutil.which("mpirun")
    if starter:
        found["MPI ring, no TLS"] = [starter, "--oversubscribe", "--bind-to", "none", "-np", str(members),
                                     "--mca", "mpi_yield_when_idle", "1", "--mca", "pml", "ob1", "--mca", "btl", "self,tcp",
                                     "--mca", "btl_tcp_if_include", "lo", "--mca", "coll_tuned_use_dynamic_rules", "1",
                                     "--mca", "coll_tuned_allreduce_algorithm", "5", f"{folder}/mpi_allreduce",
                                     "--bytes", str(size), "--runs", str(runs), "--name", "mpi"]
    return {name: command for name, command in found.items()
            if any(os.path.exists(word) and os.path.dirname(word) == folder for word in command)}


def missing(folder):
    """[text] of the programs that are not there."""
    return [f"{library} ({packages})" for program, (library, packages) in NEEDED.items()
            if not os.path.exists(f"{folder}/{program}")]


def run(command, pause=0.0, bin_dir=None):
    """`pause`: seconds before each round, by `bin_dir`/barrier_pause.so."""
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    if pause > 0:
        environment |= {"LD_PRELOAD": f"{bin_dir}/barrier_pause.so", "PAUSE_SECONDS": str(pause)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": [result["seconds_median"]], "cpu": result["cpu_seconds_per_round"], "peak_mib": result["peak_rss_mb_sum"]}
