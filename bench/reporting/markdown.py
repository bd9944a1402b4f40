"""report.md: the same tables as the page, without the plots."""
import re

from reporting.tables import tables


def cell(text):
    return re.sub(r"([|<>*_`\[\]\\])", r"\\\1", text)


def table(head, rows):
    lines = ["| " + " | ".join(map(cell, head)) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(map(cell, row)) + " |" for row in rows]


def markdown(results, summary):
    lines = [f"# Starling beside its peers, {results.get('date', 'undated')}", ""]
    if results.get("quick"):
        lines += ["A quick run, to see that all works: its figures are not exact.", ""]
    for title, text, head, rows in tables(results, summary):
        lines += [f"## {title}", "", *([text, ""] if text else []), *table(head, rows), ""]
    return "\n".join(lines)
