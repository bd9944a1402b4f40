#!/usr/bin/env python3
"""Checks that every program that scripts and tests call comes with a package that deploy/install-deps lists, or with
one that each Debian system has (Essential: yes).

usage: .ci/check_programs.py [ROOT]      exit 0 = all do; 1 = findings (FILE:LINE: what, and what to do); 77 = no dpkg
       .ci/check_programs.py --list      also shows what was found: PROGRAM, its package, the first FILE:LINE
       .ci/check_programs.py --self-test

It reads shell scripts, the sh blocks of the examples' pages (which examples/cifar10/two-hosts carries out), Python
scripts, and the command lines in the C++ of tests and benchmarks. A program that is named by a variable is not seen.
"""
import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Called only where it is there, or by a script that says what to do where it is not.
OPTIONAL = {
    "apt-get": "install-deps and get-promtool look for it first",
    "apt-cache": "of the same package",
    "systemd-nspawn": "packages_test.py looks for it first",
    "sbatch": "slurm_test.py looks for it first",
    "xdg-open": "examples/cifar10/run looks for it first, and only where there is a display",
    "systemctl": "packages call it where systemd runs",
    "sudo": "install-deps looks for it first, and only without root",
}
# Programs of a package that a listed one always brings along.
COMES_WITH = {"python3-minimal": "python3", "mawk": "base-files", "gawk": "base-files", "original-awk": "base-files"}
# Words before a command; with "-c" a text is one.
WRAPPERS = {"exec", "command", "env", "sudo", "timeout", "nice", "xargs", "nohup", "setsid", "setpriv", "unshare", "nsenter", "time", "builtin"}
SHELLS = {"sh", "bash", "dash"}
KEYWORDS = {"if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "esac", "time"}
BUILTINS = set(subprocess.run(["bash", "-c", "compgen -b"], capture_output=True, text=True, check=True).stdout.split())
# Functions of the C++ tests that take a command line.
CPP_CALLS = r"\b(?:run|output_of|popen|system|script|shell)\("
PROGRAM = re.compile(r"^[a-z][a-z0-9._+-]*$")


class Shell:
    """Finds the words at command position of a shell text, by a reading of it that needs no more than our scripts."""

    def __init__(self, text, line, found, functions):
        self.text, self.at, self.line, self.found, self.functions = text, 0, line, found, functions
        self.heredocs = []

    def peek(self, count=1):
        return self.text[self.at:self.at + count]

    def take(self, count=1):
        taken = self.peek(count)
        self.at += len(taken)
        self.line += taken.count("\n")
        return taken

    def nested(self, text, line):
        Shell(text, line, self.found, self.functions).read()

    def parenthesis(self):
        """The text up to the ')' that belongs to the '(' just taken."""
        start, depth = self.at, 1
        while self.at < len(self.text):
            c = self.take()
            if c == "\\":
                self.take()
            elif c == "'":
                self.until("'")
            elif c == '"':
                self.double_quoted(look=False)
            elif c == "(":
                depth += 1
            elif c == ")":
                depth -= 1
                if depth == 0:
                    return self.text[start:self.at - 1]
        return self.text[start:]

    def until(self, end):
        taken = ""
        while self.at < len(self.text) and self.peek(len(end)) != end:
            taken += self.take()
        self.take(len(end))
        return taken

    def dollar(self, look):
        """A '$' was taken: what follows it. "" if it is an expansion, which has no fixed text."""
        line = self.line
        if self.peek(2) == "((":
            self.take()
            self.take()
            self.parenthesis()
            self.take()
        elif self.peek() == "(":
            self.take()
            inner = self.parenthesis()
            if look:
                self.nested(inner, line)
        elif self.peek() == "{":
            depth = 0
            while self.at < len(self.text):
                c = self.take()
                if c == "$" and self.peek() == "(":
                    self.dollar(look)
                depth += {"{": 1, "}": -1}.get(c, 0)
                if depth == 0:
                    break
        else:
            self.at += len(re.match(r"\w+|[@*#?$!-]?", self.text[self.at:])[0])

    def double_quoted(self, look=True):
        text = ""
        while self.at < len(self.text):
            c = self.take()
            if c == '"':
                break
            if c == "\\":
                text += self.take()
            elif c == "$":
                self.dollar(look)
                text += "$_"
            else:
                text += c
        return text

    def word(self):
        """The next word: its text with "$_" for each expansion."""
        text = ""
        while self.at < len(self.text):
            c = self.peek()
            if c in " \t\n;&|)<>" or (c == "(" and not text.endswith(("=", "$_", "@", "?", "!"))):
                break
            self.take()
            if c == "\\":
                text += self.take()
            elif c == "'":
                text += self.until("'")
            elif c == '"':
                text += self.double_quoted()
            elif c == "$" and self.peek() == "'":
                self.take()
                text += self.until("'")
            elif c == "$":
                self.dollar(True)
                text += "$_"
            elif c == "(":  # of an array
                line = self.line
                self.words_only(self.parenthesis(), line)
            else:
                text += c
        return text

    def words_only(self, text, line):
        """Words that are no commands, with commands inside them perhaps."""
        inner = Shell(text, line, self.found, self.functions)
        while inner.at < len(inner.text):
            if inner.peek() == "#":
                inner.comment()
            elif not inner.word():
                inner.take()

    def comment(self):
        while self.at < len(self.text) and self.peek() != "\n":
            self.take()

    def redirection(self):
        """'<' or '>' is next."""
        operator = self.take()
        if self.peek() == "(":
            line = self.line
            self.take()
            self.nested(self.parenthesis(), line)
            return
        while self.peek() and self.peek() in "<>&|-":
            operator += self.take()
        while self.peek() and self.peek() in " \t":
            self.take()
        if self.peek() == "<":
            self.redirection()
            return
        target = self.word()
        if operator in ("<<", "<<-"):
            self.heredocs.append(target)

    def newline(self):
        self.take()
        for end in self.heredocs:
            while self.at < len(self.text):
                line = ""
                while self.at < len(self.text) and self.peek() != "\n":
                    line += self.take()
                self.take()
                if line.strip() == end:
                    break
        self.heredocs = []

    def patterns(self):
        """In a case: skips the patterns of the next branch. False at esac."""
        while True:
            while self.peek() and self.peek() in " \t\n":
                self.take()
            if self.peek() != "#":
                break
            self.comment()
        if re.match(r"esac\b", self.text[self.at:]):
            return False
        while self.at < len(self.text) and self.peek() != ")":
            if not self.word():
                self.take()
        self.take()
        return True

    def read(self):
        expects, cases = True, 0
        while self.at < len(self.text):
            c = self.peek()
            if c in " \t" or self.peek(2) == "\\\n":
                self.take(2 if c == "\\" else 1)
            elif c == "\n":
                self.newline()
                expects = True
            elif c == "#":
                self.comment()
            elif c in "<>":
                self.redirection()
            elif self.peek(2) == ";;":
                self.take(2)
                expects = True
                if cases and not self.patterns():
                    cases -= 1
            elif c in ";&|()":
                if self.peek(2) == "((" and expects:
                    self.take(2)
                    self.parenthesis()
                    self.take()
                    continue
                self.take()
                expects = True
            else:
                line, word = self.line, self.word()
                if not word:
                    self.take()
                elif expects:
                    expects = self.at_command(word, line)
                    if word == "case":
                        while self.word() != "in":
                            self.take()
                        cases += 1
                        if not self.patterns():
                            cases -= 1
                        expects = True

    def rest_of_command(self):
        """The words up to the end of a simple command."""
        words = []
        while self.at < len(self.text) and self.peek() not in "\n;&|)":
            if self.peek() in " \t" or self.peek(2) == "\\\n":
                self.take(2 if self.peek() == "\\" else 1)
            elif self.peek() in "<>":
                self.redirection()
            elif self.peek() == "#":
                self.comment()
            else:
                line, word = self.line, self.word()
                words.append((word, line))
                if not word:
                    break
        return words

    def at_command(self, word, line):
        """A word where a command may be. True if the next one may be one too."""
        if word in KEYWORDS or re.match(r"^\w+(\[[^]]*\])?\+?=", word):
            return True
        if word in ("for", "select", "function", "case"):
            if word == "function":
                self.functions.add(self.rest_of_command()[0][0])
            elif word != "case":
                self.rest_of_command()
            return False
        if word == "[[":
            while self.at < len(self.text) and self.word() != "]]":
                if self.peek() and self.peek() in " \t\n;&|()<>":
                    self.take()
            return False
        if re.match(r"^\s*\(\s*\)", self.text[self.at:]):
            self.functions.add(word)
            self.take(self.text[self.at:].index(")") + 1)
            return True
        if word == "$_":  # a list of words that may end with a wrapper
            return False
        self.simple_command([(word, line)] + self.rest_of_command())
        return False

    def simple_command(self, words):
        word, line = words[0]
        if PROGRAM.match(os.path.basename(word)) and (word == os.path.basename(word) or word.startswith(("/bin/", "/usr/"))):
            self.found.append((os.path.basename(word), line))
        name = os.path.basename(word)
        rest = words[1:]
        if name == "trap" and rest:
            self.nested(*rest[0])
        elif name in SHELLS:
            for (option, _), (text, at) in zip(rest, rest[1:]):
                if option == "-c":
                    self.nested(text, at)
        elif name == "ip" and [w for w, _ in rest[:2]] == ["netns", "exec"] and len(rest) > 3:
            self.simple_command(rest[3:])
        elif name == "command" and rest and rest[0][0] == "-v":
            pass  # asks whether it is there
        elif name in WRAPPERS:
            while rest and (re.match(r"^(-|\$_$|[A-Z_a-z]+=|[0-9.]+[smh]?$|[A-Z]+$)", rest[0][0]) or not rest[0][0]):
                rest = rest[1:]
            if rest:
                self.simple_command(rest)


def shell_calls(text, line=1):
    found, functions = [], set()
    Shell(text, line, found, functions).read()
    return [(name, at) for name, at in found], functions


def block_calls(text):
    """The ```sh blocks of a page."""
    for match in re.finditer(r"^```sh[^\n]*\n(.*?)^```", text, re.S | re.M):
        if not match[0].startswith("```sh copy"):  # two-hosts does that one itself
            yield from shell_calls(match[1], text[:match.start(1)].count("\n") + 1)[0]


def python_calls(text):
    """Lists of words that begin with a program: what subprocess and our own helpers are given."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        for argument in node.args:
            for part in ast.walk(argument):
                if isinstance(part, ast.List) and len(part.elts) > 1 and isinstance(part.elts[0], ast.Constant):
                    words = [e.value if isinstance(e, ast.Constant) and isinstance(e.value, str) else "$_" for e in part.elts]
                    if PROGRAM.match(words[0]):
                        found = []
                        Shell("", 1, found, set()).simple_command([(word, part.lineno) for word in words])
                        yield from found


def expression_end(text, at):
    """Where the argument at `at` of a C++ call or list ends."""
    depth, quoted = 0, False
    while at < len(text):
        c = text[at]
        if quoted:
            at += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "({[":
            depth += 1
        elif c in ")}]" or (c == "," and depth == 0):
            if depth == 0:
                return at
            depth -= 1
        at += 1
    return at


def cpp_text(expression):
    """The string of a C++ expression, with "$_" for what is not a literal; None without a literal."""
    literals = re.findall(r'"((?:[^"\\]|\\.)*)"', expression)
    if not literals or "R\"" in expression:
        return None
    text = re.sub(r'"\s*"', "", expression)
    parts = re.split(r'"((?:[^"\\]|\\.)*)"', text)
    joined = "".join(part if i % 2 else ("$_" if part.strip(" \n+") else "") for i, part in enumerate(parts))
    return joined.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


def cpp_calls(text):
    for match in re.finditer(r'"/(?:usr/)?s?bin/([a-z][\w.+-]*)"', text):
        yield match[1], text[:match.start()].count("\n") + 1
    starts = [m.end() for m in re.finditer(r'"-c",\s*', text)]
    for match in re.finditer(CPP_CALLS, text):
        only_first = match[0] in ("popen(", "system(")
        at = match.end()
        while at < len(text):  # up to the first argument with a text in it
            end = expression_end(text, at)
            if '"' in text[at:end]:
                starts.append(at)
            if only_first or '"' in text[at:end] or text[end:end + 1] != ",":
                break
            at = end + 1
    for at in starts:
        command = cpp_text(text[at:expression_end(text, at)])
        if command:
            line = text[:at].count("\n") + 1
            yield from ((name, line) for name, _ in shell_calls(command)[0])


def files_of(root):
    """(path, text) of what is looked at."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("build") and f not in (".git", "workspace"))
        for name in sorted(names):
            path = os.path.join(folder, name)
            try:
                with open(path, encoding="utf-8") as file:
                    yield os.path.relpath(path, root), file.read()
            except (UnicodeDecodeError, OSError):
                pass


def calls_in(path, text):
    """(program, line) of a file, and the functions that it defines."""
    first = text.split("\n", 1)[0]
    if path.endswith(".sh") or re.match(r"#!.*\b(ba|da)?sh$", first):
        return shell_calls(text)
    if path.endswith(".py") or re.match(r"#!.*python", first):
        return list(python_calls(text)), set()
    if path.startswith("examples/") and path.endswith("README.md"):
        return list(block_calls(text)), set()
    if path.startswith(("tests/", "bench/")) and path.endswith((".cpp", ".hpp")):
        return list(cpp_calls(text)), set()
    return [], set()


def calls_of(root):
    """Every (program, path, line) of a tree, without functions and builtins of the shell and our own programs."""
    all_calls, own = [], set()
    for path, text in files_of(root):
        calls, functions = calls_in(path, text)
        own |= functions
        all_calls += [(name, path, line) for name, line in calls]
        if path.endswith("CMakeLists.txt"):
            targets = re.findall(r"(?:add_executable|add_swarm_program)\(([\w-]+)|foreach\(program ([^)]*)\)", text)
            own |= {word.replace("_", "-") for one, many in targets for word in (one + many).split()}
    return [call for call in all_calls if call[0] not in own | BUILTINS]


def places_of(program):
    """Where a package may say that it has `program`: as it is found, before /bin became /usr/bin, and what it leads to."""
    path = shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin")
    while path:
        yield from (path, path.removeprefix("/usr"), "/usr" + path)
        # An alternative: awk -> /etc/alternatives/awk -> mawk.
        path = os.path.realpath(path) if os.path.islink(path) else None


def packages_of(programs):
    """The Debian package of each, by program; one that is not installed, or of no package, is left out."""
    places = {program: list(places_of(program)) for program in programs}
    asked = sorted({place for many in places.values() for place in many} or {"/nothing"})
    shown = subprocess.run(["dpkg", "-S"] + asked, capture_output=True, text=True, check=False).stdout
    owners = {}
    for line in shown.splitlines():
        owner, _, place = line.partition(": ")
        if not owner.startswith("diversion"):
            owners[place] = owner.split(",")[0].split(":")[0]
    return {program: next(owners[p] for p in many if p in owners)
            for program, many in places.items() if any(p in owners for p in many)}


def listed_packages(root):
    with open(os.path.join(root, "deploy/install-deps"), encoding="utf-8") as file:
        text = file.read()
    bodies = re.findall(r"^(?:build|libraries|tools|tests)=\((?:([^\n]*)\)$|\n(.*?)^\)$)", text, re.S | re.M)
    words = re.sub(r"#.*", "", "\n".join(one + many for one, many in bodies))
    return set(words.split())


def essential_packages():
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Essential}\n"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in shown.splitlines() if line.endswith(" yes")}


