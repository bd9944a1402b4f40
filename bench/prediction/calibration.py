"""From measured CPU times to a calibration table for swarm-sim."""
import statistics

from prediction import rehearsal
from prediction.robust import relative_spread

SMALL, LARGE = 64 * 1024, 44_695_848  # bytes of a model: messages decide, bytes decide
NOTHING = {"merge_bytes_per_second": 1e18, "hash_bytes_per_second": 1e18, "fsync_seconds": 0, "disk_bytes_per_second": 1e18,
           "handshake_seconds": 0}
# A merge reads its inputs much faster than SHA-256 its output, whatever the machine: bench/merge/merge, bench/micro.
MERGE_OF_HASH = 8


def frame_ends(bin_dir, members, size):
    """Frames without a segment a round, counted at the sender and at the receiver, as the simulated protocol sends them."""
    def ends(rounds):
        run = rehearsal.Rehearsal(bin_dir, rehearsal.star_platform(members + 1), rehearsal.deployment(members, size // 4, rounds),
                                  NOTHING | {"message_seconds": 1e-6}, cores_shared=1000)
        return sum(machine["cpu_seconds"] for machine in run.finish()["machines"]) * 1e6
    return (ends(30) - ends(10)) / 20


def short_table(small, ends, disk, size):
    """What decides about rounds of small models: messages, by a probe of SMALL, and the disk, which was measured with `size` bytes."""
    wait, short = disk
    return {"message_seconds": (small.sn + small.members * (small.protocol + small.ml)) / ends,
            "disk_bytes_per_second": size / max(wait, 1e-6), "fsync_seconds": short}


def one_table(small, two, four, ends, disk):
    """Costs by one repetition of the probes. `small`, `two`, `four`: probes of 2, 2 and 4 members, the last two of LARGE."""
    # What a member more costs the protocol's thread is TLS; the rest of it is what passes between SL and ML.
    tls = max((four.protocol - two.protocol) / (four.tls_bytes - two.tls_bytes), 1e-12)
    local_bytes = 2 * two.size
    local = max(two.ml / local_bytes, 1e-12)
    tls = max(tls, (two.protocol - local * local_bytes) / two.tls_bytes * 0.5)
    hashed = two.size * (1 + 1 / MERGE_OF_HASH)
    return short_table(small, ends, disk, two.size) | {
        "tls_send_bytes_per_second": 1 / tls, "tls_receive_bytes_per_second": 1 / tls,
        "local_bytes_per_second": 1 / local,
        "save_bytes_per_second": 2 * two.size / two.program, "load_bytes_per_second": 2 * two.size / two.program,
        "hash_bytes_per_second": hashed / two.computing, "merge_bytes_per_second": MERGE_OF_HASH * hashed / two.computing,
        "write_bytes_per_second": two.size / two.storing,
    }


def combine(tables):
    """The median of each cost over the repetitions, and under "measured" its spread, as a part of it."""
    table = {key: statistics.median(t[key] for t in tables) for key in tables[0]}
    spreads = {key: round(relative_spread([t[key] for t in tables]), 4) for key in table}
    # Of the work that decides: what CPU time of equal work differs by.
    decisive = [spreads[key] for key in ("tls_send_bytes_per_second", "hash_bytes_per_second", "save_bytes_per_second") if key in spreads]
    if decisive:
        table["spread"] = round(statistics.median(decisive), 4)
    return {key: float(f"{value:.5g}") for key, value in table.items()} | {
        "measured": {"repetitions": len(tables), "relative_spread": spreads}}


BYTE_COSTS = ("tls_send_bytes_per_second", "tls_receive_bytes_per_second", "local_bytes_per_second", "save_bytes_per_second",
              "load_bytes_per_second", "hash_bytes_per_second", "merge_bytes_per_second", "write_bytes_per_second")
LOOPBACK_LATENCY = 20e-6


def simulated_sync(bin_dir, members, size, table, cores):
    """Seconds of a round without training that the table gives for a probe."""
    run = rehearsal.Rehearsal(bin_dir, rehearsal.star_platform(members + 1, latency=LOOPBACK_LATENCY),
                              rehearsal.deployment(members, size // 4, 10), table | {"spread": 0}, cores_shared=cores)
    return run.finish()["phases"]["sync"]


def fit(bin_dir, table, probes, cores, steps=4):
    """The table whose simulated probes take as long as the real ones, and the factors by which costs were raised for it.

    CPU time alone gives less: a core also idles between the end of a thread's wait and its next run, and where work
    could not be divided as evenly as simulated. `probes`: (members, bytes, measured seconds) for "messages", and for "bytes" if the
    table has costs of bytes."""
    fitted, factors = dict(table), {name: 1.0 for name in probes}
    for _ in range(steps):
        for name, (members, size, measured) in probes.items():
            ratio = min(2.0, max(0.5, measured / simulated_sync(bin_dir, members, size, fitted, cores)))
            factors[name] = min(4.0, max(0.5, factors[name] * ratio))
        fitted["message_seconds"] = table["message_seconds"] * factors["messages"]
        if "bytes" in probes:
            fitted |= {key: table[key] / factors["bytes"] for key in BYTE_COSTS}
    rounded = {key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in fitted.items()}
    return rounded, {key: round(value, 3) for key, value in factors.items()}
