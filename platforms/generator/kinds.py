"""The kinds of platforms: their arguments, and what they build. platforms/README.md describes them."""
from .platform import Platform, shares
from .regions import LATENCY_SOURCE, REGIONS, one_way_seconds
from .units import UsageError, bandwidth, latency, microseconds, seconds, speed, watts, whole

ACCESS_SECONDS = 250e-6  # from a host in a region to the region's exit

# Class of device, share in percent, speed, bandwidth of the slower direction, latency to the Internet; watts of the
# device at rest, with a little work and with full load; watts of each direction of its link, at rest and in use.
EDGE_CLASSES = ["gateway:10:1Gf:50Mbps:10ms:15/18/45:3/4", "laptop:30:500Mf:20Mbps:15ms:6/8/30:3/4",
                "phone:40:250Mf:10Mbps:25ms:0.6/1/4:0.1/0.6", "board:20:100Mf:5Mbps:25ms:2/2.5/6:0.1/0.6"]


def _add(parser, *rows):
    for flag, kind, default, text in rows:
        parser.add_argument(flag, type=kind, default=default, metavar=flag.strip("-").upper(),
                            help=f"{text}; default: {default}")


def cluster_arguments(parser):
    _add(parser, ("--speed", speed, "1Gf", "of each host; 1Gf is the machine of the calibration table"),
         ("--bandwidth", bandwidth, "10Gbps", "of each host's link to the switch"),
         ("--latency", latency, "25us", "of that link; between two hosts it counts twice"))


def cluster(options):
    platform = Platform([
        f"{options.hosts} machines on one switch that does not limit them: {options.bandwidth} and two times",
        f"{options.latency} between any two. Usual for a rack; what remains of a round is CPU time and disks."])
    platform.cluster("rack", 1, options.hosts, prefix="node", speed=options.speed, bandwidth=options.bandwidth,
                     latency=options.latency)
    return platform


def clinics_arguments(parser):
    _add(parser, ("--slow", whole(1, 10000), 1, "number of clinics with a slow link"),
         ("--bandwidth", bandwidth, "100Mbps", "of the other clinics' links"),
         ("--slow-bandwidth", bandwidth, "10Mbps", "of the slow links"),
         ("--latency", latency, "10ms", "one way between two clinics"),
         ("--speed", speed, "1Gf", "of each host; 1Gf is the machine of the calibration table"))


def clinics(options):
    if options.slow >= options.hosts:
        raise UsageError(f"--slow {options.slow}: at least one of {options.hosts} hosts must have a usual link")
    platform = Platform([
        f"A star of {options.hosts} clinics, each with its link to the Internet: {options.bandwidth}, and",
        f"{options.slow_bandwidth} for the last {options.slow}; {options.latency} one way between any two. Shows what one",
        "slow member costs all, and which exchange plan suffers least. The link `internet` limits nobody."])
    rows = dict(prefix="clinic", speed=options.speed, latency=microseconds(seconds(options.latency) / 2))
    platform.cluster("usual", 1, options.hosts - options.slow, bandwidth=options.bandwidth, **rows)
    platform.cluster("slow", options.hosts - options.slow + 1, options.slow, bandwidth=options.slow_bandwidth, **rows)
    platform.link("internet", "100Tbps", "0us")
    platform.join("usual", "slow", ("internet", "UP"))
    return platform


def sites_arguments(parser):
    _add(parser, ("--sites", whole(2, 200), 2, "number of sites, among which hosts are divided evenly"),
         ("--bandwidth", bandwidth, "1Gbps", "of each host's link within its site"),
         ("--latency", latency, "50us", "of that link"),
         ("--wan-bandwidth", bandwidth, "100Mbps", "of each site's uplink, shared by its hosts"),
         ("--wan-latency", latency, "10ms", "one way between the exits of two sites"),
         ("--speed", speed, "1Gf", "of each host; 1Gf is the machine of the calibration table"))


