#!/usr/bin/env python3
"""One calibration table: costs of one, and the mean workloads of programs that were measured at the same time.

usage: mean_calibration.py COSTS PROGRAM... OUT

Programs that share a machine differ by up to a tenth though they do the same; a rehearsal has one row for all. COSTS and PROGRAM...
are tables; of COSTS all is kept but these workloads. Exit codes: 0; 1 a table can't be read, or workloads differ.
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
    found = [read_table(program)["workloads"] for program in programs]
    table.setdefault("workloads", {}).update({name: combined_rows([rows[name] for rows in found], statistics.fmean) for name in found[0]})
    with open(out, "w", encoding="utf-8") as file:
        json.dump(table, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:-1], out=sys.argv[-1])
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"mean_calibration.py: {type(error).__name__}: {error}")
