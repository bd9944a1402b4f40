"""Statistics that one odd value does not spoil."""
import statistics


def mad(values):
    """Median of the absolute deviations from the median."""
    middle = statistics.median(values)
    return statistics.median(abs(value - middle) for value in values)


def combined_rows(rows, middle=statistics.median):
    """One of several equal rows of a calibration table: each number, and each one of a list of numbers, is their `middle`."""
    def combined(values):
        return [middle(at) for at in zip(*values)] if isinstance(values[0], list) else middle(values)
    return {key: combined([row[key] for row in rows]) for key in rows[0]}


def relative_spread(values):
    """MAD / median, scaled to a standard deviation of normally distributed values; 0 of fewer than three values."""
    return 1.4826 * mad(values) / statistics.median(values) if len(values) > 2 and statistics.median(values) > 0 else 0.0


def quantile(values, part):
    """By linear interpolation. `part`: 0 the least, 1 the largest."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def ranks(values):
    """Ranks from 1; equal values share the mean of theirs."""
    order = sorted(values)
    return [(2 * order.index(value) + order.count(value) + 1) / 2 for value in values]


def spearman(first, second):
    """Spearman's rank correlation, from -1 to 1; 0 if one of them is constant."""
    a, b = ranks(first), ranks(second)
    mean_a, mean_b = statistics.fmean(a), statistics.fmean(b)
    both = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b))
    square = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    return both / square ** 0.5 if square > 0 else 0.0
