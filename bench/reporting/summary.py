"""Compares what was measured with the goals.

summary.json: {"ratios": {name: {"got": x, "goal": y, "better": "lower"|"higher", "holds": true|false}},
"comparisons": {name: x}}. `got` is null where it was not measured, with the "reason"; the goal then does not hold.
Comparisons have no goal.
"""
import itertools
import statistics

MIB = 2**20
LARGE, SMALL = 44_695_848, 500_000  # bytes: the parameters of a ResNet-18 for 10 classes; a small model
PAUSE = 0.03  # seconds before a round in the part "pauses"
SHARDED, STAR, GRPC = "raw TLS sharded", "raw TLS star", "gRPC mTLS star"
QUORUM = "Starling, durable = quorum"
UNTIL_MERGE = "Starling, sync until merge"
PAIR_BYTES = 64_000_000  # beside three models
RULES = ("mean", "coordinate-median", "trimmed-mean", "geometric-median", "krum", "centred-clipping")


class Missing(Exception):
    """A figure was not measured; the text is the reason."""


class Ratios:
    def __init__(self):
        self.ratios, self.comparisons = {}, {}

    def add(self, name, goal, better, figure):
        """`figure()` is the ratio, or raises Missing."""
        entry = {"got": None, "goal": goal, "better": better, "holds": False}
        try:
            got = figure()
            entry |= {"got": round(got, 4), "holds": got <= goal if better == "lower" else got >= goal}
        except Missing as reason:
            entry["reason"] = str(reason)
        self.ratios[name] = entry

    def compare(self, name, figure):
        try:
            self.comparisons[name] = round(figure(), 4)
        except Missing:
            self.comparisons[name] = None


def data_of(results, part):
    found = results["parts"].get(part)
    if found is None:
        raise Missing(f"part {part} was not run")
    if "data" not in found:
        raise Missing(f"part {part} failed: {found['error'].splitlines()[0][:200]}")
    return found["data"]


def median_of(runs, who, key="seconds"):
    values = runs.get(who, {}).get(key)
    if not values:
        raise Missing(f"nothing of '{who}'")
    median = statistics.median(values)
    if median <= 0:
        raise Missing(f"'{who}': {key} is below what the system counts")
    return median


def megabytes(size):
    return f"{size / 1e6:.3g} MB"


def case_of(results, part, size, members):
    """What the part has measured of rounds of that size."""
    for case in data_of(results, part):
        if (case["bytes"], case["members"]) == (size, members):
            return case
    raise Missing("this size was not run")


def exchange_seconds(runs):
    phases = runs.get("Starling", {}).get("phases")
    if not phases:
        raise Missing("the phases were not recorded")
    return statistics.median(phase["exchange"] for phase in phases)


def over_star_and_fsync(results, part, members, who):
    """Time of a round of a small model over that of gRPC's star and one fsync."""
    case = case_of(results, part, SMALL, members)
    return median_of(case["runs"], who) / (median_of(case["runs"], GRPC) + statistics.median(case["fsync"]))


def round_ratios(results, ratios):
    for size, members in itertools.product((LARGE, SMALL), (2, 4, 8)):
        def over(who, other, key="seconds", size=size, members=members):
            runs = case_of(results, "round", size, members)["runs"]
            return median_of(runs, who, key) / other(runs)

        what = f"round, {megabytes(size)}, {members} members"
        if size == LARGE:
            ratios.add(f"{what}: CPU / {SHARDED}", 1.6, "lower",
                       lambda over=over: over("Starling", lambda runs: median_of(runs, SHARDED, "cpu"), "cpu"))
            ratios.add(f"{what}: time / larger of {SHARDED} and disk", 1.6, "lower", lambda over=over: over(
                "Starling", lambda runs: max(median_of(runs, SHARDED), median_of(runs, "disk"))))
            ratios.add(f"{what}, durable = quorum: time / {GRPC}", 1.0, "lower",
                       lambda over=over: over(QUORUM, lambda runs: median_of(runs, GRPC)))
            ratios.add(f"exchange phase, {megabytes(size)}, {members} members: time / {SHARDED}", 1.1, "lower",
                       lambda over=over: 1 / over(SHARDED, exchange_seconds))
        else:
            ratios.add(f"{what}: time / ({GRPC} + one fsync)", 1.0, "lower",
                       lambda members=members: over_star_and_fsync(results, "round", members, "Starling"))
        for peer in ("gloo ring, no TLS", "MPI ring, no TLS", STAR, SHARDED, GRPC):
            ratios.compare(f"{what}: time / {peer}", lambda over=over, peer=peer: over("Starling", lambda r: median_of(r, peer)))
            ratios.compare(f"{what}: CPU / {peer}",
                           lambda over=over, peer=peer: over("Starling", lambda r: median_of(r, peer, "cpu"), "cpu"))


