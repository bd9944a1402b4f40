"""Hosts on a switch, for benchmarks with real processes: unnamed network namespaces, which end with the script."""
import re
import subprocess

TIED = ["setpriv", "--pdeathsig", "KILL"]  # ends with this script, even if that is killed


class Hosts:
    """Hosts 1 to `count` on a switch (0), each kept by a process, with the system's TCP congestion control or the one that is named.
    Needs root; OSError if the system refuses."""

    def __init__(self, count, congestion_control=None):
        self.keepers = {}
        for host in range(count + 1):
            self.keepers[host] = subprocess.Popen(TIED + ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"],
                                                  stdout=subprocess.PIPE)
            if not self.keepers[host].stdout.readline():
                raise OSError("no network namespace")
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

    def received(self, host):
        return int(re.search(r"eth0:\s*(\d+)", self.run(host, "cat /proc/net/dev")).group(1))

    def close(self):
        for keeper in self.keepers.values():
            keeper.kill()
            keeper.wait()
