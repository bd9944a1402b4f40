"""Which elements and attributes a SimGrid 4.1 platform or deployment file may have, and where.

Written after SimGrid's documentation ("XML reference") of what it reads today: deprecated elements are not listed. Debian
installs no simgrid.dtd. SimGrid's own parser is generated from the DTD, so that loading a file is a second check.
"""
import re
import xml.etree.ElementTree as ElementTree

SPEED = r"[\d.]+[kMGTP]?f(,\s*[\d.]+[kMGTP]?f)*"
BANDWIDTH = r"[\d.]+([kMGTPE]|[KMGTPE]i)?[bB]ps"
BANDWIDTHS = f"{BANDWIDTH}(,\\s*{BANDWIDTH})*"
LATENCY = r"0|[\d.]+(w|d|h|m|s|ms|us|ns|ps)"
NUMBER = r"-?[\d.]+"
TEXT = r"(?s).*"
SOME = r"(?s).+"

# What has hosts, and what has zones: the leaves and the inner nodes of the tree of zones.
OUTER = "zone|cluster|cabinet|peer|link|backbone|trace|trace_connect"
INNER = "host|router|cabinet|link|backbone|host_link|trace|trace_connect"


def several(names):
    return f"(?:(?:{names}) )*"


# Element: (children, in order and each followed by a space; required attributes; optional ones), with a form for each value.
ELEMENTS = {
    "platform": (several("config") + several("zone|cluster|cabinet|peer|trace|trace_connect") + several("actor"),
                 {"version": r"4\.1"}, {}),
    "config": (several("prop"), {}, {"id": TEXT}),
    "prop": ("", {"id": SOME, "value": TEXT}, {}),
    "zone": (several("prop") + "(?:" + several(OUTER) + several("zoneRoute|bypassZoneRoute|trace|trace_connect") + "|" +
             several(INNER) + several("route|bypassRoute|trace|trace_connect") + ")",
             {"id": SOME, "routing": "Full|Floyd|Dijkstra|DijkstraCache|Cluster|Vivaldi|Wifi|WIFI|None|Star"}, {}),
    "host": (several("disk|prop"), {"id": SOME, "speed": SPEED},
             {"core": r"\d+", "speed_file": TEXT, "state_file": TEXT, "coordinates": TEXT, "pstate": r"\d+"}),
    "disk": (several("prop"), {"id": SOME, "read_bw": BANDWIDTH, "write_bw": BANDWIDTH}, {}),
    "host_link": ("", {"id": SOME, "up": SOME, "down": SOME}, {}),
    "router": ("", {"id": SOME}, {"coordinates": TEXT}),
    "peer": ("", {"id": SOME, "speed": SPEED, "bw_in": BANDWIDTH, "bw_out": BANDWIDTH},
             {"lat": LATENCY, "coordinates": TEXT, "speed_file": TEXT, "state_file": TEXT}),
    "cluster": (several("prop"), {"id": SOME, "prefix": TEXT, "suffix": TEXT, "radical": r"[\d,\- ]+", "speed": SPEED,
                                  "bw": BANDWIDTH, "lat": LATENCY},
                {"core": r"\d+", "sharing_policy": "SHARED|SPLITDUPLEX|FATPIPE", "topology": "FLAT|TORUS|FAT_TREE|DRAGONFLY",
                 "topo_parameters": r"[\d,;]*", "bb_bw": BANDWIDTH, "bb_lat": LATENCY, "bb_sharing_policy": "SHARED|FATPIPE",
                 "router_id": TEXT, "limiter_link": BANDWIDTH, "loopback_bw": BANDWIDTH, "loopback_lat": LATENCY}),
    "cabinet": ("", {"id": SOME, "prefix": TEXT, "suffix": TEXT, "radical": r"[\d,\- ]+", "speed": SPEED, "bw": BANDWIDTH,
                     "lat": LATENCY}, {}),
    "backbone": ("", {"id": SOME, "bandwidth": BANDWIDTH, "latency": LATENCY}, {}),
    "link": (several("prop"), {"id": SOME, "bandwidth": BANDWIDTHS},
             {"latency": LATENCY, "sharing_policy": "SHARED|SPLITDUPLEX|FATPIPE|WIFI", "bandwidth_file": TEXT,
              "latency_file": TEXT, "state_file": TEXT}),
    "link_ctn": ("", {"id": SOME}, {"direction": "UP|DOWN|NONE"}),
    "route": (several("link_ctn"), {"src": SOME, "dst": SOME}, {"symmetrical": "YES|NO|yes|no"}),
    "bypassRoute": (several("link_ctn"), {"src": SOME, "dst": SOME}, {}),
    "zoneRoute": (several("link_ctn"), {"src": SOME, "dst": SOME, "gw_src": SOME, "gw_dst": SOME},
                  {"symmetrical": "YES|NO|yes|no"}),
    "bypassZoneRoute": (several("link_ctn"), {"src": SOME, "dst": SOME, "gw_src": SOME, "gw_dst": SOME}, {}),
    "trace": ("", {"id": SOME, "periodicity": NUMBER}, {"file": TEXT}),
    "trace_connect": ("", {"trace": SOME, "element": SOME}, {"kind": "HOST_AVAIL|SPEED|LINK_AVAIL|BANDWIDTH|LATENCY"}),
    "actor": (several("argument|prop"), {"host": SOME, "function": SOME},
              {"start_time": NUMBER, "kill_time": NUMBER, "on_failure": "DIE|RESTART"}),
    "argument": ("", {"value": TEXT}, {}),
}
WITH_TEXT = {"trace"}
DOCTYPE = '<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">'


def element_findings(element):
    if element.tag not in ELEMENTS:
        yield f"there is no element {element.tag}"
        return
    children, required, optional = ELEMENTS[element.tag]
    name = element.tag + (f" {element.get('id')}" if element.get("id") else "")
    for attribute in sorted(required.keys() - element.attrib.keys()):
        yield f"{name} has no {attribute}"
    for attribute, value in element.attrib.items():
        form = required.get(attribute) or optional.get(attribute)
        if form is None:
            yield f"{name} has {attribute}, which {element.tag} does not have"
        elif not re.fullmatch(form, value):
            yield f"{name} has {attribute}='{value}', which is not of the form {form}"
    inside = "".join(f"{child.tag} " for child in element)
    if not re.fullmatch(children, inside):
        yield f"{name} has children that may not be there, or not in this order: {inside[:200]}"
    text = (element.text or "") + "".join(child.tail or "" for child in element)
    if text.strip() and element.tag not in WITH_TEXT:
        yield f"{name} has text: '{text.strip()[:40]}'"
    for child in element:
        yield from element_findings(child)


def findings(text):
    """What is wrong with a platform or deployment file; none: an empty list."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return [f"this is not XML: {error}"]
    wrong = [] if DOCTYPE in text else [f"there is no {DOCTYPE}"]
    if root.tag != "platform":
        wrong.append(f"the outermost element is {root.tag}, not platform")
    return wrong + list(element_findings(root))
