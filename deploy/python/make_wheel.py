#!/usr/bin/env python3
"""Makes the wheel of the package swarmlearning, with the standard library alone (PEP 427).

usage: make_wheel.py VERSION PACKAGE_DIR MODULE OUT_DIR

PACKAGE_DIR: the Python sources; MODULE: the compiled extension module. Writes into OUT_DIR
  swarmlearning_client-VERSION-cp311-cp311-linux_MACHINE.whl
and, under the name that HPE's CIFAR-10 example copies,
  swarmlearning-client-py3-none-manylinux_2_24_x86_64.whl
In a wheel's name the second word is the version. The second file's name therefore reads "swarmlearning, version
client", and pip compares that with what is inside: so its metadata say the same, and its contents are the same.
The same sources give the same bytes.
"""
import base64
import hashlib
import os
import sys
import zipfile
from pathlib import Path

TAG = f"cp311-cp311-linux_{os.uname().machine}"
EXAMPLE_TAG = "py3-none-manylinux_2_24_x86_64"
SUMMARY = "Training programs in Python as members of a Starling swarm"


def package_files(package, module):
    """Name in the wheel -> content."""
    files = {}
    for path in sorted(package.rglob("*")):
        if path.suffix in (".py", ".pyi", ".typed") and "__pycache__" not in path.parts:
            files["swarmlearning/" + path.relative_to(package).as_posix()] = path.read_bytes()
    files["swarmlearning/" + module.name] = module.read_bytes()
    return files


def write_wheel(path, name, version, tag, files):
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    contents = dict(files)
    contents[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {SUMMARY}\nLicense: Apache-2.0\n"
        "Requires-Python: ==3.11.*\nRequires-Dist: numpy\n").encode()
    contents[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: starling\nRoot-Is-Purelib: false\nTag: {tag}\n").encode()
    record = ""
    for file, content in contents.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{file},sha256={digest},{len(content)}\n"
    contents[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for file, content in contents.items():
            entry = zipfile.ZipInfo(file, (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if file.endswith(".so") else 0o644) << 16
            wheel.writestr(entry, content)
    print(path)


def main():
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    version, package, module, out = sys.argv[1], *map(Path, sys.argv[2:])
    files = package_files(package, module)
    out.mkdir(parents=True, exist_ok=True)
    write_wheel(out / f"swarmlearning_client-{version}-{TAG}.whl", "swarmlearning-client", version, TAG, files)
    write_wheel(out / f"swarmlearning-client-{EXAMPLE_TAG}.whl", "swarmlearning", "client", EXAMPLE_TAG, files)


main()
