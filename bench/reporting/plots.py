"""The plots of a report, as SVG texts. Needs matplotlib (package python3-matplotlib)."""
import io
import re
import statistics

from reporting.summary import MIB, PAIR_BYTES, Missing, megabytes, rates

# Okabe and Ito's colours, which colour-blind people can tell apart.
COLOURS = {"Starling": "#d55e00", "Starling, durable = quorum": "#e69f00",
           "Starling, sync until merge": "#e69f00", "raw TLS sharded": "#0072b2", "raw TLS star": "#56b4e9",
           "gRPC mTLS star": "#009e73", "gloo ring, no TLS": "#999999", "MPI ring, no TLS": "#555555", "disk": "#cc79a7"}
PHASES = ("#0072b2", "#56b4e9", "#d55e00", "#e69f00", "#009e73")
RULES = {"mean": "#d55e00", "coordinate-median": "#0072b2", "trimmed-mean": "#009e73", "krum": "#cc79a7",
         "geometric-median": "#e69f00", "centred-clipping": "#56b4e9"}


def new_plot(width=7.2, height=4.0):
    import matplotlib
    matplotlib.use("Agg")
    # Text stays text, in the page's font; no dates and random names, so that equal results give equal files.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "starling", "font.family": "sans-serif", "font.size": 10,
                                "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e4e4e4",
                                "axes.axisbelow": True, "legend.frameon": False})
    from matplotlib import pyplot
    return pyplot.subplots(figsize=(width, height), layout="constrained")


def svg(figure, label):
    from matplotlib import pyplot
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    text = out.getvalue()
    text = text[text.index("<svg"):]
    # Sizes come from the page; identifiers must differ between the plots of one page.
    prefix = re.sub(r"\W+", "", label.lower())
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", text)
    text = re.sub(r'<metadata>.*?</metadata>', "", text, flags=re.S)
    return re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img" xmlns="http://www.w3.org/2000/svg" '
                  r'xmlns:xlink="http://www.w3.org/1999/xlink">', text, count=1)


