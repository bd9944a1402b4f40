#!/usr/bin/env python3
"""Runs the example while another program listens at the port of its first SL: it must end, and say why.

usage: example_port_in_use.py RUN WORKSPACE [ARGUMENTS...]
"""
import socket
import subprocess
import sys


def main():
    run, workspace = sys.argv[1:3]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.1.1", 16000))
        other.listen()
        done = subprocess.run([run, "--no-install", "--real-only", "--workspace", workspace] + sys.argv[3:],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    wrong = [] if done.returncode == 1 else [f"exit code {done.returncode}"]
    for part in ("port 16000 on 127.0.1.1 is in use", "the swarm did not end well"):
        if part not in done.stdout:
            wrong.append(f"'{part}' is missing")
    for line in wrong:
        print(f"example_port_in_use: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
