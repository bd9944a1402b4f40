"""The plot of a sweep's results, as SVG text: what a round takes, what is sent, and energy where there is any."""
import os
import statistics

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")  # Okabe and Ito's
LINES_MAX = 12


class PlotError(Exception):
    """The results can't be drawn; the text says why."""


def short(value):
    """A value of an axis for people: paths without their folders, no faults as "none"."""
    if isinstance(value, str) and "/" in value:
        return os.path.basename(value)
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def varied(results):
    """Names of the axes with more than one value, in their order, without seeds: those are the spread of a value."""
    names = dict.fromkeys(name for line in results for name in line["point"])
    return [name for name in names if name != "seed" and len({short(line["point"].get(name)) for line in results}) > 1]


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def chosen_axis(results, wanted):
    """The horizontal axis: the one asked for, by its name or the end of it, else the first of numbers, else the first."""
    axes = varied(results)
    if wanted:
        found = [name for name in axes if name == wanted or name.split(".", 1)[-1] == wanted]
        if not found:
            raise PlotError(f"--x {wanted}: the results have different values of {', '.join(axes) or 'seed only'}")
        return found[0]
    numbers = [name for name in axes if all(is_number(line["point"].get(name)) for line in results)]
    return (numbers + axes + ["seed"])[0]


def lines_of(results, axis, value_of):
    """{name of a line: [(x, median, lowest, highest)]} over the seeds of each point."""
    others = [name for name in varied(results) if name != axis]
    groups = {}
    for line in results:
        value = value_of(line)
        if value is not None:
            name = ", ".join(f"{other.split('.', 1)[-1]} {short(line['point'].get(other))}" for other in others)
            x = line["point"].get(axis, 1)
            groups.setdefault(name, {}).setdefault(x if is_number(x) else short(x), []).append(value)
    return {name: sorted(((x, statistics.median(values), min(values), max(values)) for x, values in points.items()),
                         key=lambda row: row[0] if is_number(row[0]) else 0)  # texts stay in the order of the results
            for name, points in groups.items()}


PANELS = (
    ("s a round, median", lambda line: statistics.median(line["round_seconds"]) if line["round_seconds"] else None),
    ("MB sent in a run", lambda line: line["bytes_sent"] / 1e6),
    ("kJ in a run", lambda line: line["energy_joules"] / 1e3 if line.get("energy_joules") else None),
)


def draw(axes, lines):
    """The lines on one panel; text on the horizontal axis is in the order of the results."""
    texts = list(dict.fromkeys(x for points in lines.values() for x, *_ in points if not is_number(x)))
    for number, (name, points) in enumerate(lines.items()):
        places = [texts.index(x) if texts else x for x, *_ in points]
        middles = [middle for _, middle, _, _ in points]
        spread = [[middle - low for _, middle, low, _ in points], [high - middle for _, middle, _, high in points]]
        axes.errorbar(places, middles, yerr=spread, label=name or None, marker="o", capsize=3, color=COLOURS[number % len(COLOURS)],
                      linestyle="-" if number < len(COLOURS) else "--")
    places = [x for points in lines.values() for x, *_ in points]
    if texts:
        axes.set_xticks(range(len(texts)), texts)
        axes.set_xlim(-0.5, len(texts) - 0.5)
    elif min(places) > 0 and max(places) >= 20 * min(places):
        axes.set_xscale("log")
    axes.set_ylim(bottom=0)


def plot(results, wanted=None):
    """The SVG text of the results, which are lines of swarm-sweep. Raises PlotError, and ImportError without matplotlib."""
    from reporting import plots
    results = [line for line in results if "error" not in line]
    if not results:
        raise PlotError("there is no result to draw")
    axis = chosen_axis(results, wanted)
    panels = [(label, lines) for label, value_of in PANELS if (lines := lines_of(results, axis, value_of))]
    most = max(len(lines) for _, lines in panels)
    if most > LINES_MAX:
        raise PlotError(f"{most} lines in one plot, at most {LINES_MAX}: --x another axis, or a smaller grid")
    figure, _ = plots.new_plot(height=3.0 * len(panels))
    figure.clear()
    for number, (label, lines) in enumerate(panels):
        axes = figure.add_subplot(len(panels), 1, number + 1)
        draw(axes, lines)
        axes.set_ylabel(label)
        axes.set_xlabel(axis.split(".", 1)[-1])
        if number == 0 and most > 1:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return plots.svg(figure, "sweep")