def sites(options):
    if options.sites > options.hosts:
        raise UsageError(f"--sites {options.sites}: each site needs a host, there are {options.hosts}")
    platform = Platform([
        f"{options.hosts} hosts at {options.sites} sites: {options.bandwidth} within a site; one uplink of",
        f"{options.wan_bandwidth} for all hosts of a site, {options.wan_latency} one way between sites. Hosts of a site share",
        "the uplink, so plans that cross it once for a site (tree) are faster than others."])
    for site, count in enumerate(shares(options.hosts, options.sites), 1):
        platform.cluster(f"site-{site}", 1, count, prefix=f"site-{site}-host", speed=options.speed,
                         bandwidth=options.bandwidth, latency=options.latency, site=f"site-{site}")
    for site in range(1, options.sites + 1):
        platform.link(f"uplink-{site}", options.wan_bandwidth, microseconds(seconds(options.wan_latency) / 2))
    for site in range(1, options.sites + 1):
        for other in range(site + 1, options.sites + 1):
            platform.join(f"site-{site}", f"site-{other}", (f"uplink-{site}", "UP"), (f"uplink-{other}", "DOWN"))
    return platform


def fat_tree_arguments(parser):
    _add(parser, ("--per-switch", whole(1, 1000), 4, "hosts below each switch; --hosts is a multiple of it"),
         ("--uplinks", whole(1, 1000), 2, "links of each such switch to the upper level, one to each switch there"),
         ("--bandwidth", bandwidth, "10Gbps", "of every link"), ("--latency", latency, "5us", "of every link"),
         ("--speed", speed, "1Gf", "of each host; 1Gf is the machine of the calibration table"))


def fat_tree(options):
    switches = options.hosts // options.per_switch
    if switches * options.per_switch != options.hosts or switches < 2:
        raise UsageError(f"--hosts {options.hosts}: a fat tree needs two or more switches of {options.per_switch} hosts, "
                         f"so a multiple of that (or give --per-switch)")
    platform = Platform([
        f"{options.hosts} machines below a fat tree of two levels: {switches} switches with {options.per_switch} machines each,",
        f"and {options.uplinks} switches above them. All links have {options.bandwidth} and {options.latency}, so the upper level has",
        f"{options.uplinks}/{options.per_switch} of the bandwidth of the machines, as in many data centres: traffic that leaves a switch competes."])
    platform.cluster("tree", 0, options.hosts, prefix="node", speed=options.speed, bandwidth=options.bandwidth,
                     latency=options.latency, more='topology="FAT_TREE" topo_parameters='
                     f'"2;{options.per_switch},{switches};1,{options.uplinks};1,1" ')
    return platform


def edge_arguments(parser):
    parser.add_argument("--class", dest="classes", action="append", metavar="NAME:PERCENT:SPEED:BANDWIDTH:LATENCY[:WATTS:LINK]",
                        help="devices of one kind, their share of all hosts, speed, and link; repeatable. Percentages "
                        "must have the sum 100. WATTS are REST/LITTLE/FULL of a device, LINK are REST/USED of each "
                        "direction of its link. Default: " + ", ".join(EDGE_CLASSES))


def _edge_classes(texts):
    classes = []
    for text in texts:
        try:
            name, percent, device_speed, device_bandwidth, device_latency, *power = text.split(":")
            device_watts, link_watts = (watts(power[0], 3), watts(power[1], 2)) if len(power) == 2 else ("", "")
            if len(power) not in (0, 2):
                raise ValueError("watts of the device and of its link are given together")
            classes.append((name, whole(1, 100)(percent), speed(device_speed), bandwidth(device_bandwidth),
                            latency(device_latency), device_watts, link_watts))
        except Exception as error:
            raise UsageError(f"--class {text}: NAME:PERCENT:SPEED:BANDWIDTH:LATENCY[:WATTS:LINK] is expected "
                             f"({error})") from error
        if not name.replace("-", "").isalnum() or name in [other[0] for other in classes[:-1]]:
            raise UsageError(f"--class {text}: '{name}' must have letters, digits and '-', and occur once")
    if sum(row[1] for row in classes) != 100:
        raise UsageError(f"--class: the percentages have the sum {sum(row[1] for row in classes)}, not 100")
    return classes


