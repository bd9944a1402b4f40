"""The tables of a report, as texts."""
import statistics

from reporting.summary import MIB, PAIR_BYTES, PAUSE, RULES, Missing, megabytes, rates

ROUND_HEAD = ["", "time", "CPU of all processes", "peak memory, MiB, all processes", "Starling's time / this"]
PARTS_TEXT = "What was measured, and how long that took."


def number(value, digits=3):
    """Three digits that count, no exponent."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def milliseconds(values):
    """Median, and the quarter below and above it: "350 (341 to 362)"."""
    scaled = sorted(1000 * value for value in values)
    if len(scaled) < 3:
        return number(statistics.median(scaled)) if scaled else "–"
    low, middle, high = statistics.quantiles(scaled, n=4, method="inclusive")
    return f"{number(middle)} ({number(low)} to {number(high)})"


def goal_rows(summary):
    for name, ratio in summary["ratios"].items():
        sign = "≤" if ratio["better"] == "lower" else "≥"
        holds = "holds" if ratio["holds"] else ("missed" if ratio["got"] is not None else "not measured")
        yield [name, number(ratio["got"]), f"{sign} {ratio['goal']}", holds + (f": {ratio['reason']}" if "reason" in ratio else "")]


def round_rows(case):
    ours = case["runs"]["Starling"]
    for who, figures in case["runs"].items():
        ratio = statistics.median(ours["seconds"]) / statistics.median(figures["seconds"])
        yield [who, milliseconds(figures["seconds"]), milliseconds(figures["cpu"]),
               number(max(figures["peak_mib"])) if max(figures["peak_mib"]) else "–", number(ratio) if who != "Starling" else "–"]


def phase_rows(cases):
    for case in cases:
        phases = case["runs"]["Starling"]["phases"]
        yield [f"{megabytes(case['bytes'])}, {case['members']} members"] + \
            [number(1000 * statistics.median(p[name] for p in phases)) for name in phases[0]]


def merge_table(results):
    found = rates(results)
    inputs = sorted({n for _, n in found})
    names = [name for name in dict.fromkeys(name for name, _ in found)]
    names.sort(key=lambda name: (-1 if name == "read" else next((i for i, rule in enumerate(RULES) if name.startswith(rule)), 99), name))
    rows = []
    for name in names:
        row = [name]
        for n in inputs:
            rate, read = found.get((name, n)), found.get(("read", n))
            row.append("–" if rate is None else number(rate / 1e9) + (f" ({rate / read:.2f})" if read and name != "read" else ""))
        rows.append(row)
    return ("Merge rules", "GB/s of input, 11.2 M floats an input, one thread, by CPU time; in brackets the part of what reading "
            "reaches with as many inputs.", ["inputs"] + [str(n) for n in inputs], rows)


def micro_rows(data):
    for run in sorted(data, key=lambda run: run["name"]):
        rate = f"{number(statistics.median(run['bytes_per_second']) / 1e9)} GB/s" if run["bytes_per_second"] else \
            f"{number(statistics.median(run['items_per_second']) / 1e6)} million a second" if run["items_per_second"] else "–"
        micros = sorted(1e6 * value for value in run["cpu_seconds"])
        yield [run["name"].replace("/", ", ").replace(":", " "), number(statistics.median(micros)), f"{number(micros[0])} to {number(micros[-1])}", rate]


def connection_rows(found):
    for link, case in found.items():
        for name, row in case["rows"].items():
            yield [f"{link.replace('_', ', ')}: {name}", milliseconds(row.get("passes", [row["seconds"]])), number(0.268435456 / row["seconds"]),
                   number(row["ratio"]), number(row["cpu_seconds"])]


def memory_rows(found):
    for case in found["members"]:
        peak = max(case["pair_peak_mib"])
        yield [str(case["members"]), number(statistics.median(case["pair_peak_mib"])), number(peak),
               number(found["program_alone_mib"]), number(peak - found["program_alone_mib"]),
               number((3 * found["bytes"] + PAIR_BYTES) / MIB)]


def large_row(found):
    return [str(found["members"][0]["members"]), milliseconds(found["seconds"])] + [number(1000 * t) for t in found["phases"].values()]


def overhead_rows(found):
    for name, figures in found.items():
        yield [name, milliseconds(figures["seconds"])]


def compression_rows(found):
    plain = found["methods"]["none"]
    for method, figures in found["methods"].items():
        values, sent = figures["accuracy"], statistics.median(figures["bytes"])
        yield [method, f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})",
               f"{statistics.median(values) - statistics.median(plain['accuracy']):+.1f}", number(sent / 1e6),
               number(sent / statistics.median(plain["bytes"]))]


def data_tables(data, results):
    for case in data.get("round", []):
        yield (f"Round, {megabytes(case['bytes'])}, {case['members']} members", "As the training program sees it: from the first "
               "call to the last return. Milliseconds: median (middle half).", ROUND_HEAD, list(round_rows(case)))
    if data.get("round"):
        names = list(data["round"][0]["runs"]["Starling"]["phases"][0])
        yield "Phases of Starling's round", "Milliseconds, medians.", [""] + names, list(phase_rows(data["round"]))
    for case in data.get("pauses", []):
        yield (f"Round after a pause, {megabytes(case['bytes'])}, {case['members']} members", "As above. All programs pause for "
               f"{1000 * PAUSE:.0f} ms before each round, as if they trained on another device. Syncs until merge: the round is committed "
               "in the pause.", ROUND_HEAD, list(round_rows(case)))
    if "memory" in data:
        yield ("Memory of a member", "MiB of SL and program together, shared pages counted once, sampled while rounds run.",
               ["members", "median peak", "largest peak", "program alone", "added", "goal"], list(memory_rows(data["memory"])))
    if "large" in data:
        found = data["large"]
        yield (f"A model of {megabytes(found['bytes'])}, memory of a member", "MiB, as above.",
               ["members", "median peak", "largest peak", "program alone", "added", "goal"], list(memory_rows(found)))
        yield (f"A model of {megabytes(found['bytes'])}, time", "Milliseconds: of a round, median (middle half), and of its phases, medians.",
               ["members", "round"] + list(found["phases"]), [large_row(found)])
    if "overhead" in data:
        yield ("Training outside the exchange", "Milliseconds of the same work by two programs, in turns before each round: median (middle half).", ["", "time"],
               list(overhead_rows(data["overhead"])))
    connections = data.get("tls", {}) | data.get("wan", {})
    if connections:
        yield ("One connection", "268 MB from one process to another. wan: over 100 ms and 1 Gbit/s; tuned: with buffers that are "
               "large enough for it.", ["", "ms: median (middle half)", "GB/s", "speed", "CPU seconds"], list(connection_rows(connections)))
    if "merge" in data:
        try:
            yield merge_table(results)
        except Missing:
            pass
    if "compression" in data:
        yield ("Compressed exchange", f"Two members train HPE's tiny network on {data['compression']['images']} for one epoch, with a round "
               "every 32 batches. Accuracy on the test images in percent: median (range) over the seeds; bytes that the members send "
               "each other.", ["method", "accuracy", "difference", "MB", "part of the bytes"], list(compression_rows(data["compression"])))
    if "micro" in data:
        yield "Single steps", "CPU time.", ["", "µs", "range", "rate"], list(micro_rows(data["micro"]))


def tables(results, summary):
    """(title, text, head, rows) of each table, in the order of a report."""
    data = {name: part["data"] for name, part in results["parts"].items() if "data" in part}
    yield "Goals", "Ratios of medians.", ["", "got", "goal", ""], list(goal_rows(summary))
    yield from data_tables(data, results)
    shown = [[name, number(value)] for name, value in summary["comparisons"].items() if value is not None]
    if shown:
        yield "Beside the peers", "Starling's time or CPU divided by the peer's; these have no goal.", ["", "ratio"], shown
    yield "Parts", PARTS_TEXT, ["part", "seconds", ""], [[name, number(part.get("took_seconds")), part.get("error", "")]
                                                        for name, part in results["parts"].items()]
    yield "Machine and versions", "", ["", ""], [[name, str(value)] for name, value in results.get("machine", {}).items()]
