#!/usr/bin/env python3
"""Checks what no compiler can: which layer includes what, banned words, file sizes.

usage: .ci/check.py [ROOT]     exit 0 = clean, 1 = findings (one a line: FILE:LINE: what, and what to do)
       .ci/check.py --self-test

Debian puts the headers of all libraries into the default path, so a target that links none of them
still compiles with all of them; and inside core/ every header is a path away.
"""
import os
import re
import subprocess
import sys
import tempfile

# Inside core/: each folder may include itself and what stands left of it.
CORE_ORDER = ["base", "params", "merge", "ledger", "wire", "trace", "node", "licence"]
CORE_NODES = {"ml", "sl", "sn", "tool"}  # see each other in messages only
CORE_BY_FOLDER = {folder: set(CORE_ORDER[:i + 1]) for i, folder in enumerate(CORE_ORDER)}
CORE_BY_FOLDER.update({folder: set(CORE_ORDER) | {folder} for folder in CORE_NODES})
# Leaves: Raft's shim, which the SN alone uses, the parser of JSON, which tools and torch's files need (nodes write
# JSON, and read none), and files for those that write some.
CORE_BY_FOLDER["raft"] = {"base", "ledger", "raft"}
CORE_BY_FOLDER["sn"] |= {"raft"}
CORE_BY_FOLDER["json"] = {"base", "json"}
CORE_BY_FOLDER["tool"] |= {"json"}
# Judges traces, whoever wrote them.
CORE_BY_FOLDER["check"] = {"base", "trace", "node", "check"}
CORE_BY_FOLDER["files"] = {"base", "files"}
# The picture of a run, by its trace events alone.
CORE_BY_FOLDER["board"] = {"base", "files", "trace", "board"}
# Records of runs, made from that picture.
CORE_BY_FOLDER["runs"] = {"base", "files", "json", "trace", "board", "runs"}
# The user's program sees its callback and the data types behind it.
CORE_BY_FOLDER["torch"] = {"base", "files", "json", "params", "trace", "ledger", "ml", "torch"}

# Inside deploy/: each folder is a library, and may include itself and these, which all stand above it here: no circles.
DEPLOY_BY_FOLDER = {
    "process": set(),
    "certs": set(),
    "storage": set(),
    "audit": {"storage"},
    "log": {"process"},
    "metrics": {"process"},
    "host": {"log", "process"},
    "licence": {"certs", "host"},
    "ml": {"host", "log", "process", "storage"},
    "swci": {"host", "process"},
    "board": {"host", "log", "process"},
    "runs": {"swci"},
    "python": {"host", "log", "ml", "process", "storage"},
}
DEPLOY_PROGRAMS = "programs"  # main functions, which may include every folder
DEPLOY_BUILD = "cmake"  # what CMake itself needs

# Top-level layer -> the layers that it may include.
LAYERS = {
    "core": {"core"},
    "transport": {"core", "transport"},
    "options": {"core", "options"},
    "sim": {"core", "transport", "options", "sim"},
    "deploy": {"core", "transport", "options", "deploy"},
    "examples": {"core", "transport", "examples"},
    "bench": {"core", "transport", "sim", "deploy", "bench"},
    "tests": {"core", "transport", "options", "sim", "deploy", "examples", "bench", "tests"},
}

