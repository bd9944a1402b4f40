"""The grid of a sweep: its points, their names, and the rehearsal of one."""
import hashlib
import itertools
import json
import os
import xml.etree.ElementTree as ElementTree

from prediction import rehearsal

LISTS = ("platform", "deployment", "calibration", "seed", "cores_shared", "faults")
KEYS = set(LISTS) | {"environment", "properties"}


class GridError(Exception):
    """The file of the sweep is not one; the text says why."""


def read_points(path):
    """[{name: value}] of the grid in a JSON file: every combination of the values that it lists. Paths are relative to it."""
    with open(path) as text:
        try:
            grid = json.load(text)
        except json.JSONDecodeError as error:
            raise GridError(f"{path}: {error}") from None
    if not isinstance(grid, dict) or set(grid) - KEYS or not {"platform", "deployment"} <= set(grid):
        raise GridError(f"{path}: an object with platform and deployment, and any of {', '.join(sorted(KEYS - {'platform', 'deployment'}))}")
    axes = []
    for key in LISTS:
        if key in grid:
            values = grid[key] if isinstance(grid[key], list) else [grid[key]]
            axes.append([(key, value) for value in values])
    for group in ("environment", "properties"):
        if not isinstance(grid.get(group, {}), dict):
            raise GridError(f"{path}: {group} is an object of names and lists of values")
        for name, values in grid.get(group, {}).items():
            axes.append([(f"{group}.{name}", value) for value in (values if isinstance(values, list) else [values])])
    if any(not axis for axis in axes):
        raise GridError(f"{path}: an empty list has no combination")
    folder = os.path.dirname(os.path.abspath(path))
    points = [dict(combination) for combination in itertools.product(*axes)]
    for point in points:
        for key in ("platform", "deployment", "calibration"):
            if point.get(key):
                point[key] = os.path.join(folder, point[key])
    return points


def point_id(point):
    """A name for a point, the same in every run, until it or one of its files changes."""
    digest = hashlib.sha256(json.dumps(point, sort_keys=True).encode())
    for key in ("platform", "deployment", "calibration"):
        if point.get(key):
            with open(point[key], "rb") as content:
                digest.update(hashlib.sha256(content.read()).digest())
    return digest.hexdigest()[:16]


def with_properties(text, changes):
    """A deployment in which each actor with a program has these properties, in place of its own."""
    root = ElementTree.fromstring(text)
    for actor in root.iter("actor"):
        if actor.get("function") == "ml" or any(a.get("value", "").startswith("--ml-") for a in actor.iter("argument")):
            for prop in [prop for prop in actor.findall("prop") if prop.get("id") in changes]:
                actor.remove(prop)
            for name, value in changes.items():
                actor.append(ElementTree.Element("prop", id=name, value=str(value)))
    return rehearsal.document(root)


def start(point, bin_dir):
    """The rehearsal of a point, which runs in a process of its own."""
    with open(point["deployment"]) as content:
        text = content.read()
    changes = {group: {name.split(".", 1)[1]: value for name, value in point.items() if name.startswith(group + ".")}
               for group in ("environment", "properties")}
    text = with_properties(rehearsal.with_environment(text, changes["environment"]), changes["properties"])
    flags = [word for fault in point.get("faults") or [] for word in ("--fault", fault)]
    return rehearsal.Rehearsal(bin_dir, point["platform"], text, point.get("calibration"), point.get("seed", 1), point.get("cores_shared"), flags)


def result_line(point, run):
    """What a sweep keeps of a point: one line of JSON."""
    line = {"id": point_id(point), "point": point}
    try:
        found = run.finish()
        wanted = ("exit_code", "round_count", "simulated_seconds", "exchange_seconds_median", "bytes_sent", "bytes_lost", "final_digest")
        if found.get("energy"):  # the platform has watts
            parts = [*found["energy"]["hosts"], found["energy"]["links"]]
            line["energy_joules"] = round(sum(part["joules"] for part in parts), 3)
        line |= {key: found[key] for key in wanted} | {"phases": found["phases"], "round_seconds": [row["round"] for row in found["rounds_measured"]]}
    except rehearsal.RehearsalError as error:
        line["error"] = str(error)
    return line
