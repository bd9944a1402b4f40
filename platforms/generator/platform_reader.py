"""The hosts of any SimGrid platform file."""
import itertools
import xml.etree.ElementTree as ElementTree

from .platform import Host
from .units import UsageError

HOSTS_MAX = 1000000


def numbers(radical):
    """The numbers of a cluster's hosts: "0-2,7" is 0, 1, 2, 7."""
    for part in radical.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def elements_with_zones(root):
    """(element, name of the innermost zone or cluster around it or that it is), in the order of the file."""
    open_elements = [(root, "")]
    while open_elements:
        element, zone = open_elements.pop()
        if element.tag in ("zone", "AS", "cluster", "cabinet"):
            zone = element.get("id", "")
        yield element, zone
        open_elements += [(child, zone) for child in reversed(element)]


def read_platform(path):
    """(hosts in the order of the file, each with its zone or cluster as site; whether something fails by a profile)."""
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # also an encoding that Python lacks
        raise UsageError(f"{path} is not XML: {error}") from error
    hosts, may_fail = [], False
    for element, zone in elements_with_zones(root):
        may_fail |= element.tag == "trace_connect" or any(
            name.endswith("_file") and value for name, value in element.attrib.items())
        if element.tag in ("host", "peer"):
            name = element.get("id", "")
            address = [prop.get("value") for prop in element.iter("prop") if prop.get("id") == "ip"]
            hosts.append(Host(name, address[0] if address else name, zone))
        elif element.tag in ("cluster", "cabinet"):
            try:
                names = [f"{element.get('prefix', '')}{number}{element.get('suffix', '')}"
                         for number in itertools.islice(numbers(element.get("radical", "")), HOSTS_MAX + 1)]
            except ValueError as error:
                raise UsageError(f"{path}: the radical '{element.get('radical')}' of {element.get('id')} has no "
                                 "form such as 0-9,12") from error
            hosts += [Host(name, name, zone) for name in names]
        if len(hosts) > HOSTS_MAX:
            raise UsageError(f"{path} names more than {HOSTS_MAX} hosts")
    if not hosts:
        raise UsageError(f"{path} names no hosts")
    return hosts, may_fail