# Third-party headers: pattern of the include -> library.
LIBRARIES = [
    (r"^(torch|ATen|c10)/", "torch"), (r"^(boost/)?asio(\.hpp|/)", "asio"), (r"^openssl/", "openssl"),
    (r"^(simgrid|xbt)/", "simgrid"), (r"^spdlog/", "spdlog"), (r"^CLI/", "cli11"), (r"^sqlite3\.h$", "sqlite"),
    (r"^(gtest|gmock)/", "gtest"), (r"^benchmark/", "benchmark"), (r"^raft(\.h|/)", "raft"),
    (r"^nlohmann/", "nlohmann-json"), (r"^pybind11/", "pybind11"), (r"^intel-ipsec-mb\.h$", "ipsec-mb"),
]
# Library -> patterns of the files that may include it. The first match of a file decides nothing: any will do.
ALLOWED = {
    "torch": [r"^core/torch/[^/]+\.cpp$", r"^core/torch/module_parameters\.hpp$", r"^core/torch/image_classifier\.hpp$",
              r"^examples/.+\.cpp$", r"^(tests|bench)/.+\.cpp$"],
    "asio": [r"^transport/tls/[^/]+\.(cpp|ipp)$", r"^deploy/board/[^/]+\.(cpp|hpp)$", r"^(tests|bench)/.+\.cpp$"],
    "openssl": [r"^transport/(tls|crypto)/[^/]+\.cpp$",
                r"^deploy/certs/.+\.cpp$", r"^deploy/certs/detail/[^/]+\.hpp$", r"^(tests|bench)/.+\.(cpp|hpp)$"],
    "simgrid": [r"^sim/[^/]+\.cpp$", r"^sim/sg_compat\.hpp$", r"^(tests|bench)/.+\.cpp$"],
    "spdlog": [r"^deploy/log/trace_log\.cpp$"],
    "cli11": [r"^[^/]+/.+_main\.cpp$", r"^options/flag_table\.cpp$", r"^sim/sim_flags\.cpp$",
              r"^examples/.+\.cpp$", r"^bench/.+\.cpp$"],
    "sqlite": [r"^deploy/(audit|storage)/[^/]+\.cpp$", r"^tests/.+\.cpp$"],
    "gtest": [r"^tests/"],
    "benchmark": [r"^bench/"],
    "nlohmann-json": [r"^core/json/[^/]+\.cpp$"],
    "ipsec-mb": [r"^transport/crypto/ipsec_mb\.hpp$"],
    "pybind11": [r"^deploy/python/[^/]+\.(cpp|hpp)$"],
    "raft": [r"^core/raft/[^/]+\.cpp$", r"^core/raft/detail/[^/]+\.hpp$"],
}

# (files, pattern, what to use instead)
BANNED = [
    (r"^core/", r"\bunordered_(map|set)\b", "std::map or std::set: one order everywhere"),
    (r"^core/", r"\b(system_clock|steady_clock|high_resolution_clock)\b", "the time that step() is given"),
    (r"^core/", r"\b(std::random_device|std::rand|srand)\b", "core/base/random.hpp with a seed"),
    (r"^(core|transport|sim|deploy)/", r"\bstd::(normal|uniform_\w+|bernoulli)_distribution\b",
     "core/base/random.hpp: the standard ones differ between libraries"),
    (r"^core/", r"\b(is_|if_)?simulated\b(?!\s*time)", "nothing: a node can't tell a simulation from a deployment"),
    (r"^tests/", r"\bsleep_for\b|\bsleep_until\b", "wait for the event, with a deadline"),
    (r"", r"\bFIXME\b", "an issue"),
]
LINES_MAX = 600
SOURCES = (".cpp", ".hpp", ".ipp")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def layer_findings(path, included):
    """What is wrong with a project header `included` in `path`."""
    own, other = path.split("/")[0], included.split("/")[0]
    if other not in LAYERS or own not in LAYERS:
        return
    if other not in LAYERS[own]:
        yield f"{own}/ must not include {other}/ ('{included}')"
    if own == other == "core":
        folder, target = path.split("/")[1], included.split("/")[1]
        if target not in CORE_BY_FOLDER.get(folder, {folder}):
            yield f"core/{folder} must not include core/{target} ('{included}'): the order is " + " < ".join(CORE_ORDER)
    if own == other == "deploy":
        folder, target = path.split("/")[1], included.split("/")[1]
        if folder != DEPLOY_PROGRAMS and target not in {folder} | DEPLOY_BY_FOLDER.get(folder, set()):
            yield f"deploy/{folder} must not include deploy/{target} ('{included}'): see DEPLOY_BY_FOLDER in .ci/check.py"


