"""Times of rounds by phase, from the traces of a real swarm or of a rehearsal, which have the same events."""
import re
import statistics

# Phase, the event that begins it, the event that ends it. Between two rounds a program trains. In most rounds members exchange
# before the round is frozen, and may have merged before (merged_early); the others begin once it is frozen.
MERGED = "merged"
PHASES = (("train", None, "sync_begin"), ("hand over", "sync_begin", "check_in"), ("exchange", "check_in", MERGED),
          ("commit", MERGED, "round_done"), ("take", "round_done", "sync_end"))
EVENTS = {event for _, *pair in PHASES for event in pair if event}
LINE = re.compile(r"(\d+) (\S+) (\w+) ?(.*)")


def events_of(path):
    """(nanoseconds since 1970, in a rehearsal since its start; node; event; its fields, as text) of each event."""
    epoch = 0
    with open(path) as lines:
        for line in lines:
            if line.startswith("#"):
                if start := re.match(r"# starling-trace .*epoch_ns=(\d+)", line):
                    epoch = int(start.group(1))
            elif event := LINE.match(line):
                yield epoch + int(event.group(1)), event.group(2), event.group(3), event.group(4)


def read_marks(paths):
    """{round: {event: {node: seconds}}}; of several attempts at a round the last (of merges the first). Real traces are put on one clock."""
    found = {}
    for path in paths:
        for when, node, event, fields in events_of(path):
            if event in ("merged_early", "exchange_done"):
                event = MERGED
            if event in EVENTS and (number := re.search(r"\b(?:round|sync)=(\d+)", fields)):
                times = found.setdefault(int(number.group(1)), {}).setdefault(event, {})
                if event != MERGED or node not in times:
                    times[node] = when / 1e9
    return found


def span(path, events):
    """Nanoseconds, as events_of(), of the first and the last of these events. ValueError: there is none."""
    times = [when for when, _, event, _ in events_of(path) if event in events]
    return min(times), max(times)


def order_of_events(paths):
    """(round, event) in the order in which each event of a round first happened on any node."""
    marks = read_marks(paths)
    firsts = sorted((min(times.values()), number, event) for number, events in marks.items() for event, times in events.items())
    return [(number, event) for _, number, event in firsts]


def sent_bytes(paths):
    """{SL: bytes of parameters that it sent in all rounds, by its own count}"""
    found = {}
    for path in paths:
        with open(path) as lines:
            for line in lines:
                if sent := re.match(r"\d+ (\S+) exchange_done .*\bsent_bytes=(\d+)", line):
                    found[sent.group(1)] = found.get(sent.group(1), 0) + int(sent.group(2))
    return found


def round_figures(paths, skip=2):
    """[{phase: seconds}] of the rounds that all nodes finished, without the first `skip` and the last.

    A phase lasts from the mean time at which nodes begin it to the mean time at which they end it, so phases add up to
    "round", the time from one round's end to the next; "sync" is that without "train". What goes on after the end of the
    sync (SyncUntil) is no part of it."""
    marks = read_marks(paths)
    whole = [number for number in sorted(marks) if EVENTS <= set(marks[number])]
    figures = []
    for before, number in list(zip(whole, whole[1:]))[max(0, skip - 1):-1]:
        mean = {event: statistics.fmean(times.values()) for event, times in marks[number].items()}
        mean = {event: min(time, mean["sync_end"]) for event, time in mean.items()}
        mean[None] = statistics.fmean(marks[before]["sync_end"].values())
        row = {phase: mean[end] - mean[begin] for phase, begin, end in PHASES}
        row["round"] = mean["sync_end"] - mean[None]
        row["sync"] = row["round"] - row["train"]
        figures.append(row)
    return figures


def medians(figures, middle=statistics.median):
    """{phase: median over the rounds, or another `middle`}"""
    return {phase: middle(row[phase] for row in figures) for phase in figures[0]} if figures else {}
