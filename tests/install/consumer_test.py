#!/usr/bin/env python3
"""A project outside of this tree builds against an installed Starling, by CMake and by pkg-config; its program trains
for real and in the simulator, with a merge rule of its own, and both end with the same model. The installed scripts predict.

usage: consumer_test.py BUILD FOLDER      BUILD: a build of Starling; FOLDER: emptied, and kept for a look at it
"""
import json
import os
import shutil
import sys

from installed import fail, holds, predict_and_sweep, rehearse, run, train_for_real


def check_sbom(place):
    """A document of SPDX 2.3: each component once, each related to the package, OpenSSL and libraft among them."""
    with open(place, encoding="utf-8") as file:
        document = json.load(file)
    if document["spdxVersion"] != "SPDX-2.3" or document["dataLicense"] != "CC0-1.0":
        fail(f"{place}: {document['spdxVersion']}, {document['dataLicense']}")
    ids = [package["SPDXID"] for package in document["packages"]]
    related = [relation["relatedSpdxElement"] for relation in document["relationships"]]
    if len(ids) != len(set(ids)) or sorted(ids) != sorted(related):
        fail(f"{place}: packages {ids}, relationships {related}")
    links = {relation["relatedSpdxElement"]: relation["relationshipType"] for relation in document["relationships"]}
    if not any("ssl" in one and how == "DYNAMIC_LINK" for one, how in links.items()):
        fail(f"{place}: no OpenSSL in {links}")
    if links.get("SPDXRef-libraft-dev") != "STATIC_LINK":
        fail(f"{place}: no libraft in {links}")


def main():
    build, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    source = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
    shutil.rmtree(folder, ignore_errors=True)
    # The project is copied, so that it finds nothing of Starling's tree beside it.
    shutil.copytree(os.path.join(source, "tests", "install", "consumer"), os.path.join(folder, "project"))
    prefix = os.path.join(folder, "prefix")
    run("cmake", "--install", build, "--prefix", prefix)

    check_sbom(f"{prefix}/share/doc/starling/starling.spdx.json")
    for root, _, names in os.walk(prefix):
        for name in names:
            if name.endswith((".cmake", ".pc", ".hpp", ".service")):
                with open(os.path.join(root, name), encoding="utf-8") as file:
                    text = file.read()
                if source + "/" in text.replace(folder, ""):
                    fail(f"{os.path.join(root, name)} names the source tree")

    predict_and_sweep(prefix, folder)
    project = os.path.join(folder, "project")
    run("cmake", "-S", project, "-B", f"{project}/build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
        "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", f"{project}/build")
    platform = os.path.join(prefix, "share", "starling", "platforms", "two_hosts.xml")
    simulated = rehearse(f"{project}/build/train-sim", platform, folder)
    real = train_for_real(f"{prefix}/bin", f"{project}/build/train-run-sl", f"{project}/build/train", folder,
                          ("127.77.0.1", "127.77.0.2"))
    if len(real) != 1 or simulated != real:
        fail(f"digests of the final models: simulated {simulated}, real {real}")

    # The same program without CMake.
    paths = [os.path.join(root, "pkgconfig") for root, folders, _ in os.walk(prefix) if "pkgconfig" in folders]
    flags = run("pkg-config", "--cflags", "--libs", "starling", environment={"PKG_CONFIG_PATH": paths[0]}).split()
    plain = f"{project}/plain"
    run(os.environ.get("CXX", "g++"), f"{project}/train.cpp", f"{project}/rule.cpp", "-o", plain, *flags)
    holds("the program says what it needs", "SWARM_", run(plain, expect=2))
    print(f"same digest simulated and real: {' '.join(real)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
