"""The table of predicted and measured rounds, and what it says as a whole."""
import statistics

from prediction.robust import quantile, relative_spread, spearman
from prediction.traces import PHASES


def spread(times):
    """The noise floor: of three runs and more see relative_spread(), of two half of their difference, of one None."""
    if len(times) > 2:
        return relative_spread(times)
    return (max(times) - min(times)) / 2 / statistics.median(times) if len(times) == 2 else None


def row(case, runs, simulated):
    """Figures of a configuration. Errors are signed: (simulated - measured) / measured round."""
    times = [run["phases"]["round"] for run in runs]
    measured = statistics.median(times)
    phases = {phase: statistics.median(run["phases"][phase] for run in runs) for phase, *_ in PHASES}
    sent = statistics.median(run["sent_bytes"] for run in runs)
    busiest = 2 * case["bytes"] * (case["members"] - 1) / case["members"]
    return {
        "name": case["name"], "runs": len(runs), "measured": measured, "spread": spread(times), "simulated": simulated["phases"]["round"],
        "error": simulated["phases"]["round"] / measured - 1, "uncalibrated_error": simulated["uncalibrated"]["round"] / measured - 1,
        "naive_error": busiest * 8 / (case.get("slow_rate") or case["rate"]) / measured - 1 if case["rate"] else None,
        "phase_errors": {phase: (simulated["phases"][phase] - seconds) / measured for phase, seconds in phases.items()},
        "bytes_difference": simulated["sent_bytes"] / sent - 1 if sent else None,
        "same_order": all([tuple(step) for step in run["order"]] == simulated["order"] for run in runs),
    }


def summary(rows):
    errors = [abs(one["error"]) for one in rows]
    plain = [abs(one["uncalibrated_error"]) for one in rows]
    naive = [abs(one["naive_error"]) for one in rows if one["naive_error"] is not None]
    return {
        "configurations": len(rows), "median": statistics.median(errors), "p95": quantile(errors, 0.95), "largest": max(errors),
        "spearman": spearman([one["simulated"] for one in rows], [one["measured"] for one in rows]),
        "median_spread": statistics.median([one["spread"] for one in rows if one["spread"] is not None] or [0.0]),
        "uncalibrated_median": statistics.median(plain), "uncalibrated_largest": max(plain),
        "naive_median": statistics.median(naive) if naive else None, "naive_largest": max(naive) if naive else None,
        "bytes_equal": sum(one["bytes_difference"] == 0 for one in rows), "order_equal": sum(one["same_order"] for one in rows),
    }


def percent(part):
    return "–" if part is None else f"{100 * part:+.1f}"


def spread_text(part):
    return "–" if part is None else f"{100 * part:.1f} %"


def milliseconds(seconds):
    return f"{1000 * seconds:,.0f}" if seconds >= 0.1 else f"{1000 * seconds:.1f}"


def markdown(rows):
    names = [phase for phase, *_ in PHASES]
    lines = ["Milliseconds a round; errors in percent of the measured round.", "",
             "| configuration | runs | measured | spread | simulated | error | " + " | ".join(names) + " | bytes | order | no table | naive |",
             "|" + "---|" * (len(names) + 10)]
    for one in rows:
        phases = " | ".join(percent(one["phase_errors"][phase]) for phase in names)
        order = "same" if one["same_order"] else "differs"
        lines.append(f"| {one['name']} | {one['runs']} | {milliseconds(one['measured'])} | {spread_text(one['spread'])} | {milliseconds(one['simulated'])} | "
                     f"{percent(one['error'])} | {phases} | {percent(one['bytes_difference'])} | {order} | {percent(one['uncalibrated_error'])} | "
                     f"{percent(one['naive_error'])} |")
    total = summary(rows)
    naive = f"{100 * total['naive_median']:.1f} % (largest {100 * total['naive_largest']:.0f} %, where a rate is set)" if total["naive_median"] is not None else "–"
    lines += ["", f"{total['configurations']} configurations: absolute error median {100 * total['median']:.1f} %, p95 {100 * total['p95']:.1f} %, "
              f"largest {100 * total['largest']:.1f} %; Spearman {total['spearman']:.3f}; median spread of the runs {100 * total['median_spread']:.1f} %.",
              f"Without a table: median {100 * total['uncalibrated_median']:.1f} %, largest {100 * total['uncalibrated_largest']:.0f} %. "
              f"Naive formula: median {naive}.",
              f"Bytes of parameters equal in {total['bytes_equal']}, first events of all rounds in the same order in {total['order_equal']}."]
    return "\n".join(lines)
