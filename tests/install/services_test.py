#!/usr/bin/env python3
"""The systemd units of an installed Starling: systemd finds no fault in them, and nodes that are started as they say tell
a service manager when they serve and when they end. All units are restarted while a training goes on, which then ends
as if nothing had happened.

usage: services_test.py BUILD FOLDER      FOLDER: emptied, and kept for a look at it

Here the units' ExecStart lines are run with a socket in NOTIFY_SOCKET; packages_test.py runs them by systemd itself.
"""
import atexit
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

from installed import NotifySocket, digests, fail, holds, log_lines, run

ADDRESSES = {"1": "127.78.0.1", "2": "127.78.0.2"}
# The highest exposure that `systemd-analyze security` may give, of 100: an ML program needs more than other nodes.
EXPOSURE = {"sn": 15, "apls": 15, "sl": 20}
LIMIT = 180  # seconds until an event must have happened


def check_by_systemd(units, folder):
    if not shutil.which("systemd-analyze"):
        print("skipped: systemd-analyze verify and security, since it is not installed")
        return
    for role, most in EXPOSURE.items():
        unit = os.path.join(units, f"starling-{role}@.service")
        instance = os.path.join(folder, f"starling-{role}@1.service")
        shutil.copy(unit, instance)
        said = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", instance)
        if f"starling-{role}" in said:
            fail(f"systemd-analyze verify: {said}")
        shown = run("systemd-analyze", "security", "--offline=true", f"--threshold={most}", "--no-pager", unit)
        print(re.search(r"Overall exposure level.*", shown)[0])


class Unit:
    """A node, started as its unit says, and what it tells its service manager."""

    def __init__(self, prefix, state, role, instance):
        self.name = f"{role}-{instance}"
        self.success, self.kill_signal = {0}, signal.SIGTERM
        variables, words = {}, []
        text = open(os.path.join(prefix, f"lib/systemd/system/starling-{role}@.service"), encoding="utf-8").read()
        text = text.replace("/var/lib/starling", state).replace("%i", instance)
        for line in text.split("\n"):
            key, _, value = line.partition("=")
            if key == "Environment":
                variables.update([value.split("=", 1)])
            elif key == "EnvironmentFile" and os.path.exists(value.lstrip("-")):
                for setting in open(value.lstrip("-"), encoding="utf-8"):
                    if "=" in setting and not setting.startswith("#"):
                        variables.update([shlex.split(setting)[0].split("=", 1)])
            elif key == "KillSignal":
                self.kill_signal = signal.Signals[value]
            elif key == "SuccessExitStatus":
                self.success |= {int(code) for code in value.split()}
            elif key == "ExecStart":
                words = value.split(" ")
        at = words.index("$ARGS")
        words[at:at + 1] = shlex.split(variables.get("ARGS", ""))
        self.notices = NotifySocket(os.path.join(state, f"{self.name}.notify"))
        self.process = subprocess.Popen(
            words, env={**os.environ, **variables, "NOTIFY_SOCKET": self.notices.place}, cwd=state,
            stdout=open(os.path.join(state, f"{self.name}.out"), "a", encoding="utf-8"), stderr=subprocess.STDOUT)

        atexit.register(self.process.kill)  # no effect on one that has ended

    def await_ready(self):
        self.notices.wait_for("READY=1", LIMIT, self.process)

    def stop(self):
        self.process.send_signal(self.kill_signal)

    def await_end(self):
        self.notices.wait_for("STOPPING=1", LIMIT, self.process)
        code = self.process.wait(timeout=LIMIT)
        if code not in self.success:
            fail(f"exit code {code} of {self.name}, which systemd would take for a failure")


def configure(prefix, state, program):
    etc = os.path.join(prefix, "etc", "starling")
    files = {"sn-1": f"THIS_NODE_IP={ADDRESSES['1']}\nSN_I_AM_SENTINEL=true\n"}
    for i, address in ADDRESSES.items():
        run(f"{prefix}/bin/gen-cert", "--workspace", os.path.dirname(state), "-e", os.path.basename(state), "-i", i,
            "--host-ip", address)
        files[f"sl-{i}"] = (f"THIS_NODE_IP={address}\nSN_NODE_IP={ADDRESSES['1']}\n"
                            f"ARGS='--ml-entrypoint={program} \"--ml-cmd=--until {state}/end\" --ml-e=MIN_PEERS=2'\n")
    for name, text in files.items():
        with open(os.path.join(etc, f"{name}.conf"), "w", encoding="utf-8") as file:
            file.write(text)


def rounds(prefix, state):
    """The number of rounds in the ledger."""
    shown = run(f"{prefix}/bin/swarm-audit", f"{state}/data/sn1/ledger.sqlite", "--json")
    found = re.search(r'"rounds": ?(\d+)', shown)
    return int(found[1]) if found else 0


def await_rounds(prefix, state, count):
    end = time.monotonic() + LIMIT
    while rounds(prefix, state) < count:
        if time.monotonic() > end:
            fail(f"{rounds(prefix, state)} rounds, not {count}:\n" + "".join(log_lines(state)[-40:]))


def main():
    build, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    prefix, state = os.path.join(folder, "prefix"), os.path.join(folder, "state")
    run("cmake", "--install", build, "--prefix", prefix, "--component", "runtime")
    os.makedirs(state, mode=0o700)
    check_by_systemd(os.path.join(prefix, "lib", "systemd", "system"), folder)
    configure(prefix, state, f"{build}/bin/toy-ml")

    def start_all():
        units = [Unit(prefix, state, "sn", "1"), Unit(prefix, state, "sl", "1"), Unit(prefix, state, "sl", "2")]
        for unit in units:
            unit.await_ready()
        return units
    units = start_all()
    await_rounds(prefix, state, 3)
    for unit in reversed(units):
        unit.stop()
    for unit in reversed(units):
        unit.await_end()
    before = rounds(prefix, state)
    units = start_all()
    await_rounds(prefix, state, before + 3)
    open(os.path.join(state, "end"), "w", encoding="utf-8").close()
    for unit in units[1:]:
        unit.await_end()
    units[0].stop()
    units[0].await_end()
    final = digests(log_lines(state))
    if len(final) != 1:
        fail(f"digests of the final model: {final}")
    holds("the ledger", "valid", run(f"{prefix}/bin/swarm-audit", f"{state}/data/sn1/ledger.sqlite",
                                     "--capath", f"{state}/cert/ca/capath"))
    print(f"{before} rounds, a restart of all units, {rounds(prefix, state)} rounds, one model")
    return 0


if __name__ == "__main__":
    sys.exit(main())