def check(root, show=False):
    provided = listed_packages(root) | essential_packages()
    calls = [call for call in calls_of(root) if call[0] not in OPTIONAL]
    packages = packages_of({program for program, _, _ in calls})
    count, shown = 0, set()
    for program, path, line in calls:
        package = packages.get(program)
        if show and program not in shown:
            print(f"{program:<18} {package or '-':<18} {path}:{line}")
            shown.add(program)
        if package is None:
            print(f"{path}:{line}: '{program}' is not installed here, or of no package: add its package to deploy/install-deps")
        elif COMES_WITH.get(package, package) not in provided:
            print(f"{path}:{line}: '{program}' is of package {package}: add that to deploy/install-deps")
        else:
            continue
        count += 1
    return count


def self_test():
    cases = [
        (".sh", "a() { date; }\nif ls | sort; then a; fi", {"date", "ls", "sort"}),
        (".sh", 'x=$(id -u) y="$(uname -r) $((1 + 2))" nproc', {"id", "uname", "nproc"}),
        (".sh", "case $1 in\n  mount | --umount) tar x ;;\n  *) cmp a b ;;\nesac\ncut -d mount", {"tar", "cmp", "cut"}),
        (".sh", "cat <<EOF\nmount nothing\nEOF\nhead # mount\nwc <<<mount", {"cat", "head", "wc"}),
        (".sh", "trap 'rm -f x' EXIT\nenv A=1 timeout 5 sed p\nsh -c \"ps | tr a b\"", {"rm", "env", "timeout", "sed", "sh", "ps", "tr"}),
        (".sh", "ip netns exec $name mount x\nmapfile -t l < <(find .)\n[[ $a == mount ]] && du", {"ip", "mount", "find", "du"}),
        (".sh", 'words=(mount "$(stat x)") last=$((2 > 1))\n"$bin/run" mount', {"stat"}),
        (".py", 'import subprocess\nsubprocess.run(TIED + ["unshare", "--net", "sh", "-c", "ps"])', {"unshare", "sh", "ps"}),
        (".cpp", 'Program p({"/usr/bin/setpriv", "--x"}); run(1, "ip a " + b + " && tc q");', {"setpriv", "ip", "tc"}),
        (".cpp", '{"/bin/sh", "-c", "ss -H | awk " + x}; expect("mount is gone");', {"sh", "ss", "awk"}),
    ]
    failed = 0
    for ending, text, expected in cases:
        calls = {name for name, _ in calls_in("tests/x" + ending, text)[0]} - BUILTINS - {"a"}
        if calls != expected:
            print(f"self-test: {text!r}: found {sorted(calls)}, expected {sorted(expected)}")
            failed += 1
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, "deploy"))
        with open(os.path.join(root, "deploy/install-deps"), "w", encoding="utf-8") as file:
            file.write("tools=(\n    python3 # mount\n)\n")
        with open(os.path.join(root, "x.sh"), "w", encoding="utf-8") as file:
            file.write("ls\npython3 x\n\nno-such-program-1 --flag\n")
        run = subprocess.run([sys.executable, __file__, root], capture_output=True, text=True, check=False)
        if run.returncode != 1 or run.stdout.count(".sh:") != 1 or "x.sh:4: 'no-such-program-1'" not in run.stdout:
            print(f"self-test: the unknown program of a tree must be named: {run}")
            failed += 1
    print(f"check_programs.py --self-test: {len(cases) + 1} cases, {failed} failed")
    return failed


def main():
    if shutil.which("dpkg") is None:
        print("check_programs.py: this is not a Debian system")
        sys.exit(77)
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test() else 0)
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    root = arguments[0] if arguments else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    count = check(root, "--list" in sys.argv)
    print(f"check_programs.py: {count} findings")
    sys.exit(1 if count else 0)


main()