def library_findings(path, included):
    for pattern, library in LIBRARIES:
        if re.search(pattern, included) and not any(re.search(p, path) for p in ALLOWED[library]):
            yield f"{library} ('{included}') is not allowed here: keep it behind an interface"


def file_findings(path, text):
    lines = text.split("\n")
    if len(lines) > LINES_MAX:
        yield 1, f"{len(lines)} lines, at most {LINES_MAX}: one idea a file"
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            for what in (*layer_findings(path, match[2]), *library_findings(path, match[2])):
                yield number, what
        code = line.split("//")[0]
        for files, pattern, instead in BANNED:
            if re.search(files, path) and re.search(pattern, code if pattern != r"\bFIXME\b" else line):
                yield number, f"'{re.search(pattern, line)[0]}' is banned here: use {instead}"
    if path.endswith(".hpp") and "#pragma once" not in text:
        yield 1, "a header starts with #pragma once"


LIBRARY = re.compile(r"^\s*(?:starling_library|add_library)\(\w+([^)]*)\)", re.M)


def deploy_findings(texts):
    """Each folder of deploy/ that has C++ sources is one library of CMake's, and programs/ is executables.

    `texts`: path -> text, of sources and CMakeLists.txt; those of other layers are passed over.
    """
    folders = {}  # folder -> its sources, seen from there
    for path in texts:
        layer, *folder, source = path.split("/", 2)
        if layer == "deploy" and path.endswith(SOURCES) and folder != [DEPLOY_BUILD]:
            folders.setdefault("".join(folder), set()).add(source)
    for folder, sources in sorted(folders.items()):
        if not folder:
            yield f"deploy/{min(sources)}", 1, "sources of deploy/ stand in a folder with a library, main functions in programs/"
            continue
        build = f"deploy/{folder}/CMakeLists.txt"
        libraries = LIBRARY.findall(texts.get(build, ""))
        if folder == DEPLOY_PROGRAMS:
            if libraries or "add_executable(" not in texts.get(build, ""):
                yield build, 1, "programs/ is executables: what several share goes into the folder of a library"
            continue
        if len(libraries) != 1:
            yield build, 1, f"{len(libraries)} libraries: a folder of deploy/ is one, see starling_library()"
            continue
        if folder not in DEPLOY_BY_FOLDER:
            yield build, 1, f"which folders may deploy/{folder} include? DEPLOY_BY_FOLDER in .ci/check.py has to say it"
        listed = {word for word in libraries[0].split() if word.endswith(".cpp")}
        for name in sorted(listed ^ {source for source in sources if source.endswith(".cpp")}):
            yield build, 1, f"{name}: a library of deploy/ is made of all sources of its folder, and of no others"


EVENT = re.compile(r'TraceEvent(?:\s+\w+)?\s*\(')
REGISTERED = re.compile(r'^    \{"([a-z_]+)", "', re.M)
REGISTRY = "core/trace/event_kinds.cpp"


def emitted_events(text):
    """The literals in the parentheses of each TraceEvent(...): one, or those of a ternary."""
    for match in EVENT.finditer(text):
        at, depth = match.end(), 1
        while depth > 0 and at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        yield from re.findall(r'"([a-z_]+)"', text[match.end():at])


def event_findings(texts):
    """Each event that the product reports is registered, and each that is registered is reported."""
    registered = set(REGISTERED.findall(texts.get(REGISTRY, "")))
    emitted = {}
    for path, text in texts.items():
        if path.split("/")[0] in ("core", "transport", "deploy", "sim", "examples") and path != REGISTRY:
            emitted.update((name, path) for name in emitted_events(text))
    for name in sorted(emitted.keys() - registered):
        yield emitted[name], 1, f"event '{name}' is not registered: add it to {REGISTRY}"
    for name in sorted(registered - emitted.keys()):
        yield REGISTRY, 1, f"nothing reports event '{name}': remove it"


