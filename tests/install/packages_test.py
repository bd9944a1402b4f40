#!/usr/bin/env python3
"""The Debian packages in new systems: they install, run two hosts as services, survive a restart of all units and of a
host while rounds go on, and their removal leaves data only.

usage: packages_test.py BUILD FOLDER      FOLDER: emptied, and kept for a look at it; exit 77: something is missing

Two systems with systemd as process 1, made by debootstrap and systemd-nspawn, on a network of their own.
"""
import atexit
import glob
import os
import re
import shutil
import sys
import time

from installed import digests, fail, holds, run
from machine import Machine, Network, missing, new_system

ADDRESSES = ("172.1.1.1", "172.2.2.2")
LIMIT = 120  # seconds until rounds must have been committed
STATE = "/var/lib/starling"


def make_packages(build, folder):
    """Makes and checks the packages. Returns their files, by name."""
    said = run("cpack", "-G", "DEB", "--config", f"{build}/CPackConfig.cmake", "-B", f"{folder}/packages")
    files = {os.path.basename(name).split("_")[0]: name for name in re.findall(r"package: (\S+\.deb) generated", said)}
    if not {"starling", "libstarling-dev"} <= set(files):
        fail(f"packages: {files}")
    if shutil.which("lintian"):
        run("lintian", "--fail-on", "error", "--allow-root", *files.values())
    else:
        print("skipped: lintian, since it is not installed")
    return files


def configure(machines, program):
    """Certificates of both owners, who exchange those of their CAs; the nodes' configurations; a training program."""
    for i, machine in enumerate(machines, 1):
        machine.run("runuser", "-u", "starling", "--", "gen-cert", "-e", "starling", "--workspace", "/var/lib", "-i", i,
                    "--host-ip", ADDRESSES[i - 1])
        shutil.copy(program, machine.root + "/usr/local/bin/train")
        machine.write(f"/etc/starling/sl-{i}.conf", f"THIS_NODE_IP={ADDRESSES[i - 1]}\nSN_NODE_IP={ADDRESSES[0]}\n"
                      f"ARGS='--ml-entrypoint=/usr/local/bin/train \"--ml-cmd=--until {STATE}/end\" --ml-e=MIN_PEERS=2'\n")
    places = [f"{machine.root}{STATE}/cert/ca/capath" for machine in machines]
    shutil.copy(f"{places[0]}/ca-1-cert.pem", places[1])
    shutil.copy(f"{places[1]}/ca-2-cert.pem", places[0])
    for machine in machines:
        machine.run("chown", "-R", "starling:starling", f"{STATE}/cert")
    machines[0].write("/etc/starling/sn-1.conf", f"THIS_NODE_IP={ADDRESSES[0]}\nSN_I_AM_SENTINEL=true\n")


def rounds(machine):
    said = machine.run("swarm-audit", f"{STATE}/data/sn1/ledger.sqlite", "--json")
    found = re.search(r'"rounds": ?(\d+)', said)
    return int(found[1]) if found else 0


def await_rounds(machine, count):
    end = time.monotonic() + LIMIT
    while rounds(machine) < count:
        if time.monotonic() > end:
            fail(f"{rounds(machine)} rounds, not {count}\n" + machine.run("journalctl", "--no-pager", "-n", 40))


def log_of(machine):
    return "".join(open(name, encoding="utf-8").read() for name in glob.glob(f"{machine.root}{STATE}/log/*.log"))


def train(machines):
    """The training, with restarts on its way. Returns the number of rounds."""
    first, second = machines
    first.run("systemctl", "enable", "--now", "starling-sn@1")
    first.run("systemctl", "enable", "--now", "--no-block", "starling-sl@1")
    second.run("systemctl", "enable", "--now", "starling-sl@2")  # returns once it has joined
    await_rounds(first, 3)
    first.run("systemctl", "restart", "--no-block", "starling-sl@1", "starling-sn@1")
    second.run("systemctl", "restart", "starling-sl@2")
    await_rounds(first, rounds(first) + 3)
    second.shut_down()
    second.boot()  # its enabled units start
    before = rounds(first)
    await_rounds(first, before + 3)
    for machine in machines:
        machine.run("touch", f"{STATE}/end")
    # An SL whose training is over ends with its unit.
    for i, machine in enumerate(machines, 1):
        end = time.monotonic() + LIMIT
        while "active" in machine.run("systemctl", "show", "-p", "ActiveState", "--value", f"starling-sl@{i}").split():
            if time.monotonic() > end:
                fail(f"starling-sl@{i} does not end:\n" + log_of(machine)[-4000:])
        holds(f"starling-sl@{i}", "success", machine.run("systemctl", "show", "-p", "Result", "--value", f"starling-sl@{i}"))
    ends = digests((log_of(first) + log_of(second)).split("\n"))
    if len(ends) != 1:
        fail(f"digests of the final model: {ends}")
    return rounds(first)


