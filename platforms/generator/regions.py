"""Latencies between regions of one cloud provider."""

LATENCY_SOURCE = [
    "Latencies are averages",
    "that IBM publishes for its regions (documentation of IBM Cloud VPC, \"Network latency\", 18 October to",
    "16 November 2025; github.com/ibm-cloud-docs/vpc), in whole milliseconds and the mean of both directions. They",
    "are round trips (London to Washington 76 ms: light in glass needs 29 ms one way)."]

REGIONS = ["washington", "frankfurt", "tokyo", "sao-paulo", "sydney", "chennai", "london", "dallas"]

# Round trips in milliseconds; row r has those to the regions before r.
ROUND_TRIPS_MS = [
    [],
    [86],
    [141, 224],
    [116, 194, 282],
    [214, 250, 118, 324],
    [237, 141, 100, 354, 125],
    [76, 13, 236, 185, 260, 143],
    [32, 122, 142, 142, 185, 246, 112],
]


def one_way_seconds(region, other):
    """Half of the round trip between two different regions."""
    first, second = sorted((REGIONS.index(region), REGIONS.index(other)))
    return ROUND_TRIPS_MS[second][first] / 2000.0