def check(root):
    count = 0
    texts = {}
    for top in sorted(LAYERS):
        for folder, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                if not name.endswith(SOURCES) and name != "CMakeLists.txt":
                    continue
                full = os.path.join(folder, name)
                path = os.path.relpath(full, root)
                with open(full, encoding="utf-8") as file:
                    texts[path] = file.read()
                if not name.endswith(SOURCES):
                    continue
                for number, what in file_findings(path, texts[path]):
                    print(f"{path}:{number}: {what}")
                    count += 1
    for path, number, what in (*event_findings(texts), *deploy_findings(texts)):
        print(f"{path}:{number}: {what}")
        count += 1
    return count


def self_test_deploy():
    """Breaches of the rules for the folders of deploy/ that pass unseen, and right trees that do not pass."""
    library = "starling_library(starling_log a.cpp detail/b.cpp\n    LINK starling_core)\n"
    right = {"deploy/log/CMakeLists.txt": library, "deploy/log/a.cpp": "", "deploy/log/a.hpp": "", "deploy/log/detail/b.cpp": "",
             "deploy/programs/CMakeLists.txt": "add_executable(swci swci_main.cpp)\n", "deploy/programs/swci_main.cpp": "",
             "deploy/cmake/precompiled.cpp": "", "sim/a.cpp": ""}
    bad = [
        ({"deploy/a.cpp": ""}, "stand in a folder"),
        ({"deploy/log/CMakeLists.txt": ""}, "0 libraries"),
        ({"deploy/log/CMakeLists.txt": library + "starling_library(starling_more c.cpp)\n"}, "2 libraries"),
        ({"deploy/log/forgotten.cpp": ""}, "forgotten.cpp"),
        ({"deploy/log/CMakeLists.txt": library.replace("a.cpp", "a.cpp ../host/c.cpp")}, "../host/c.cpp"),
        ({"deploy/new/CMakeLists.txt": "starling_library(starling_new a.cpp)\n", "deploy/new/a.cpp": ""}, "DEPLOY_BY_FOLDER"),
        ({"deploy/programs/CMakeLists.txt": "starling_library(starling_swci swci_main.cpp)\n"}, "programs/ is executables"),
    ]
    failed = [f"a right tree: {what}" for *_, what in deploy_findings(right)]
    for change, part in bad:
        found = [what for *_, what in deploy_findings({**right, **change})]
        if len(found) != 1 or part not in found[0]:
            failed.append(f"{change}: {found}")
    seen = set()
    for folder, may in DEPLOY_BY_FOLDER.items():
        if not may <= seen:
            failed.append(f"DEPLOY_BY_FOLDER: {folder} names {may - seen}, which must stand above it")
        seen.add(folder)
    for text in failed:
        print(f"self-test: deploy: {text}")
    return len(bad) + 2, len(failed)


