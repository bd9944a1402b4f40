"""Profiles of hosts that leave and return, in the platform file itself: SimGrid wants one for each host."""
import random

from .units import UsageError, number, whole


def arguments(parser):
    rows = parser.add_argument_group("churn")
    rows.add_argument("--churn", type=number(0, 90), default=0, metavar="PERCENT",
                      help="of the hosts without an SN that leave, and return, in each period; default: 0")
    rows.add_argument("--churn-period", type=number(1, 1e6), default=60, metavar="SECONDS", help="default: 60")
    rows.add_argument("--churn-off", type=number(0.1, 1e6), default=10, metavar="SECONDS",
                      help="for which a host is gone, less than a period; default: 10")
    rows.add_argument("--churn-periods", type=whole(1, 100000), default=10, metavar="N",
                      help="after which all hosts stay; default: 10")
    rows.add_argument("--seed", type=whole(0, 999999999), default=1, metavar="N",
                      help="of the random choice of hosts and times; default: 1")


def add_churn(platform, stable, options):
    """Adds the profiles of `platform`'s hosts. `stable`: the names of hosts that stay."""
    if options.churn == 0:
        return
    if options.churn_off >= options.churn_period:
        raise UsageError(f"--churn-off {options.churn_off:g}: it must be less than --churn-period {options.churn_period:g}")
    names = [host.name for host in platform.hosts if host.name not in stable]
    leaving = round(len(names) * options.churn / 100)
    if leaving == 0:
        raise UsageError(f"--churn {options.churn:g}: this is none of {len(names)} hosts without an SN")
    chance = random.Random(options.seed)
    changes = {}
    for period in range(options.churn_periods):
        for name in sorted(chance.sample(names, leaving)):
            off = period * options.churn_period + chance.random() * (options.churn_period - options.churn_off)
            changes.setdefault(name, []).append(f"{off:.3f} 0\n{off + options.churn_off:.3f} 1")
    platform.header.append(
        f"{leaving} hosts leave at random times in each of {options.churn_periods} periods of {options.churn_period:g} s, and return "
        f"after {options.churn_off:g} s; seed {options.seed}.")
    for name in sorted(changes):
        platform.profiles.append(f'<trace id="churn-of-{name}" periodicity="-1">\n' + "\n".join(changes[name]) + "\n  </trace>")
    for name in sorted(changes):
        platform.profiles.append(f'<trace_connect kind="HOST_AVAIL" trace="churn-of-{name}" element="{name}"/>')
