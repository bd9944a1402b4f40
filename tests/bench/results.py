"""Results of a run with round numbers, as bench/run would have recorded them."""
LARGE, SMALL = 44_695_848, 500_000


def figures(seconds, cpu, **more):
    return {"seconds": seconds, "cpu": [cpu], "peak_mib": [100.0]} | more


def case(members, size, seconds, quorum=None, until_merge=None):
    """A round in which Starling takes `seconds`, the peers 0.1, 0.2, ... s and the disk 0.15 s."""
    phases = [{"hand over": 0.01, "agree": 0.002, "exchange": 0.105, "commit": 0.03, "take": 0.02}]
    runs = {"Starling": figures([seconds, seconds, 9.0], 0.3, phases=phases),
            "raw TLS sharded": figures([0.1], 0.2), "raw TLS star": figures([0.2], 0.2), "gRPC mTLS star": figures([0.3], 0.4),
            "gloo ring, no TLS": figures([0.05], 0.1), "MPI ring, no TLS": figures([0.04], 0.1), "disk": figures([0.15], 0.0)}
    if quorum:
        runs["Starling, durable = quorum"] = figures([quorum], 0.3, phases=phases)
    if until_merge:
        runs["Starling, sync until merge"] = figures([until_merge], 0.3, phases=phases)
    return {"members": members, "bytes": size, "runs": runs, "fsync": [0.1, 0.1, 5.0]}


def rate(name, inputs, bytes_per_second):
    return {"name": f"{name}/inputs:{inputs}", "bytes_per_second": bytes_per_second, "items_per_second": [], "cpu_seconds": [0.1, 0.2]}


def recorded():
    """All parts but wan, which failed, and micro, which was not run."""
    parts = {
        "round": [case(2, LARGE, 0.24, quorum=0.2), case(4, LARGE, 0.3), case(2, SMALL, 0.4), case(4, SMALL, 0.5)],
        "pauses": [case(2, SMALL, 0.7, until_merge=0.2), case(4, SMALL, 0.7)],
        "memory": {"bytes": LARGE, "program_alone_mib": 50.0,
                   "members": [{"members": 2, "pair_peak_mib": [100.0, 150.0]}, {"members": 8, "pair_peak_mib": [100.0] * 7 + [900.0]}]},
        "overhead": {"alone": {"seconds": [1.0, 1.0]}, "in a swarm": {"seconds": [1.02, 1.02]}},
        "tls": {"loopback": {"got": 0.9, "goal": 0.95, "holds": False, "rows": {
            "raw_tls oneway": {"seconds": 0.15, "cpu_seconds": 0.2, "ratio": 1.0, "cpu_ratio": 1.0, "passes": [0.15]}}}},
        "merge": [rate("read", 2, [10e9, 10e9, 1e9]), rate("mean", 2, [9e9]), rate("mean, torch add_", 2, [3e9]),
                  rate("mean, torch add_ by blocks", 2, [6e9]), rate("krum", 2, [4e9])],
        "compression": {"images": "CIFAR-10", "methods": {"none": {"accuracy": [50.0, 40.0, 45.0], "bytes": [200e6] * 3},
                                                          "f16": {"accuracy": [44.0, 39.0, 50.0], "bytes": [100e6] * 3}}},
    }
    results = {"date": "2026-11-28", "quick": False, "passes": 1, "machine": {"CPU": "a <fast> CPU & more", "cores": "2"},
               "parts": {name: {"data": data, "took_seconds": 1.0} for name, data in parts.items()}}
    results["parts"]["wan"] = {"error": "no <namespaces> | here", "took_seconds": 0.1}
    return results


def large_part(given_up):
    phases = {"hand over": 0.4, "agree": 0.02, "exchange": 7.0, "commit": 0.04, "take": 0.4}
    return {"took_seconds": 90.0, "data": {
        "bytes": 500_000_000, "program_alone_mib": 1000.0, "members": [{"members": 8, "pair_peak_mib": [2000.0] * 8}],
        "seconds": [8.1, 8.2], "phases": phases, "given_up": given_up}}
