#!/usr/bin/env python3
"""One calibration table: costs of one, and the workloads of programs that were measured at the same time.

usage: owners_calibration.py COSTS NODE=PROGRAM... OUT

COSTS and the PROGRAMs are tables; of COSTS all is kept. Each workload of a PROGRAM becomes the row WORKLOAD@NODE, which the simulator
uses for the ML node of that name: two programs that share a machine may differ by a third for the time of a run, and each round waits
for the slower one, so a row that is the mean of both would be too fast. The row WORKLOAD, for other nodes, is that mean. Exit codes: 0; 1 a table
can't be read, or workloads differ.
"""
import json
import os
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../bench"))
from prediction.robust import combined_rows  # noqa: E402  (in bench, for which it is a library)


def read_table(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def main(costs, *programs, out):
    table = read_table(costs)
    rows = table.setdefault("workloads", {})
    measured = {node: read_table(path)["workloads"] for node, path in (program.split("=", 1) for program in programs)}
    names = next(iter(measured.values())).keys()
    if any(own.keys() != names for own in measured.values()):
        raise ValueError("the programs have different workloads")
    for name in names:
        rows[name] = combined_rows([own[name] for own in measured.values()], statistics.fmean)
        rows.update({f"{name}@{node}": own[name] for node, own in measured.items()})
    with open(out, "w", encoding="utf-8") as file:
        json.dump(table, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:-1], out=sys.argv[-1])
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"owners_calibration.py: {type(error).__name__}: {error}")
