#!/usr/bin/env python3
"""Calibration tables of the same program, run twice at the same time, to one with the means of their workloads.

usage: mean_calibration.py TABLE OTHER OUT

Two programs that share a machine differ by up to a tenth though they do the same; a rehearsal has one row for both. All other
keys are those of TABLE. Exit codes: 0; 1 a table can't be read.
"""
import json
import sys


def mean_of(table, other):
    rows = {name: {key: (value + other["workloads"][name][key]) / 2 for key, value in row.items()}
            for name, row in table["workloads"].items()}
    return table | {"workloads": rows}


def main():
    tables = []
    for path in sys.argv[1:3]:
        with open(path, encoding="utf-8") as file:
            tables.append(json.load(file))
    with open(sys.argv[3], "w", encoding="utf-8") as out:
        json.dump(mean_of(*tables), out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        main()
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"mean_calibration.py: {type(error).__name__}: {error}")
