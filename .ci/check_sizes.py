#!/usr/bin/env python3
"""Checks that no function has more than 70 lines and no class more than 20 data fields, tests included.

usage: .ci/check_sizes.py [ROOT]     exit 0 = clean, 1 = findings (one a line: FILE:LINE: name, count, limit)
       .ci/check_sizes.py --self-test

Lines of a function are those from its name to its closing brace; a lambda counts for the function that it stands in.
Fields are the class's own non-static ones, not those of its bases and of classes inside it. universal-ctags reads the
C++. Compared with clang's count of 941 classes and 2301 functions of this tree, it does not see a std::function whose
parameters have names, and adds up the specialisations of a template in one file; all else is the same.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

LINES_MAX = 70
FIELDS_MAX = 20
LAYERS = ("core", "transport", "options", "sim", "deploy", "examples", "bench", "tests")


def sources(root):
    for layer in LAYERS:
        for folder, _, names in os.walk(os.path.join(root, layer)):
            for name in names:
                if name.endswith((".cpp", ".hpp")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def tags(root):
    """Functions, classes and fields in the sources below `root`, as ctags describes them."""
    command = ["ctags-universal", "--options=NONE", "--quiet", "--language-force=C++", "--kinds-C++=fmcsu",
               "--output-format=json", "--fields=+neZS", "--fields-C++=+{properties}", "-L", "-", "-f", "-"]
    try:
        run = subprocess.run(command, cwd=root, input="\n".join(sorted(sources(root))), capture_output=True, text=True,
                             check=True)
    except FileNotFoundError:
        sys.exit("check_sizes.py: ctags-universal is missing: deploy/install-deps installs it")
    for line in run.stdout.splitlines():
        yield json.loads(line)


def full_name(scope, name):
    """`starling::SnNode::step`: without the names that ctags makes up for namespaces that have none."""
    return re.sub(r"\b__anon\w+::", "", f"{scope}::{name}" if scope else name)


def findings(root):
    fields = {}  # (file, class) -> count
    lines = {}  # (file, class) -> line
    for tag in tags(root):
        path, scope, name = tag["path"], tag.get("scope", ""), tag["name"]
        if tag["kind"] == "member":
            if "static" not in tag.get("properties", ""):
                fields[path, scope] = fields.get((path, scope), 0) + 1
        elif tag["kind"] != "function":
            lines[path, f"{scope}::{name}" if scope else name] = tag["line"]
        else:
            count = tag["end"] - tag["line"] + 1
            # A test's name stands where other functions have their parameters.
            shown = name + tag["signature"].replace(",", ", ") if name.startswith("TEST") else full_name(scope, name)
            if count > LINES_MAX:
                yield path, tag["line"], f"function {shown} has {count} lines, at most {LINES_MAX}"
    for (path, scope), count in fields.items():
        name = full_name("", scope)
        if count > FIELDS_MAX:
            yield path, lines.get((path, scope), 1), f"class {name} has {count} fields, at most {FIELDS_MAX}"


def check(root):
    found = sorted(findings(root))
    for path, line, what in found:
        print(f"{path}:{line}: {what}")
    return len(found)


def function(head, count):
    return "\n".join([head, *["    f();"] * (count - 2), "}", ""])


def members(count):
    return "".join(f"    std::map<int, std::function<void(int)>> m{i} = {{}};\n" for i in range(count))


CASES = [  # (text, parts of the findings that must come, in their order)
    (function("void a() {", LINES_MAX), []),
    (function("void a() {", LINES_MAX + 1), [":1: function a has 71 lines"]),
    ("namespace n {\n" + function("void A::b(std::function<void(int)> x) const {", 71) + "}", [":2: function n::A::b "]),
    (function("TEST(Group, Name) {", 71), [":1: function TEST(Group, Name) "]),
    (function("void a() {\n    auto f = [&](int x) {\n        return x;\n    };", 68), [":1: function a has 71 lines"]),
    (function("template <typename T>\nauto a(T t) -> decltype(t) {", 71), [":2: function a has 71 lines"]),
    ("struct A {\n" + members(FIELDS_MAX) + "};\n", []),
    ("namespace {\nstruct A {\n" + members(FIELDS_MAX + 1) + "};\n}", [":2: class A has 21 fields"]),
    ("class A {\n    struct B {\n" + members(15) + "    };\n" + members(15) + "};\n", []),
    ("class A {\n    class B {\n" + members(21) + "    };\n" + members(21) + "};\n", ["class A ", "class A::B "]),
    ("struct A {\n" + members(20) + "    static int s;\n    static constexpr int t = 1;\n    int f() const;\n"
     "    using T = int;\n    enum E { x, y };\n    friend class B;\n    virtual void g(int) = 0;\n};\n", []),
    ("struct A {\n" + members(18) + "    int a, b[2], *c;\n};\n", ["21 fields"]),
]


def self_test():
    failed = 0
    for text, expected in CASES:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, "core"))
            with open(os.path.join(root, "core/a.hpp"), "w", encoding="utf-8") as file:
                file.write(text)
            run = subprocess.run([sys.executable, __file__, root], capture_output=True, text=True, check=False)
        found = run.stdout.splitlines()[:-1]
        if run.returncode != bool(expected) or len(found) != len(expected) or \
                not all(part in one for part, one in zip(expected, found)):
            print(f"self-test: '{text[:60]}': expected {expected}, found {found} {run.stderr}")
            failed += 1
    print(f"check_sizes.py --self-test: {len(CASES)} cases, {failed} failed")
    return failed


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    count = check(root)
    print(f"check_sizes.py: {count} findings")
    sys.exit(1 if count else 0)


main()
