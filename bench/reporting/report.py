"""Writes the files of a report."""
import json

from reporting.errors import BenchError
from reporting.markdown import markdown
from reporting.page import page
from reporting.plots import plots
from reporting.summary import summarize


def require_plots():
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise BenchError(f"report.html needs plots: {error}: package python3-matplotlib (deploy/install-deps --bench), which "
                         "is for Debian's own /usr/bin/python3") from None


def write_report(results, folder):
    """summary.json, report.md and report.html in `folder`. \\return (goals that hold, goals)"""
    summary = summarize(results)
    with open(f"{folder}/summary.json", "w") as file:
        json.dump(summary, file, indent=1)
        file.write("\n")
    with open(f"{folder}/report.md", "w", encoding="utf-8") as file:
        file.write(markdown(results, summary))
    require_plots()
    pictures = plots(results)
    with open(f"{folder}/report.html", "w", encoding="utf-8") as file:
        file.write(page(results, summary, pictures))
    ratios = summary["ratios"].values()
    return sum(ratio["holds"] for ratio in ratios), len(ratios)
