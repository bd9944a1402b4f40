"""Speeds, bandwidths and latencies as SimGrid writes them, and errors that the user is told about."""
import argparse
import re

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class UsageError(Exception):
    """What is wrong with an argument or a file; the program ends with exit code 2."""


def _quantity(what, pattern, example):
    form = re.compile(rf"(\d+(?:\.\d+)?)({pattern})")

    def check(text):
        match = form.fullmatch(text)
        if not match or float(match[1]) <= 0:
            raise argparse.ArgumentTypeError(f"'{text}' is not a {what} above 0 with its unit, such as {example}")
        return text

    return check


speed = _quantity("speed", "[kMGT]?f", "1Gf or 250Mf")
bandwidth = _quantity("bandwidth", "[kMGT]?(?:bps|Bps)", "100Mbps or 1.25GBps")
latency = _quantity("latency", "s|ms|us|ns", "10ms or 50us")


def seconds(text):
    """A latency in seconds."""
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()
    return float(number) * SECONDS[unit]


def microseconds(value):
    """Seconds as SimGrid's text, without the noise of floating point: 0.005 -> 5000us."""
    return f"{value * 1e6:.6g}us"


def whole(low, high):
    """A type of argparse: a whole number from low to high."""

    def check(text):
        if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from {low} to {high}")
        return int(text)

    return check


def number(low, high):
    """A type of argparse: a number from low to high."""

    def check(text):
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low:g} to {high:g}")
        return value

    return check


def watts(text, count):
    """"15/18/45" as SimGrid's "15:18:45", of so many numbers from 0 on."""
    parts = text.split("/")
    if len(parts) != count or not all(re.fullmatch(r"\d+(\.\d+)?", part) for part in parts):
        raise UsageError(f"'{text}' is not {count} numbers of watts with / between them")
    return ":".join(parts)