def round_times(cases, size, label="round"):
    """Round time against members, one line for each library."""
    figure, axes = new_plot()
    chosen = sorted((case for case in cases if case["bytes"] == size), key=lambda case: case["members"])
    names = dict.fromkeys(name for case in chosen for name in case["runs"])
    for name in names:
        points = [(case["members"], [1000 * s for s in case["runs"][name]["seconds"]]) for case in chosen if name in case["runs"]]
        middles = [statistics.median(values) for _, values in points]
        spread = [[m - min(v) for m, (_, v) in zip(middles, points)], [max(v) - m for m, (_, v) in zip(middles, points)]]
        ours = name.startswith("Starling")
        axes.errorbar([n for n, _ in points], middles, yerr=spread, label=name, color=COLOURS.get(name, "#000000"), capsize=3,
                      marker="o", markersize=6 if ours else 4, linewidth=2.6 if ours else 1.4,
                      linestyle=":" if name == "disk" else "-", elinewidth=0.8)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    members = [case["members"] for case in chosen]
    axes.set_xticks(members, [str(n) for n in members])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(plain_locator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.3g}" if value < 1000 else f"{value:,.0f}")
    axes.set_xlabel("members")
    axes.set_ylabel("ms a round (log)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return svg(figure, f"{label} {size}")


def plain_locator():
    from matplotlib.ticker import LogLocator
    return LogLocator(base=10, subs=(1.0, 2.0, 5.0))


def phases(cases, size):
    """Time by phase, a stacked bar for each number of members."""
    figure, axes = new_plot(height=2.6)
    chosen = sorted((case for case in cases if case["bytes"] == size), key=lambda case: -case["members"])
    rows = [f"{case['members']} members" for case in chosen]
    found = [case["runs"]["Starling"]["phases"] for case in chosen]
    left = [0.0] * len(chosen)
    for name, colour in zip(found[0][0], PHASES):
        widths = [1000 * statistics.median(p[name] for p in passes) for passes in found]
        axes.barh(rows, widths, left=left, color=colour, label=name, height=0.6)
        left = [a + b for a, b in zip(left, widths)]
    axes.set_xlabel("ms, medians")
    axes.grid(axis="y", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return svg(figure, f"phases {size}")


def kernels(results):
    """Throughput of the merge rules against what reading reaches."""
    found = rates(results)
    figure, axes = new_plot()
    read = sorted((n, rate / 1e9) for (name, n), rate in found.items() if name == "read")
    if read:
        axes.plot(*zip(*read), color="#000000", linestyle="--", label="reading")
        axes.plot([n for n, _ in read], [0.85 * rate for _, rate in read], color="#000000", linestyle=":", linewidth=1,
                  label="85 % of reading: goal of\nmean and median")
    for rule, colour in RULES.items():
        points = sorted((n, rate / 1e9) for (name, n), rate in found.items() if name == rule)
        if points:
            axes.plot(*zip(*points), color=colour, marker="o", markersize=4, label=rule)
        torch = {}
        for (name, n), rate in found.items():
            if name.startswith(f"{rule}, torch"):
                torch[n] = max(rate / 1e9, torch.get(n, 0.0))
        if torch:
            axes.plot(*zip(*sorted(torch.items())), color=colour, marker="x", markersize=5, linewidth=0.8, linestyle="-.")
    if any(", torch" in name for name, _ in found):
        axes.plot([], [], color="#777777", marker="x", linewidth=0.8, linestyle="-.", label="same rule, best of libtorch")
    ticks = sorted({n for _, n in found})
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(plain_locator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xlabel("inputs")
    axes.set_ylabel("GB/s of input (log)")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return svg(figure, "kernels")


def memory(found):
    """Memory that the swarm adds to a member, against the goal."""
    figure, axes = new_plot(height=2.8)
    cases = sorted(found["members"], key=lambda case: case["members"])
    rows = [str(case["members"]) for case in cases]
    added = [max(case["pair_peak_mib"]) - found["program_alone_mib"] for case in cases]
    goal = (3 * found["bytes"] + PAIR_BYTES) / MIB
    axes.bar(rows, added, width=0.5, color=["#0072b2" if value <= goal else "#d55e00" for value in added], label="added, largest member")
    axes.axhline(goal, color="#000000", linestyle="--", linewidth=1, label="goal: 3 models + 64 MB")
    axes.axhline(found["bytes"] / MIB, color="#999999", linestyle=":", linewidth=1, label="one model")
    for i, value in enumerate(added):
        axes.annotate(f"{value:.0f}", (i, value), xytext=(0, -5), textcoords="offset points", ha="center", va="top", color="white")
    axes.set_ylim(0, 1.1 * max(goal, *added))
    axes.set_xlabel("members")
    axes.set_ylabel("MiB")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return svg(figure, "memory")


def plots(results):
    """[(title, SVG)] of what was measured."""
    data = {name: part["data"] for name, part in results["parts"].items() if "data" in part}
    found = []
    for size in sorted({case["bytes"] for case in data.get("round", [])}, reverse=True):
        found.append((f"Time of a round, {megabytes(size)}: medians, bars from the fastest to the slowest", round_times(data["round"], size)))
        found.append((f"Phases of Starling's round, {megabytes(size)}", phases(data["round"], size)))
    if data.get("pauses"):
        found.append((f"Time of a round after a pause, {megabytes(data['pauses'][0]['bytes'])}: medians, bars from the fastest to the slowest",
                      round_times(data["pauses"], data["pauses"][0]["bytes"], "pauses")))
    if "merge" in data:
        try:
            found.append(("Merge rules: input read a second, one thread", kernels(results)))
        except Missing:
            pass
    if "memory" in data:
        found.append((f"Memory that a swarm adds to a member, model of {megabytes(data['memory']['bytes'])}", memory(data["memory"])))
    return found
