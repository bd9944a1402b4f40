"""The steps of HPE's CIFAR-10 example, with its commands as they stand, on two hosts with an installed tree each.

usage: STARLING_BUILD=build /usr/bin/python3 tests/python/layout_test.py

The hosts are network namespaces with a /tmp of their own. Different from that text: the variables' values; a licence
server is started first, which it assumes; the wheel is installed into a virtual environment instead of an image, so
that the program runs without a container; and the proxy is left out. Exit code 77: no namespaces, torch or root here.
"""
import filecmp
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))
from namespaces import Hosts, NoHosts  # noqa: E402

FINAL = "SwarmCallback : INFO : All peers and Swarm training rounds finished. Final Swarm model was loaded."

BEFORE = """
mkdir workspace
cp -r examples/cifar10 workspace/
cp -r examples/utils/gen-cert workspace/cifar10/
./workspace/cifar10/gen-cert -e cifar10 -i {host}
cp -L lib/swarmlearning-client-py3-none-manylinux_2_24_x86_64.whl workspace/cifar10/ml-context/
/usr/bin/python3 -m venv --system-site-packages venv
venv/bin/pip install --quiet --no-index workspace/cifar10/ml-context/swarmlearning-client-py3-none-manylinux_2_24_x86_64.whl
"""
LICENCE_SERVER = """
bin/run-apls --make-key issuer
bin/run-apls --issue licence.txt --issuer-key issuer-key.pem --licensee "Two owners" --seats-sn 1 --seats-sl 2 --until 2035-12-31
bin/run-apls -d --rm --name=apls1 --host-ip=${APLS_IP} --licence=licence.txt --licence-key=issuer-public.pem \\
  --key=workspace/cifar10/cert/apls-1-key.pem --cert=workspace/cifar10/cert/apls-1-cert.pem --capath=workspace/cifar10/cert/ca/capath
"""
NETWORK_NODE = """
./scripts/bin/run-sn -d --rm --name=sn1 --host-ip=${HOST_1_IP} --sentinel --sn-api-port=${SN_API_PORT}      \\
--key=workspace/cifar10/cert/sn-1-key.pem --cert=workspace/cifar10/cert/sn-1-cert.pem                       \\
--capath=workspace/cifar10/cert/ca/capath --apls-ip=${APLS_IP}
grep "swarm.blCnt : INFO : Starting SWARM-API-SERVER on port: 30304" workspace/log/sn1.log
"""
LEARNING_NODE = """
./scripts/bin/run-sl -d --name=sl{host} --host-ip=${{HOST_{host}_IP}} --sn-ip=${{SN_IP}} --sn-api-port=${{SN_API_PORT}}            \\
--sl-fs-port=${{SL_{host}_FS_PORT}} --key=workspace/cifar10/cert/sl-{host}-key.pem --cert=workspace/cifar10/cert/sl-{host}-cert.pem   \\
--capath=workspace/cifar10/cert/ca/capath --ml-image=user-ml-env-tf2.7.0 --ml-name=ml{host}                               \\
--ml-w=/tmp/test --ml-entrypoint=python3 --ml-cmd=model/cifar10.py                                                   \\
--ml-v=workspace/cifar10/model:/tmp/test/model --ml-e MODEL_DIR=model --ml-e MAX_EPOCHS=1 --ml-e MIN_PEERS=2         \\
--apls-ip=${{APLS_IP}}
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


class TwoHosts:
    def __init__(self, build, folder):
        self.folder = folder
        try:
            self.hosts = Hosts(2)
        except NoHosts as error:
            skip(f"no network namespaces can be made here: {error}")
        one, two = Hosts.address(1), Hosts.address(2)
        self.variables = {"APLS_IP": one, "SN_IP": one, "HOST_1_IP": one, "HOST_2_IP": two, "SN_API_PORT": "30304",
                          "SN_P2P_PORT": "30303", "SL_1_FS_PORT": "16000", "SL_2_FS_PORT": "17000"}
        shutil.rmtree(folder, ignore_errors=True)
        for host in (1, 2):
            os.makedirs(f"{folder}/{host}/tmp")
            subprocess.run(["cmake", "--install", build, "--prefix", self.place(host)], check=True,
                           stdout=subprocess.DEVNULL)

    def place(self, host):
        return f"{self.folder}/{host}/swarm-learning"

    def command(self, host, text):
        # /mnt, since the sources may be below /tmp.
        inside = f"set -e; mount --bind {self.folder}/{host} /mnt; mount --bind /mnt/tmp /tmp; cd /mnt/swarm-learning\n{text}"
        path = "/mnt/swarm-learning/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"args": self.hosts.inside(host, ["unshare", "--mount", "sh", "-c", inside]),
                "env": {**self.variables, "PATH": path, "HOME": "/root", "LANG": "C.UTF-8"}}

    def on(self, host, text):
        done = subprocess.run(**self.command(host, text), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=250)
        if done.returncode != 0:
            sys.exit(f"on host {host} this ended with {done.returncode}:\n{text}\n{done.stdout}")
        return done.stdout

    def both(self, texts):
        """Runs a command on each host at the same time."""
        running = [subprocess.Popen(**self.command(host, text)) for host, text in zip((1, 2), texts)]
        codes = [process.wait(timeout=250) for process in running]
        if any(codes):
            sys.exit(f"the commands ended with {codes}; logs: {self.folder}/?/swarm-learning/workspace/log")

    def exchange_cas(self):
        for host, other in ((1, 2), (2, 1)):
            capath = "workspace/cifar10/cert/ca/capath"
            shutil.copy(f"{self.place(other)}/{capath}/ca-{other}-cert.pem", f"{self.place(host)}/{capath}")

    def close(self):
        for host in (1, 2):
            subprocess.run(**self.command(host, "./scripts/bin/stop-swarm"), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, timeout=100)
        self.hosts.close()


def carry_out(two):
    for host in (1, 2):
        two.on(host, BEFORE.format(host=host))
    two.exchange_cas()
    two.on(1, LICENCE_SERVER)
    two.on(1, NETWORK_NODE)
    two.both([LEARNING_NODE.format(host=host) for host in (1, 2)])
    two.both([f"bin/swarm-wait sl{host}" for host in (1, 2)])
    for host in (1, 2):
        with open(f"{two.place(host)}/workspace/log/ml{host}.log") as log:
            if FINAL not in log.read():
                sys.exit(f"{log.name} does not say that the final model was loaded")
        print(two.on(host, "./scripts/bin/stop-swarm").strip())
    model = "workspace/cifar10/model/saved_models/cifar10.pt"
    if not filecmp.cmp(f"{two.place(1)}/{model}", f"{two.place(2)}/{model}", shallow=False):
        sys.exit("the final models differ")
    print("both hosts have the same final model")


def main():
    if os.geteuid() != 0:
        skip("network namespaces need root")
    if any(os.path.exists(f"{folder}/{engine}") for folder in ("/usr/bin", "/bin") for engine in ("docker", "podman")):
        skip("a container engine is installed, and the image of HPE's text is not made here")
    if subprocess.run(["/usr/bin/python3", "-m", "torch.version"], stderr=subprocess.DEVNULL).returncode != 0:
        skip("torch is not installed (python3-torch)")
    build = os.path.abspath(os.environ["STARLING_BUILD"])
    two = TwoHosts(build, f"{build}/python-layout")
    try:
        carry_out(two)
    finally:
        two.close()


main()
