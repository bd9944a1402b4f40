"""Debian systems for tests of packages: a new one by debootstrap, and copies of it that systemd-nspawn boots, each with
an address in a network of their own. Needs root."""
import glob
import os
import re
import shutil
import signal
import subprocess

from installed import NotifySocket, run

NEEDED = ("debootstrap", "systemd-nspawn", "ip", "nsenter", "dpkg-shlibdeps", "file")
LIMIT = 120  # seconds until a system is up or down


def missing():
    """What this host lacks for such systems; empty: nothing."""
    if os.geteuid() != 0:
        return "root"
    lacking = [name for name in NEEDED if not shutil.which(name)]
    return ", ".join(lacking) if lacking else ("" if mirror() else "a source of Debian in /etc/apt")


def mirror():
    """The address of Debian's archive that this host uses itself."""
    for name in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")) + ["/etc/apt/sources.list"]:
        if os.path.exists(name):
            with open(name, encoding="utf-8") as file:
                found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s*(\S+/debian/?)(?:\s|$)", file.read(), re.M)
            if found:
                return found[1]
    return ""


def new_system(root, packages):
    """Makes a system of this host's release with systemd and the package files given, which apt installs."""
    release = re.search(r"^VERSION_CODENAME=(\S+)", open("/etc/os-release", encoding="utf-8").read(), re.M)[1]
    run("debootstrap", "--variant=minbase", "--include=systemd,dbus,iproute2,ca-certificates", release, root, mirror())
    for name in glob.glob("/etc/apt/apt.conf.d/*proxy*"):
        shutil.copy(name, os.path.join(root, "etc", "apt", "apt.conf.d"))
    for package in packages:
        shutil.copy(package, root)
    run("chroot", root, "apt-get", "update", "-qq")
    names = [f"/{os.path.basename(package)}" for package in packages]
    said = run("chroot", root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *names,
               environment={"DEBIAN_FRONTEND": "noninteractive"})
    for name in names:
        os.unlink(root + name)
    return said


class Network:
    """A bridge and one network namespace for each address."""

    def __init__(self, tag, addresses):
        self.bridge = f"{tag}br"
        self.names = [f"{tag}{i}" for i in range(len(addresses))]
        self.remove()
        run("ip", "link", "add", self.bridge, "type", "bridge")
        run("ip", "link", "set", self.bridge, "up")
        for name, address in zip(self.names, addresses):
            run("ip", "netns", "add", name)
            run("ip", "link", "add", f"{name}h", "type", "veth", "peer", "name", "host0", "netns", name)
            run("ip", "link", "set", f"{name}h", "master", self.bridge, "up")
            for words in (["addr", "add", f"{address}/8", "dev", "host0"], ["link", "set", "host0", "up"],
                          ["link", "set", "lo", "up"]):
                run("ip", "-n", name, *words)

    def remove(self):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)
            subprocess.run(["ip", "link", "del", f"{name}h"], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["ip", "link", "del", self.bridge], stderr=subprocess.DEVNULL, check=False)


class Machine:
    """A system that runs: systemd is its process 1."""

    def __init__(self, root, namespace):
        self.root, self.namespace, self.process, self.leader = root, namespace, None, None

    def boot(self):
        notices = NotifySocket(self.root + ".notify")
        with open(self.root + ".console", "a", encoding="utf-8") as console:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", self.root, "--register=no", "--keep-unit", "--notify-ready=yes", "-b",
                 f"--network-namespace-path=/run/netns/{self.namespace}"],
                env={**os.environ, "NOTIFY_SOCKET": notices.place}, stdin=subprocess.DEVNULL, stdout=console,
                stderr=subprocess.STDOUT)
        self.leader = notices.wait_for("X_NSPAWN_LEADER_PID=", LIMIT, self.process)
        notices.wait_for("READY=1", LIMIT, self.process)

    def inside(self, *words):
        return ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-r", "-w", *[str(w) for w in words]]

    def run(self, *words, **how):
        return run(*self.inside(*words), **how)

    def write(self, path, text):
        with open(self.root + path, "w", encoding="utf-8") as file:
            file.write(text)

    def shut_down(self):
        """As a host does: systemd stops all units."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
