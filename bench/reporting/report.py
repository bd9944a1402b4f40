"""Writes the files of a report."""
import json

from reporting.markdown import markdown
from reporting.summary import summarize


def write_report(results, folder):
    """summary.json and report.md in `folder`. \\return (goals that hold, goals)"""
    summary = summarize(results)
    with open(f"{folder}/summary.json", "w") as file:
        json.dump(summary, file, indent=1)
        file.write("\n")
    with open(f"{folder}/report.md", "w", encoding="utf-8") as file:
        file.write(markdown(results, summary))
    ratios = summary["ratios"].values()
    return sum(ratio["holds"] for ratio in ratios), len(ratios)
