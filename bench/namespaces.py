"""Hosts on a switch, for benchmarks with real processes: unnamed network namespaces, which end with the script."""
import os
import re
import shutil
import subprocess

TIED = ["setpriv", "--pdeathsig", "KILL"]  # ends with this script, even if that is killed


class NoHosts(Exception):
    """What hosts need is missing here: root, a program, or a right that the system withholds."""


def missing_for_hosts():
    """What is missing here for Hosts, "" if nothing is known to be."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    programs = [name for name in ("setpriv", "unshare", "nsenter", "ip", "tc", "sysctl") if shutil.which(name) is None]
    return f"no program {', '.join(programs)} here" if programs else ""


class Hosts:
    """Hosts 1 to `count` on a switch (0), each kept by a process, with the system's TCP congestion control or the one that is named.
    NoHosts if that can't be here; OSError if a command fails."""

    def __init__(self, count, congestion_control=None):
        if missing := missing_for_hosts():
            raise NoHosts(missing)
        self.keepers, self.relay = {}, None
        self.device = {host: "eth0" for host in range(1, count + 1)}  # by which a host reaches the others
        for host in range(count + 1):
            self.keepers[host] = subprocess.Popen(TIED + ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
                                                  stdout=subprocess.PIPE)
            if not self.keepers[host].stdout.readline():
                raise NoHosts("the system allows no network namespace")
        self.run(0, "ip link add br0 type bridge && ip link set br0 up")
        for host in range(1, count + 1):
            pid = self.keepers[host].pid
            self.run(0, f"ip link add h{host} type veth peer name eth0 netns {pid} && ip link set h{host} master br0 up")
            self.run(host, f"ip link set lo up && ip address add {self.address(host)}/24 dev eth0 && ip link set eth0 up")
            if congestion_control:
                self.run(host, f"sysctl -w net.ipv4.tcp_congestion_control={congestion_control}")

    @staticmethod
    def address(host):
        return f"172.30.0.{host}"

    def inside(self, host, command):
        return TIED + ["nsenter", f"--net=/proc/{self.keepers[host].pid}/ns/net", "--"] + command

    def run(self, host, command):
        done = subprocess.run(self.inside(host, ["sh", "-c", command]), capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError(f"{command}: {done.stderr.strip()}")
        return done.stdout

    def limit(self, host, rate, both_ways=False):
        """Limits what the host sends, and with both_ways what it receives, to `rate` in tc's syntax."""
        how = f"root tbf rate {rate} burst 16kb latency 200ms"
        self.run(host, f"tc qdisc replace dev eth0 {how}")
        if both_ways:
            self.run(0, f"tc qdisc replace dev h{host} {how}")

    def ethernet(self, host, bits_per_second):
        """Limits the host both ways to what a cable of this rate carries, which its peers share evenly (htb), as with fq_codel, the
        default of Debian's hosts, which not every kernel has. One queue for all (see limit()) gives each sender of a short transfer a
        share of the link by the rate at which it sends.

        A full frame takes 1,538 bytes of a cable, with preamble and gap, of which the kernel counts 1,514."""
        rate = int(bits_per_second * 1514 / 1538)
        # What passes at once: 1.3 ms. Smaller packets of the kernel would cost our cores more, which no real network does: at 500 Mbit/s
        # and 15 kB, eight hosts' links took half a core. Those above the burst are split in 1,500 bytes.
        burst = max(16_384, int(rate / 8 * 0.0013))
        self.run(host, f"ip link set dev {self.device[host]} gso_max_size {min(65_536, burst - 1_384)}")
        self.share_fairly(host, self.device[host], rate, burst, "dst")
        self.share_fairly(0, self.device[host] if self.device[host] == "wan0" else f"h{host}", rate, burst, "src")

    def share_fairly(self, inside, device, rate, burst, peer):
        """One class for each host as the `peer` ("src" or "dst") of a packet, with a queue of 200 ms of its own."""
        hosts = sorted(self.device)
        queue = f"burst {burst} cburst {burst} quantum {burst - 384}"
        lines = [f"qdisc replace dev {device} root handle 1: htb default {hosts[0]}",
                 f"class add dev {device} parent 1: classid 1:ffff htb rate {rate}bit ceil {rate}bit {queue}"]
        for host in hosts:
            lines += [f"class add dev {device} parent 1:ffff classid 1:{host} htb rate {rate // len(hosts)}bit ceil {rate}bit {queue}",
                      f"qdisc add dev {device} parent 1:{host} bfifo limit {rate // 8 // 5}",
                      f"filter add dev {device} parent 1: protocol ip u32 match ip {peer} {self.address(host)}/32 flowid 1:{host}"]
        self.run(inside, " && ".join("tc " + line for line in lines))

    def move_away(self, host, milliseconds, relay):
        """Puts a relay (the program delay_relay) between the host and the switch, which holds packets for so long each way. For
        kernels without netem; one host of the switch at most."""
        spaces = [f"/proc/{self.keepers[one].pid}/ns/net" for one in (host, 0)]
        self.relay = subprocess.Popen(TIED + [relay, "--first-net", spaces[0], "--second-net", spaces[1], "--delay-ms", str(milliseconds),
                                              "--mbit", "100000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.relay.stdout.readline() != "ready\n":
            raise OSError("the relay has not started")
        address = self.address(host)
        self.run(host, f"ip address flush dev eth0 && ip link set eth0 down && ip address add {address}/24 dev wan0 && "
                       "ip link set wan0 txqueuelen 10000 up")
        # The switch answers for it and passes its packets on.
        self.run(0, "ip address add 172.30.0.254/24 dev br0 && ip link set wan0 txqueuelen 10000 up && "
                    f"ip route add {address}/32 dev wan0 && sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.br0.proxy_arp=1 "
                    "net.ipv4.neigh.br0.proxy_delay=0")
        self.device[host] = "wan0"

    def received(self, host):
        return int(re.search(r"eth0:\s*(\d+)", self.run(host, "cat /proc/net/dev")).group(1))

    def close(self):
        if self.relay:
            self.relay.kill()
            self.relay.wait()
        for keeper in self.keepers.values():
            keeper.kill()
            keeper.wait()
