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
    """(signed, unsigned) frames without a segment a round, counted at the sender and at the receiver, as the simulated protocol sends
    them. Those of an SN are signed."""
    def ends(rounds, signed):
        run = rehearsal.Rehearsal(bin_dir, rehearsal.star_platform(members + 1), rehearsal.deployment(members, size // 4, rounds),
                                  NOTHING | {"message_seconds": 1e-6 * signed, "unsigned_message_seconds": 1e-6 * (not signed)}, cores_shared=1000)
        return sum(machine["cpu_seconds"] for machine in run.finish()["machines"]) * 1e6
    return tuple((ends(30, signed) - ends(10, signed)) / 20 for signed in (True, False))


ENDS_AT_ML = 4  # a round: it asks for a sync and is answered, each time by a frame and the segments


def short_table(small, ends, disk, size):
    """What decides about rounds of small models: messages, by a probe of SMALL, and the disk, which was measured with `size` bytes."""
    wait, short = disk
    signed, unsigned = ends
    plain = small.ml / ENDS_AT_ML
    return {"message_seconds": (small.sn + small.members * (small.protocol + small.ml) - unsigned * plain) / signed,
            "unsigned_message_seconds": plain, "disk_bytes_per_second": size / max(wait, 1e-6), "fsync_seconds": short}


def one_table(small, small_four, two, four, ends, disk):
    """Costs by one repetition of the probes. `small`, `small_four`: of 2 and 4 members with a model that costs messages only; `two`,
    `four`: of 2 and 4 members with the model whose bytes are measured."""
    def of_bytes(part):
        return max(getattr(two, part) - getattr(small, part), 1e-9)
    # What a member more costs the protocol's thread is TLS; the rest of it is what passes between SL and ML.
    protocol_two, protocol_four = of_bytes("protocol"), four.protocol - small_four.protocol
    tls = max((protocol_four - protocol_two) / (four.tls_bytes - two.tls_bytes), 1e-12)
    local_bytes = 2 * two.size
    local = of_bytes("ml") / local_bytes
    tls = max(tls, (protocol_two - local * local_bytes) / two.tls_bytes * 0.5)
    hashed = two.size * (1 + 1 / MERGE_OF_HASH)
    return short_table(small, ends, disk, two.size) | {
        "tls_send_bytes_per_second": 1 / tls, "tls_receive_bytes_per_second": 1 / tls,
        "local_bytes_per_second": 1 / local,
        "save_bytes_per_second": 2 * two.size / of_bytes("program"), "load_bytes_per_second": 2 * two.size / of_bytes("program"),
        "hash_bytes_per_second": hashed / of_bytes("computing"),
        "merge_bytes_per_second": MERGE_OF_HASH * hashed / of_bytes("computing"),
        "write_bytes_per_second": two.size / of_bytes("storing"),
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


WAKE_UPS = 5  # about as many follow each other in a round; only the steps of the fit depend on it


def fit(bin_dir, table, probes, cores, steps=7):
    """The table whose simulated probes take as long as the real ones, and the factors by which costs were raised for it.

    CPU time alone gives less: a thread that waited for a message takes a while until it runs (`wake_seconds`, which other threads
    can use), and work can't always be divided as evenly as simulated. `probes`: (members, bytes, measured seconds) for "messages", and
    for "bytes" if the table has costs of bytes."""
    fitted, factors = table | {"wake_seconds": 0.0}, {name: 1.0 for name in probes}
    for _ in range(steps):
        members, size, measured = probes["messages"]
        simulated = simulated_sync(bin_dir, members, size, fitted, cores)
        fitted["wake_seconds"] = max(0.0, fitted["wake_seconds"] + (measured - simulated) / WAKE_UPS)
        if fitted["wake_seconds"] == 0.0:  # less CPU time is needed than was measured, since the measurement took some itself
            factors["messages"] = max(0.5, factors["messages"] * min(1.0, measured / simulated))
            fitted["message_seconds"] = table["message_seconds"] * factors["messages"]
        if "bytes" in probes:
            members, size, measured = probes["bytes"]
            ratio = min(2.0, max(0.5, measured / simulated_sync(bin_dir, members, size, fitted, cores)))
            factors["bytes"] = min(4.0, max(0.5, factors["bytes"] * ratio))
            fitted |= {key: table[key] / factors["bytes"] for key in BYTE_COSTS}
    rounded = {key: float(f"{value:.5g}") if isinstance(value, float) else value for key, value in fitted.items()}
    return rounded, {key: round(value, 3) for key, value in factors.items()}