def pause_ratios(results, ratios):
    for members in (2, 4, 8):
        ratios.add(f"round after a pause, {megabytes(SMALL)}, {members} members, sync until merge: time / ({GRPC} + one fsync)", 1.0, "lower",
                   lambda members=members: over_star_and_fsync(results, "pauses", members, UNTIL_MERGE))


def connection_ratios(results, ratios):
    ratios.add("one connection, 256 MB: speed / raw TLS", 0.95, "higher", lambda: data_of(results, "tls")["loopback"]["got"])

    def over_wan():
        found = data_of(results, "wan")
        return found["wan_tuned"]["rows"]["frames over mutual TLS"]["ratio"]

    ratios.add("100 ms, 1 Gbit/s: speed / one tuned TCP stream", 0.85, "higher", over_wan)


def rates(results):
    """{(name, inputs): bytes of input a second}"""
    found = {}
    for run in data_of(results, "merge"):
        name, _, inputs = run["name"].rpartition("/inputs:")
        found[name, int(inputs)] = statistics.median(run["bytes_per_second"])
    return found


def merge_ratios(results, ratios):
    def part_of_reading(rule, inputs):
        found = rates(results)
        if (rule, inputs) not in found or ("read", inputs) not in found:
            raise Missing("this number of inputs was not run")
        return found[rule, inputs] / found["read", inputs]

    def over_torch(rule):
        found = rates(results)
        least = []
        for inputs in sorted({inputs for name, inputs in found if name == rule}):
            others = [rate for (name, n), rate in found.items() if name.startswith(f"{rule}, torch") and n == inputs]
            if others:
                least.append(found[rule, inputs] / max(others))
        if not least:
            raise Missing("built without libtorch, or this rule was not run")
        return min(least)

    for rule in ("mean", "coordinate-median"):
        for inputs in (2, 4, 8, 16, 32):
            ratios.add(f"{rule}, {inputs} inputs: speed / reading", 0.85, "higher",
                       lambda rule=rule, inputs=inputs: part_of_reading(rule, inputs))
    for rule in RULES:
        ratios.add(f"{rule}: speed / best of libtorch, the least over the inputs", 1.0, "higher", lambda rule=rule: over_torch(rule))


def memory_ratios(results, ratios):
    def added(members, part="memory"):
        found = data_of(results, part)
        limit = (3 * found["bytes"] + PAIR_BYTES) / MIB
        for case in found["members"]:
            if case["members"] == members:
                return (max(case["pair_peak_mib"]) - found["program_alone_mib"]) / limit
        raise Missing(f"{members} members were not run")

    for members in (2, 8, 32):
        ratios.add(f"memory that a swarm of {members} adds to a member / (3 models + 64 MB)", 1.0, "lower",
                   lambda members=members: added(members))
    if "large" in results["parts"]:  # not by default
        ratios.add("memory that a swarm of 8 adds to a member, 500 MB / (3 models + 64 MB)", 1.0, "lower", lambda: added(8, "large"))
        ratios.add("members given up in rounds of 500 MB, 8 members", 0, "lower", lambda: data_of(results, "large")["given_up"])


def summarize(results):
    """What summary.json holds."""
    ratios = Ratios()
    round_ratios(results, ratios)
    pause_ratios(results, ratios)
    connection_ratios(results, ratios)
    merge_ratios(results, ratios)
    memory_ratios(results, ratios)

    def slower():
        found = data_of(results, "overhead")
        for who in ("alone", "in a swarm"):
            median_of(found, who)  # raises Missing
        # Of each turn: both were measured within a second.
        return statistics.median(swarm / alone for swarm, alone in zip(found["in a swarm"]["seconds"], found["alone"]["seconds"]))

    ratios.add("training outside the exchange: time in a swarm / alone", 1.03, "lower", slower)
    return {"ratios": ratios.ratios, "comparisons": ratios.comparisons}