def upgrade(machine, package):
    """Installs the package again over itself while its SN runs, with a configuration that an operator has changed."""
    def node():
        return machine.run("systemctl", "show", "-p", "MainPID", "--value", "starling-sn@1")
    shutil.copy(package, machine.root + "/starling.deb")
    machine.write("/etc/starling/starling.conf", "SWARM_LOG_LEVEL=debug\n")
    before = node()
    holds("upgrade", "starling-sn@1.service", machine.run("dpkg", "-i", "/starling.deb"))
    if node() != before:
        fail("an upgrade has restarted an SN")
    holds("the operator's configuration", "debug", machine.run("cat", "/etc/starling/starling.conf"))


def remove(machine):
    """Removes and purges the package while its SN runs; nothing but data is left."""
    kept = set(machine.run("find", STATE, "-name", "*.pem", "-o", "-name", "ledger.sqlite").split())
    listed = [name for name in machine.run("dpkg", "-L", "starling").split("\n") if "starling" in name or "/bin/" in name]
    machine.run("apt-get", "remove", "-y", "-qq", "starling")
    holds("the SN has ended", "inactive", machine.run("systemctl", "show", "-p", "ActiveState", "--value", "starling-sn@1"))
    said = machine.run("apt-get", "purge", "-y", "-qq", "starling")
    holds("purge", "ledgers and keys are kept", said)
    left = [name for name in listed if os.path.exists(machine.root + name) and not name.startswith("/etc/starling")]
    if left:
        fail(f"left behind: {left}")
    now = set(machine.run("find", STATE, "-name", "*.pem", "-o", "-name", "ledger.sqlite").split())
    if not kept or now != kept:
        fail(f"keys and ledgers before the removal: {kept}; after it: {now}")


def python_package(root, package):
    """Installs the Python package in a system, upgrades and removes it: it can be imported, and leaves nothing. From
    outside, since what it depends on comes over this host's network."""
    place = "/usr/lib/python3/dist-packages/swarmlearning"

    def inside(*words):
        return run("chroot", root, *words, environment={"DEBIAN_FRONTEND": "noninteractive"})
    shutil.copy(package, root + "/python.deb")
    inside("apt-get", "install", "-y", "-qq", "--no-install-recommends", "/python.deb")
    for _ in range(2):
        holds("import swarmlearning", place, inside(
            "python3", "-c", "import swarmlearning, swarmlearning.np, swarmlearning._client as c; print(swarmlearning.__file__, c.__file__)"))
        holds("the compiled modules", "callback.cpython", inside("ls", f"{place}/__pycache__"))
        inside("dpkg", "-i", "/python.deb")
    inside("apt-get", "purge", "-y", "-qq", "python3-starling")
    if os.path.exists(root + place):
        fail(f"left behind: {inside('find', place)}")


def main():
    lacking = missing()
    if lacking:
        print(f"skipped: {lacking} is missing (deploy/install-deps --tests --packages)")
        return 77
    build, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    packages = make_packages(build, folder)
    roots = [f"{folder}/host-{i}" for i in (1, 2)]
    new_system(roots[0], [packages["starling"]] + [packages[p] for p in ("starling-sim",) if p in packages])
    run("cp", "-a", roots[0], roots[1])
    network = Network("strl", ADDRESSES)
    atexit.register(network.remove)
    machines = [Machine(root, name) for root, name in zip(roots, network.names)]
    for machine in machines:
        atexit.register(machine.shut_down)
        machine.boot()
    holds("the user of the services", "starling", machines[0].run("id", "starling"))
    configure(machines, f"{build}/bin/toy-ml")
    count = train(machines)
    audit = machines[0].run("swarm-audit", f"{STATE}/data/sn1/ledger.sqlite", "--capath", f"{STATE}/cert/ca/capath")
    holds("the ledger", "valid", audit)
    if "starling-sim" in packages:
        holds("swarm-sim", "PLATFORM", machines[1].run("swarm-sim", "--help"))
        machines[1].run("apt-get", "remove", "-y", "-qq", "starling-sim")
    upgrade(machines[0], packages["starling"])
    remove(machines[0])
    if "python3-starling" in packages:
        python_package(roots[0], packages["python3-starling"])
    print(f"{count} rounds on two hosts, with a restart of all units and of one host; one model; removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
