"""A deployment for a platform: SNs on some hosts, and an SL with modelled training on each."""
from xml.sax.saxutils import quoteattr

from .platform import DOCTYPE
from .units import UsageError, number, whole

SN_IPS_MAX = 5  # SNs that an SL knows; it needs one that is up


def arguments(parser):
    rows = parser.add_argument_group("the deployment")
    rows.add_argument("--sn", type=whole(1, 99), default=1, metavar="N",
                      help="number of SNs, spread over the hosts beside their SLs; default: 1. 3 survive the loss of 1")
    rows.add_argument("--min-peers", type=whole(1, 100000), metavar="N",
                      help="members that a round needs; default: all hosts, or a majority if hosts or links fail")
    rows.add_argument("--parameters", type=whole(1, 999999999), default=328586, metavar="N",
                      help="of the model, 4 bytes each; default: 328586, the example's small one")
    rows.add_argument("--epochs", type=whole(1, 1000000), default=1, metavar="N", help="default: 1")
    rows.add_argument("--batches", type=whole(1, 999999999), default=1024, metavar="N", help="in an epoch; default: 1024")
    rows.add_argument("--sync-frequency", type=whole(1, 999999999), default=128, metavar="N",
                      help="batches from one round to the next; default: 128")
    rows.add_argument("--seconds-per-batch", type=number(0, 1e6), default=0.0045, metavar="SECONDS",
                      help="on a host of 1Gf, in proportion on others; default: 0.0045, measured with the small model")
    rows.add_argument("--exchange", metavar="PLAN",
                      help="exchange plan of the contract, as EXCHANGE of a program says it; default: automatic")


def sn_hosts(hosts, count):
    """The hosts that get SNs: the first one, and others at equal distances in the list."""
    if count > len(hosts):
        raise UsageError(f"--sn {count}: there are {len(hosts)} hosts")
    return [hosts[index * len(hosts) // count] for index in range(count)]


def _argument(text):
    return f"    <argument value={quoteattr(text)}/>"


def _actor(host, function, lines):
    return [f"  <actor host={quoteattr(host.name)} function=\"{function}\">", *lines, "  </actor>"]


def deployment(hosts, options, may_fail):
    """The XML text. `may_fail`: hosts or links of the platform do."""
    servers = sn_hosts(hosts, options.sn)
    min_peers = options.min_peers or (len(hosts) // 2 + 1 if may_fail else len(hosts))
    if min_peers > len(hosts):
        raise UsageError(f"--min-peers {min_peers}: there are {len(hosts)} hosts")
    model_mb = options.parameters * 4 / 1e6
    lines = ["<!--", f"{len(servers)} SN{'s' * (len(servers) > 1)}, and modelled training of {model_mb:.4g} MB on {len(hosts)} hosts. "
             f"A round needs {min_peers} of them.", "Each SL starts with an SN that is near in the list of hosts.", "-->",
             '<platform version="4.1">']
    for index, host in enumerate(servers, 1):
        first = [] if index == 1 else [_argument(f"--sentinel-ip={servers[0].address}")]
        lines += _actor(host, "run-sn", [_argument(f"--name=sn{index}"), _argument(f"--host-ip={host.address}"),
                                         *(first or [_argument("--sentinel")])])
    for index, host in enumerate(hosts):
        near = index * len(servers) // len(hosts)
        known = (servers[near:] + servers[:near])[:SN_IPS_MAX]
        environment = [("MAX_EPOCHS", options.epochs), ("MIN_PEERS", min_peers), ("SYNC_FREQUENCY", options.sync_frequency)]
        if options.exchange:
            environment.append(("EXCHANGE", options.exchange))
        lines += _actor(host, "run-sl", [
            _argument(f"--name=sl{index + 1}"), _argument(f"--host-ip={host.address}"),
            *(_argument(f"--sn-ip={server.address}") for server in known),
            *([_argument(f"--site={host.site}")] if host.site else []),
            _argument("--ml-entrypoint=modelled"), _argument(f"--ml-name=ml{index + 1}"),
            *(_argument(f"--ml-e={name}={value}") for name, value in environment),
            f'    <prop id="model.parameters" value="{options.parameters}"/>',
            f'    <prop id="model.seconds_per_batch" value="{options.seconds_per_batch:.9g}"/>',
            f'    <prop id="model.samples" value="{options.batches * 32}"/>'])
    return DOCTYPE + "\n".join(lines + ["</platform>", ""])
