"""The configurations whose real and simulated rounds are compared."""

MB = {"1.3 MB": 1_314_344, "44.7 MB": 44_695_848}
RATES = {"100 Mbit/s": 100e6, "500 Mbit/s": 500e6, "unlimited": None}
# Between two namespaces on a bridge, there and back and half of it: measured with ping.
LATENCY = 40e-6


def rounds_for(members, size, rate):
    """So many that a run takes at most about 20 seconds."""
    seconds = size * (members - 1) / members * 2 * 8 / (rate or 3e9 / members) + 0.01
    return int(max(6, min(20 if rate else 12, 12 / seconds)))


def case(members, size, rate, flags=(), environment=None, name="", slow=None, **more):
    """`more`: what the configuration has beside the usual.

    delay     seconds that the last member is away from the others, each way, behind a relay
    work      passes over its parameters that each member makes between two syncs, as training; a list
    killed    (member, round): its SL and its program are killed in the middle of the training after that round; then a round's figure is
              the mean of all, not the median"""
    label = f"{members} members, {size}, {rate}" + (f", {name}" if name else "")
    return {"name": label, "members": members, "bytes": MB[size], "rate": RATES[rate], "rounds": rounds_for(members, MB[size], slow or RATES[rate]),
            "slow_rate": slow, "flags": list(flags), "environment": environment or {}, "latency": LATENCY} | more


PASSES = 2000  # about a tenth of a second for 1.3 MB


def grid():
    found = [case(members, size, rate) for size in MB for rate in RATES for members in (2, 4)]
    for members in (2, 4):
        for plan in ("star", "butterfly"):
            if (members, plan) != (2, "butterfly"):
                found.append(case(members, "1.3 MB", "100 Mbit/s", ["--exchange", plan], {"EXCHANGE": plan}, plan))
    for plan in ("star", "butterfly", "tree"):
        found.append(case(4, "1.3 MB", "100 Mbit/s", ["--exchange", plan], {"EXCHANGE": plan}, f"one of 20 Mbit/s, {plan}", slow=20e6))
    found.append(case(4, "44.7 MB", "unlimited", ["--exchange", "star"], {"EXCHANGE": "star"}, "star"))
    found.append(case(4, "44.7 MB", "500 Mbit/s", ["--exchange", "tree"], {"EXCHANGE": "tree"}, "tree"))
    found.append(case(2, "44.7 MB", "100 Mbit/s", ["--compress", "int8"], {"COMPRESS": "int8"}, "int8"))
    found.append(case(4, "1.3 MB", "100 Mbit/s", ["--compress", "f16"], {"COMPRESS": "f16"}, "f16"))
    found.append(case(2, "44.7 MB", "unlimited", ["--durable", "none"], {"DURABLE": "none"}, "durable none"))
    found.append(case(8, "1.3 MB", "500 Mbit/s"))
    found.append(case(8, "1.3 MB", "unlimited"))
    found.append(case(8, "1.3 MB", "100 Mbit/s"))
    for members, size in ((2, "1.3 MB"), (4, "1.3 MB"), (2, "44.7 MB")):
        found.append(case(members, size, "100 Mbit/s", name="one 20 ms away", delay=0.02))
    # How often members sync is how long they train between two syncs.
    for members, rate, passes in ((2, "unlimited", PASSES), (4, "100 Mbit/s", PASSES), (4, "100 Mbit/s", 4 * PASSES)):
        found.append(case(members, "1.3 MB", rate, name=f"{passes:,} passes a sync", work=[passes] * members))
    for rate in ("unlimited", "100 Mbit/s"):
        found.append(case(4, "1.3 MB", rate, name="one trains four times as long", work=[PASSES] * 3 + [4 * PASSES]))
    found.append(case(4, "1.3 MB", "100 Mbit/s", environment={"MIN_PEERS": 3}, name="one killed", work=[PASSES] * 4, killed=(4, 5)))
    return found
