#compdef run-sn run-sl run-apls gen-cert stop-swarm swarm-ps swarm-logs swarm-wait swarm-audit swarm-board swarm-runs swci swarm-sim swarm-report swarm-check swarm-calibrate swarm-predict swarm-sweep
# Completion of Starling's commands for zsh: a file _NAME for each command in a directory of $fpath.
# Flags are read from each program's --help, so they are always up to date.

_starling() {
    local program=$words[1] flag placeholder line
    local -a help flags
    help=("${(@f)$($program --help 2>/dev/null)}")
    flag=$words[CURRENT-1]
    if [[ $PREFIX == --*=* ]]; then
        flag=${PREFIX%%=*}
        compset -P '*='
    fi
    # The placeholder after the flag in its help: "--key FILE".
    if [[ $flag == -* ]]; then
        for line in $help; do
            if [[ $line =~ "^ +(-[[:alnum:]], ?)?${flag} ([A-Z][A-Z:[]*)" ]]; then
                placeholder=$match[2]
                break
            fi
        done
    fi
    case $placeholder in
        DIR) _files -/; return ;;
        FILE | PROGRAM | DIR:*) _files; return ;;
        LEVEL) compadd debug info warning error; return ;;
        "") ;;
        *) _message $placeholder; return ;;
    esac
    if [[ $PREFIX == -* ]]; then
        for line in $help; do
            if [[ $line =~ '^ +(-[[:alnum:]], ?)?(--[a-z0-9-]+)( [^ ]+)? *(.*)$' ]]; then
                flags+=("$match[2]:$match[4]")
            fi
        done
        _describe -o flag flags
        return
    fi
    case ${program:t} in
        swarm-runs) compadd list show diff add export ;;
        swci) compadd list show watch remove admit expel ;;
        swarm-logs | swarm-wait) compadd -- ${${(f)"$(${program%swarm-*}swarm-ps --all 2>/dev/null | tail -n +2)"}%% *} ;;
        *) _files ;;
    esac
}

_starling "$@"
