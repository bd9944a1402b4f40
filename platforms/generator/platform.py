"""A platform: hosts in SimGrid's clusters, which need the least memory and time for many hosts, and links between them."""
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

DOCTYPE = '<?xml version=\'1.0\'?>\n<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">\n'


@dataclass(frozen=True)
class Host:
    name: str
    address: str  # what --host-ip and --sn-ip say: its property `ip`, else its name
    site: str = ""  # hosts of one site are near to each other


@dataclass
class Platform:
    header: list  # lines of the comment: what is modelled, and why with these numbers
    hosts: list = field(default_factory=list)
    links: list = field(default_factory=list)  # XML elements, in the order of SimGrid's DTD: before routes
    routes: list = field(default_factory=list)
    profiles: list = field(default_factory=list)  # after the zone

    def cluster(self, name, first, count, *, prefix, speed, bandwidth, latency, site="", more="",
                watts="", link_watts=""):
        """Adds hosts PREFIX-first ... with one link each to their common switch.

        `watts` is its wattage_per_state, `link_watts` the wattage_range of each direction of its link; "": not given.
        A host's own processes talk over a loopback of 5 GB/s and 20 us: SimGrid would send that over its link.
        """
        radical = f"{first}-{first + count - 1}" if count > 1 else f"{first}"
        self.links.append(
            f'<cluster id={quoteattr(name)} prefix="{prefix}-" suffix="" radical="{radical}" speed="{speed}"\n'
            f'             bw="{bandwidth}" lat="{latency}" loopback_bw="5GBps" loopback_lat="20us"\n'
            f'             {more}router_id="{name}-router"' + _with_props(wattage_per_state=watts, wattage_range=link_watts))
        for number in range(first, first + count):
            self.hosts.append(Host(f"{prefix}-{number}", f"{prefix}-{number}", site))

    def link(self, name, bandwidth, latency):
        self.links.append(
            f'<link id="{name}" bandwidth="{bandwidth}" latency="{latency}" sharing_policy="SPLITDUPLEX"/>')

    def join(self, cluster_1, cluster_2, *links):
        """A route between clusters over links, each a name and the direction from cluster_1."""
        passed = "".join(f'<link_ctn id="{name}" direction="{direction}"/>' for name, direction in links)
        self.routes.append(f'<zoneRoute src="{cluster_1}" dst="{cluster_2}" gw_src="{cluster_1}-router" '
                           f'gw_dst="{cluster_2}-router">\n      {passed}\n    </zoneRoute>')

    def xml(self):
        lines = ['<platform version="4.1">', '  <zone id="world" routing="Full">']
        lines += [f"    {element}" for element in self.links + self.routes]
        lines += ["  </zone>", *(f"  {element}" for element in self.profiles), "</platform>", ""]
        return DOCTYPE + "<!--\n" + "\n".join(self.header) + "\n-->\n" + "\n".join(lines)


def _with_props(**values):
    """The end of a cluster's element."""
    props = "".join(f'\n      <prop id="{name}" value="{value}"/>' for name, value in values.items() if value)
    return f">{props}\n    </cluster>" if props else "/>"


def shares(count, parts):
    """`count` in as equal parts as possible, the larger ones first."""
    return [count // parts + (1 if part < count % parts else 0) for part in range(parts)]
