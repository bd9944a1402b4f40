"""report.html: one page that loads nothing else."""
import html

from reporting.tables import tables

STYLE = """
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0.2rem } h2 { font-size: 1.15rem; margin: 2.2rem 0 0.4rem }
p { margin: 0.3rem 0 } .quick { background: #fff3cd; padding: 0.5rem 0.8rem; border-radius: 4px }
.score { color: #555 }
table { border-collapse: collapse; width: 100%; font-size: 0.86rem; margin-top: 0.5rem; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: 0.25rem 0.6rem; border-bottom: 1px solid #e4e4e4; vertical-align: top }
th:first-child, td:first-child, table.words td, table.goals :is(th, td):last-child { text-align: left }
th { color: #555; font-weight: 600; border-bottom: 2px solid #bbb }
tr.ours td { font-weight: 600 }
td { white-space: nowrap } td:first-child, td:last-child { white-space: normal }
td.holds { color: #00694d; white-space: nowrap } td.missed { color: #a33b00; font-weight: 600; white-space: nowrap } td.none { color: #777 }
figure { margin: 1.6rem 0 } figcaption { font-weight: 600; margin-bottom: 0.3rem } svg { width: 100%; height: auto; font-family: inherit }
details { margin-top: 2.2rem } summary { font-size: 1.15rem; font-weight: 600; cursor: pointer }
"""
CLASSES = {"Machine and versions": " class=words", "Parts": " class=words", "Goals": " class=goals"}
FOLDED = ("Beside the peers",)


def cell(text, table):
    kind = ""
    if table == "Goals":
        kind = {"holds": "holds", "missed": "missed"}.get(text, "none" if text.startswith("not measured") else "")
    return f"<td{f' class={kind}' if kind else ''}>{html.escape(text)}</td>"


def table(title, text, head, rows):
    lines = [f"<p>{html.escape(text)}</p>" if text else "", f"<table{CLASSES.get(title, '')}>"]
    if any(head):
        lines.append("<thead><tr>" + "".join(f"<th>{html.escape(word)}</th>" for word in head) + "</tr></thead>")
    lines.append("<tbody>")
    for row in rows:
        ours = ' class="ours"' if row[0].startswith("Starling") and title.startswith("Round") else ""
        lines.append(f"<tr{ours}>" + "".join(cell(word, title) for word in row) + "</tr>")
    return "\n".join(lines + ["</tbody></table>"])


def page(results, summary, plots):
    """`plots`: [(title, SVG)]; the SVG is taken as it is."""
    ratios = list(summary["ratios"].values())
    title = f"Starling beside its peers, {results.get('date', 'undated')}"
    machine = results.get("machine", {})
    lines = ["<!doctype html>", '<html lang="en"><head><meta charset="utf-8">', '<meta name="viewport" content="width=device-width">',
             f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>", f"<h1>{html.escape(title)}</h1>"]
    held = sum(ratio["holds"] for ratio in ratios)
    absent = sum(ratio["got"] is None for ratio in ratios)
    lines.append(f'<p class="score">{held} of {len(ratios)} goals hold, {len(ratios) - held - absent} are missed'
                 f"{f', {absent} were not measured' if absent else ''}. "
                 f"{html.escape(', '.join(str(machine[key]) for key in ('CPU', 'memory', 'kernel') if key in machine))}"
                 f"{', ' + html.escape(str(machine['cores'])) + ' cores' if 'cores' in machine else ''}.</p>")
    if results.get("quick"):
        lines.append('<p class="quick">A quick run, to see that all works: its figures are not exact.</p>')
    for heading, svg in plots:
        lines.append(f"<figure><figcaption>{html.escape(heading)}</figcaption>{svg}</figure>")
    for heading, text, head, rows in tables(results, summary):
        body = table(heading, text, head, rows)
        lines.append(f"<details><summary>{html.escape(heading)}</summary>{body}</details>" if heading in FOLDED
                     else f"<h2>{html.escape(heading)}</h2>{body}")
    return "\n".join(lines + ["</body></html>", ""])
