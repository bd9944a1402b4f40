#!/usr/bin/env python3
"""Writes a manual page in man(7) from what a program's --help prints, so that both always say the same.

usage: man_page.py PROGRAM PAGE [VERSION]      PAGE: "-" for standard output; compressed if it ends with .gz
       man_page.py --self-test

The help is, as CLI11 and options/flag_table.cpp print it: what the program does, "Usage: ...", operands, groups of flags
("Network:", two spaces, the flag, its text, which may go on in lines that are indented further), and last "Example:"
or "Examples:" with commands and words about them, which are shown as they stand. The help of a Python script (argparse:
"usage: ..." comes first) is shown as it stands, after its first sentence.
"""
import gzip
import os
import re
import subprocess
import sys

HEAD = re.compile(r"^(\S.*):$")
ITEM = re.compile(r"^ {1,8}(\S+(?: \S+)*?)(?: {2,}(\S.*))?$")


def escaped(text):
    """`text` as troff shows it unchanged: hyphens that can be copied, no line that is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def items(lines):
    """Pairs (flag, text) of a group of the help. A line that is indented further continues the text before it."""
    found = []
    for line in lines:
        item = ITEM.match(line)
        if item:
            found.append([item[1], item[2] or ""])
        elif line.strip() and found:
            found[-1][1] = (found[-1][1] + " " + line.strip()).strip()
    return found


def parts(text):
    """The help's parts: description (lines), usage (str), operands (lines), groups [(name, lines)], examples (lines)."""
    description, usage, operands, groups, examples = [], "", [], [], None
    for line in text.rstrip().split("\n"):
        head = HEAD.match(line)
        if examples is not None:
            examples.append(line)
        elif line.startswith("Usage:"):
            usage = line[len("Usage:"):].strip()
        elif head and head[1] in ("Example", "Examples"):
            examples = []
        elif head:
            groups.append((head[1], []))
        elif groups:
            groups[-1][1].append(line)
        else:
            (operands if usage else description).append(line)
    return description, usage, operands, groups, examples or []


def script_page(program, version, text):
    """Of argparse's help: the usage, an empty line, what the script does, and the rest in lines of its own."""
    usage, rest = text.rstrip().split("\n\n", 1)
    first = " ".join(rest.split()).split(". ")[0].rstrip(".")
    return "\n".join([
        f'.TH {program.upper()} 1 "" "Starling {version}" "Starling"', ".SH NAME",
        f"{escaped(program)} \\- {escaped(first[:1].lower() + first[1:])}", ".SH SYNOPSIS",
        f".B {escaped(program)}", escaped(" ".join(usage.split()[2:])), ".SH DESCRIPTION", ".nf",
        *(escaped(line) for line in rest.split("\n")), ".fi"]) + "\n"


def page(program, version, text):
    if text.startswith("usage: "):
        return script_page(program, version, text)
    description, usage, operands, groups, examples = parts(text)
    words = " ".join(" ".join(description).split())
    first = words.split(". ")[0].rstrip(".")
    arguments = re.sub(r"^\S+\s*", "", usage)
    out = [f'.TH {program.upper()} 1 "" "Starling {version}" "Starling"', ".SH NAME",
           f"{escaped(program)} \\- {escaped(first[:1].lower() + first[1:])}",
           ".SH SYNOPSIS", f".B {escaped(program)}", escaped(arguments or "[OPTIONS]"),
           ".SH DESCRIPTION", escaped(words)]
    if any(operands):
        out += [".PP", ".nf"] + [escaped(line) for line in operands if line] + [".fi"]
    for name, lines in groups:
        out.append(f".SH {escaped(name.upper())}")
        pairs = items(lines)
        if not pairs:
            out.append(escaped(" ".join(" ".join(lines).split())))
        for flag, help_text in pairs:
            out += [".TP", f"\\fB{escaped(flag)}\\fR", escaped(help_text) or "\\&"]
    if examples:
        out += [".SH EXAMPLES", ".nf"] + [escaped(line) for line in examples] + [".fi"]
    return "\n".join(out) + "\n"


def self_test():
    text = ("Does one thing. And more.\nUsage: ./tool [OPTIONS] FILE\n\nFILE   what is read\n\nNetwork:\n  -h,--help      Print it\n"
            "  --a-very-long-flag ADDRESS:PORT\n                 What it does,\n                 in two lines\n\n"
            "Example:\n  tool --x\n.starts with a dot\n")
    made = page("tool", "1.2", text)
    expected = [
        '.TH TOOL 1 "" "Starling 1.2" "Starling"', "tool \\- does one thing", ".B tool\n[OPTIONS] FILE",
        ".SH DESCRIPTION\nDoes one thing. And more.\n.PP\n.nf\nFILE   what is read\n.fi\n",
        ".SH NETWORK\n.TP\n\\fB\\-h,\\-\\-help\\fR\nPrint it\n",
        "\\fB\\-\\-a\\-very\\-long\\-flag ADDRESS:PORT\\fR\nWhat it does, in two lines\n",
        ".SH EXAMPLES\n.nf\n  tool \\-\\-x\n\\&.starts with a dot\n.fi\n"]
    made += page("script", "", "usage: script [-h]\n              FILE\n\nDraws a line. Or more.\n\n    {\"key\": 1}\n\noptions:\n  -h  help\n")
    expected += ['script \\- draws a line', ".B script\n[\\-h] FILE", '.nf\nDraws a line. Or more.\n\n    {"key": 1}\n\noptions:\n  \\-h  help\n.fi']
    missing = [part for part in expected if part not in made]
    for part in missing:
        print(f"self-test: {part!r} is not in\n{made}")
    return 1 if missing else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    program = sys.argv[1]
    name = os.path.basename(program)
    done = subprocess.run([program, "--help"], capture_output=True, text=True, check=False)
    # A program of HPE's that is not here says so on standard error.
    shown = done.stdout if done.returncode == 0 else done.stderr.replace(f"{name}: ", "", 1)
    if not shown:
        sys.exit(f"man_page.py: {program} --help prints nothing, exit code {done.returncode}")
    made = page(name, sys.argv[3] if len(sys.argv) == 4 else "", shown.replace(program, name))
    if sys.argv[2] == "-":
        sys.stdout.write(made)
    else:
        os.makedirs(os.path.dirname(os.path.abspath(sys.argv[2])), exist_ok=True)
        data = made.encode()
        if sys.argv[2].endswith(".gz"):
            data = gzip.compress(data, mtime=0)  # without the time: the same help makes the same file
        with open(sys.argv[2], "wb") as file:
            file.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