def edge(options):
    classes = _edge_classes(options.classes or EDGE_CLASSES)
    if options.hosts < len(classes):
        raise UsageError(f"--hosts {options.hosts}: there are {len(classes)} classes, each of which needs a host")
    counts = [max(1, options.hosts * row[1] // 100) for row in classes]
    counts[counts.index(max(counts))] += options.hosts - sum(counts)
    platform = Platform([
        f"{options.hosts} devices of mixed speed on the Internet; the fastest compute 10 times as fast as the slowest, and have",
        "10 times their bandwidth, unless classes were given. Links are as fast in both directions as the slower",
        "one, up, of a real device: a member sends as much as it receives. Numbers are rounded typical values.",
        *(f"{count} x {name}: {of_speed}, {of_bandwidth}, {of_latency} to the Internet"
          for count, (name, _, of_speed, of_bandwidth, of_latency, *_) in zip(counts, classes))])
    for count, (name, _, device_speed, device_bandwidth, device_latency, *power) in zip(counts, classes):
        platform.cluster(name, 1, count, prefix=name, speed=device_speed, bandwidth=device_bandwidth,
                         latency=device_latency, watts=power[0], link_watts=power[1])
    platform.link("internet", "100Tbps", "0us")
    names = [row[0] for row in classes]
    for index, name in enumerate(names):
        for other in names[index + 1:]:
            platform.join(name, other, ("internet", "UP"))
    return platform


def continents_arguments(parser):
    _add(parser, ("--regions", whole(2, len(REGIONS)), min(8, len(REGIONS)), "number of regions: " + ", ".join(REGIONS)),
         ("--bandwidth", bandwidth, "100Mbps", "of each host's link"),
         ("--wan-bandwidth", bandwidth, "10Gbps", "between two regions, shared by their hosts"),
         ("--speed", speed, "1Gf", "of each host; 1Gf is the machine of the calibration table"))


def continents(options):
    if options.regions > options.hosts:
        raise UsageError(f"--regions {options.regions}: each region needs a host, there are {options.hosts}")
    regions = REGIONS[:options.regions]
    platform = Platform([
        f"{options.hosts} hosts in {options.regions} regions on several continents, with the latencies that a cloud provider publishes.",
        f"A host's link has {options.bandwidth}, {options.wan_bandwidth} are between two regions. {LATENCY_SOURCE[0]}",
        *LATENCY_SOURCE[1:]])
    for region, count in zip(regions, shares(options.hosts, len(regions))):
        platform.cluster(region, 1, count, prefix=region, speed=options.speed, bandwidth=options.bandwidth,
                         latency=microseconds(ACCESS_SECONDS), site=region)
    for index, region in enumerate(regions):
        for other in regions[index + 1:]:
            name = f"{region}-{other}"
            between = one_way_seconds(region, other) - 2 * ACCESS_SECONDS
            platform.link(name, options.wan_bandwidth, microseconds(between))
            platform.join(region, other, (name, "UP"))
    return platform


# Name -> what it builds, its arguments, one line of help.
KINDS = {
    "cluster": (cluster, cluster_arguments, "machines on one switch"),
    "clinics": (clinics, clinics_arguments, "a star with one slow link, or several"),
    "sites": (sites, sites_arguments, "sites over a wide-area network, whose hosts share an uplink"),
    "fat-tree": (fat_tree, fat_tree_arguments, "machines below two levels of switches"),
    "edge": (edge, edge_arguments, "devices of mixed speed"),
    "continents": (continents, continents_arguments, "cloud regions with real-world latencies"),
}
