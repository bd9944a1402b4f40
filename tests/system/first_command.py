#!/usr/bin/env python3
"""Runs the README's first command as a new user does: one page of output, and a swarm that beats training alone.

usage: first_command.py RUN WORKSPACE [ARGUMENTS...]
"""
import json
import os
import re
import subprocess
import sys

LINES_MAX = 45
COLUMNS_MAX = 120


def main():
    run, workspace = sys.argv[1:3]
    done = subprocess.run([run, "--no-install", "--workspace", workspace] + sys.argv[3:], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    wrong = [] if done.returncode == 0 else [f"exit code {done.returncode}"]
    # On a terminal, progress is a single line that is erased at the end.
    page = [line for line in done.stdout.splitlines() if not re.search(r": \d+ %.* left", line)]
    if len(page) > LINES_MAX or max(map(len, page)) > COLUMNS_MAX:
        wrong.append(f"{len(page)} lines of up to {max(map(len, page))} columns, more than a page")
    for part in ("1. Rehearsal", "2. Real run", "3. Side by side", "by chance", "alone", "Results in", "Next:"):
        if part not in done.stdout:
            wrong.append(f"'{part}' is missing")
    if not wrong:
        with open(os.path.join(workspace, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        chance = 1 / report["classes"]
        for owner, alone in report["alone"].items():
            together = report["measured"]["accuracy"][owner]
            if together < 0.7 or together <= alone or alone <= chance:
                wrong.append(f"{owner}: {together} in the swarm, {alone} alone, {chance} by chance")
            if report["predicted"]["accuracy"][owner] != together:
                wrong.append(f"{owner}: rehearsed and real accuracy differ")
        if sorted(report["alone"]) != ["ml1", "ml2"]:
            wrong.append(f"alone trained {sorted(report['alone'])}")
        digests = {d for part in ("predicted", "measured") for d in report[part]["final_digest"].values()}
        if len(digests) != 1:
            wrong.append(f"{len(digests)} final models")
    print("\n".join(wrong) if wrong else "first_command.py: no errors")
    return 1 if wrong else 0


sys.exit(main())
