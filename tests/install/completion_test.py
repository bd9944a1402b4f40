#!/usr/bin/env python3
"""Completion in fish and zsh, of flags and of their values. bash: tests/system/help_test.cpp.

usage: completion_test.py BIN      exit 77: neither shell is installed
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

from installed import fail

COMPLETION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "completion")
# zsh completes only in a line editor: a second zsh has one, on a pseudo terminal, and lists what it offers.
ZSH = r"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'PS1=; unsetopt zle_bracketed_paste; fpath=(%(folder)s $fpath); PATH=%(bin)s:$PATH; cd %(folder)s'
zpty -w z 'autoload -Uz compinit; compinit -u -D; zstyle ":completion:*" list-prompt ""; setopt auto_list no_beep; LISTMAX=0; COLUMNS=200'
zpty -w z 'bindkey "^I" complete-word; print ready-$((40 + 2))'
while zpty -r z line && [[ $line != *ready-42* ]]; do :; done
zpty -w -n z "%(text)s"$'\t'
zpty -w -n z $'\x01print \x05\nprint ready-$((50 + 2))\n'
while zpty -r z line && [[ $line != *ready-52* ]]; do print -r -- "$line"; done
"""


def fish(bin_dir, folder, text):
    del folder
    done = subprocess.run(["fish", "--no-config", "-c", f"set PATH {bin_dir} $PATH; source {COMPLETION}/starling.fish; complete -C '{text}'"],
                          capture_output=True, text=True, timeout=60, check=False)
    return {line.split("\t")[0] for line in done.stdout.split("\n") if line}


def zsh(bin_dir, folder, text):
    shutil.copy(os.path.join(COMPLETION, "starling.zsh"), os.path.join(folder, "_run-sn"))
    done = subprocess.run(["zsh", "-f", "-c", ZSH % {"folder": folder, "bin": bin_dir, "text": text}],
                          capture_output=True, text=True, timeout=60, check=False)
    return set(re.findall(r"[-\w./=]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", " ", done.stdout)))


def main():
    bin_dir = os.path.abspath(sys.argv[1])
    shells = [shell for shell in (fish, zsh) if shutil.which(shell.__name__)]
    for shell in shells:
        with tempfile.TemporaryDirectory() as folder:
            cases = [("run-sn --sentinel-", {"--sentinel-ip", "--sentinel-api-port", "--sentinel-api-service"}),
                     ("run-sn --log-level ", {"debug", "info", "warning", "error"})]
            for text, expected in cases:
                offered = shell(bin_dir, folder, text)
                if not expected <= offered:
                    fail(f"{shell.__name__} offers for '{text}': {sorted(offered)}")
    if not shells:
        print("skipped: neither fish nor zsh is installed")
        return 77
    print("flags and values in " + ", ".join(shell.__name__ for shell in shells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
