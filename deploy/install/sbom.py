#!/usr/bin/env python3
"""Writes what programs are made of as a software bill of materials: SPDX 2.3, JSON.

usage: sbom.py NAME VERSION TIME OUT PROGRAM...      TIME: seconds since 1970 (of the last commit), for a file that can
                                                     be made again byte for byte

Components are the Debian packages of the shared libraries that the dynamic linker loads for the programs, and those
that a program contains: headers and static libraries. On a system without dpkg, libraries are named without a version.
"""
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse

# Compiled in, where the build has them.
CONTAINED = ("libraft-dev", "libasio-dev", "libcli11-dev", "nlohmann-json3-dev")


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def libraries_of(program):
    """Real paths of the shared libraries that `program` loads."""
    return {os.path.realpath(path) for path in re.findall(r"=> (/\S+)", output("ldd", program))}


def package_of(path):
    """The Debian package of a file; None: of no package, or there is no dpkg."""
    if not shutil.which("dpkg"):
        return None
    # Packages list what a merged /usr has in /usr/lib as /lib as well.
    for place in (path, path.removeprefix("/usr"), "/usr" + path):
        owner = output("dpkg", "-S", place).split(": ")[0]
        if owner and not owner.startswith("diversion"):
            return owner.split(",")[0].split(":")[0]
    return None


def component(name, how):
    """A package of the document. `how`: dynamic or static."""
    known = output("dpkg-query", "-W", "-f", "${Version} ${Architecture} ${source:Package}", name) if shutil.which("dpkg-query") else ""
    version, architecture, source = known.split() if known else ("NOASSERTION", "", "")
    entry = {"SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name, "versionInfo": version,
             "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
             "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION"}
    if known:
        entry["sourceInfo"] = f"Debian source package {source}"
        entry["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": f"pkg:deb/debian/{name}@{urllib.parse.quote(version, safe='~')}?arch={architecture}"}]
    return entry, "DYNAMIC_LINK" if how == "dynamic" else "STATIC_LINK"


def document(name, version, time, programs):
    libraries = set().union(*(libraries_of(program) for program in programs))
    dynamic = {package_of(path) or os.path.basename(path) for path in libraries}
    static = {package for package in CONTAINED if not shutil.which("dpkg-query") or
              output("dpkg-query", "-W", "-f", "${Status}", package) == "install ok installed"}
    components = [component(one, "dynamic") for one in sorted(dynamic)] + [component(one, "static") for one in sorted(static - dynamic)]
    root = {"SPDXID": "SPDXRef-Package", "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0",
            "copyrightText": "NOASSERTION", "primaryPackagePurpose": "APPLICATION",
            "comment": "Programs: " + ", ".join(sorted(os.path.basename(program) for program in programs))}
    packages = [root] + [entry for entry, _ in components]
    identity = hashlib.sha256(json.dumps(packages, sort_keys=True).encode()).hexdigest()[:32]
    created = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"{name}-{version}",
            "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{version}-{identity}",
            "creationInfo": {"created": created, "creators": ["Tool: starling-sbom"]},
            "packages": packages,
            "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                               "relatedSpdxElement": "SPDXRef-Package"}] +
                             [{"spdxElementId": "SPDXRef-Package", "relationshipType": how, "relatedSpdxElement": entry["SPDXID"]}
                              for entry, how in components]}


def main():
    if len(sys.argv) < 6:
        sys.exit(__doc__)
    name, version, time, out, *programs = sys.argv[1:]
    os.makedirs(os.path.dirname(os.path.abspath(out)), exist_ok=True)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(document(name, version, int(time), programs), file, indent=1)
        file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