def self_test():
    """Every rule must catch a breach, and let the right thing pass."""
    bad = [
        ("core/base/a.hpp", '#pragma once\n#include "core/node/node.hpp"', "must not include core/node"),
        ("core/sl/a.cpp", '#include "core/sn/sn_node.hpp"', "must not include core/sn"),
        ("core/node/a.cpp", '#include "transport/endpoint.hpp"', "core/ must not include transport/"),
        ("sim/a.cpp", '#include "deploy/x.hpp"', "sim/ must not include deploy/"),
        ("deploy/host/a.cpp", '#include "sim/x.hpp"', "deploy/ must not include sim/"),
        ("transport/a.cpp", '#include "options/node_options.hpp"', "transport/ must not include options/"),
        ("core/node/a.cpp", '#include "options/node_options.hpp"', "core/ must not include options/"),
        ("options/a.cpp", '#include "transport/endpoint.hpp"', "options/ must not include transport/"),
        ("options/node_options.cpp", "#include <CLI/CLI.hpp>", "cli11"),
        ("deploy/log/a.cpp", '#include "deploy/host/node_host.hpp"', "deploy/log must not include deploy/host"),
        ("deploy/new/a.cpp", '#include "deploy/host/node_host.hpp"', "deploy/new must not include deploy/host"),
        ("deploy/host/a.cpp", '#include "deploy/programs/node_main.hpp"', "must not include deploy/programs"),
        ("core/ml/a.cpp", "#include <torch/torch.h>", "torch"),
        ("transport/tls/a.hpp", "#pragma once\n#include <openssl/ssl.h>", "openssl"),
        ("sim/a.hpp", "#pragma once\n#include <simgrid/s4u.hpp>", "simgrid"),
        ("deploy/host/a.cpp", "#include <spdlog/spdlog.h>", "spdlog"),
        ("deploy/host/a.cpp", "#include <sqlite3.h>", "sqlite"),
        ("deploy/host/a.cpp", "#include <openssl/evp.h>", "openssl"),
        ("core/sn/a.cpp", '#include "core/json/json.hpp"', "must not include core/json"),
        ("deploy/a.cpp", "#include <nlohmann/json.hpp>", "nlohmann-json"),
        ("core/tool/a.cpp", '#include "core/sn/sn_status.hpp"', "must not include core/sn"),
        ("core/sl/a.cpp", "std::unordered_map<int, int> m;", "std::map"),
        ("core/sl/a.cpp", "auto t = std::chrono::steady_clock::now();", "step()"),
        ("core/sl/a.cpp", "if (simulated) {", "can't tell"),
        ("tests/core/a.cpp", "std::this_thread::sleep_for(1s);", "wait for the event"),
        ("core/base/a.hpp", "int x;", "#pragma once"),
        ("core/base/a.cpp", "\n" * 700, "at most"),
    ]
    good = [
        ("core/sl/a.cpp", '#include "core/node/node.hpp"\n// no unordered_map here'),
        ("core/torch/a.cpp", "#include <torch/torch.h>"),
        ("transport/tls/a.cpp", "#include <asio.hpp>\n#include <openssl/ssl.h>"),
        ("options/flag_table.cpp", "#include <CLI/CLI.hpp>"),
        ("sim/a.cpp", '#include "options/node_options.hpp"'),
        ("deploy/host/a.cpp", '#include "deploy/log/trace_log.hpp"\n#include "options/node_options.hpp"'),
        ("deploy/programs/a_main.cpp", '#include "deploy/swci/swci_session.hpp"'),
        ("sim/sg_compat.hpp", "#pragma once\n#include <simgrid/s4u.hpp>"),
        ("tests/sim/a.cpp", '#include "sim/x.hpp"\n#include <gtest/gtest.h>'),
    ]
    failed = 0
    for path, text, part in bad:
        found = [what for _, what in file_findings(path, text)]
        if not any(part in what for what in found):
            print(f"self-test: {path}: '{text[:40]}' was not caught ({found})")
            failed += 1
    for path, text in good:
        found = list(file_findings(path, text))
        if found:
            print(f"self-test: {path} is fine, but: {found}")
            failed += 1
    table = 'constexpr EventKind kinds[] = {\n    {"here", "SN", "", ""},\n    {"gone", "SN", "", ""},\n};'
    source = 'report(TraceEvent(led ? "here" : "new_one").with("a", f(1)), effects);'
    found = [what for *_, what in event_findings({REGISTRY: table, "core/sn/a.cpp": source})]
    if len(found) != 2 or "'new_one' is not registered" not in found[0] or "'gone'" not in found[1]:
        print(f"self-test: events: {found}")
        failed += 1
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "core/base"))
        with open(os.path.join(root, "core/base/a.cpp"), "w", encoding="utf-8") as file:
            file.write('#include "core/sn/sn_node.hpp"\n')
        run = subprocess.run([sys.executable, __file__, root], capture_output=True, text=True, check=False)
        if run.returncode != 1 or "core/base/a.cpp:1" not in run.stdout:
            print(f"self-test: a breach in a tree must end with 1: {run}")
            failed += 1
    deploy_cases, deploy_failed = self_test_deploy()
    failed += deploy_failed
    print(f"check.py --self-test: {len(bad) + len(good) + 2 + deploy_cases} cases, {failed} failed")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    count = check(root)
    print(f"check.py: {count} findings")
    sys.exit(1 if count else 0)


main()
