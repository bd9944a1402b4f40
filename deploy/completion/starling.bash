# Completion of Starling's commands for bash:  source starling.bash
# Flags are read from each program's --help, so they are always up to date.

_starling() {
    local program=$1 word=$2 previous=$3 help flag
    if [ "$previous" = "=" ] && [ "$COMP_CWORD" -ge 2 ]; then # bash cuts --flag=VALUE at the =
        flag=${COMP_WORDS[COMP_CWORD - 2]}
    elif [ "$word" = "=" ]; then
        flag=$previous word=
    else
        flag=$previous
    fi
    help=$("$program" --help 2>/dev/null)
    COMPREPLY=()
    # The placeholder after the flag in its help: "--key FILE".
    case $([[ $flag == -* ]] && sed -nE "s/^ +(-[[:alnum:]], ?)?$flag ([A-Z][A-Z:[]*).*/\2/p" <<<"$help" | head -n 1) in
        FILE | PROGRAM | DIR:*) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        DIR) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
        LEVEL) mapfile -t COMPREPLY < <(compgen -W "debug info warning error" -- "$word"); return ;;
        "") ;;
        *) return ;; # a value that can't be guessed
    esac
    if [[ $word == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W \
            "$(grep -oE '^ +(-[[:alnum:]], ?)?--[a-z0-9-]+' <<<"$help" | grep -oE -- '--[a-z0-9-]+' | sort -u)" \
            -- "$word")
        return
    fi
    case $(basename "$program") in
        swci)
            if [[ $previous == list ]]; then
                mapfile -t COMPREPLY < <(compgen -W "nodes servers roll contracts" -- "$word")
            elif [[ $previous == admit ]]; then
                mapfile -t COMPREPLY < <(compgen -W "server" -- "$word")
            elif [[ $previous == remove ]]; then
                mapfile -t COMPREPLY < <(compgen -W "server" -- "$word")
            elif [[ $previous == show ]]; then
                mapfile -t COMPREPLY < <(compgen -W "contract round version" -- "$word")
            else
                mapfile -t COMPREPLY < <(compgen -W "list show watch remove" -- "$word")
            fi ;;
        swarm-runs)
            case $previous in
                show | diff | export) mapfile -t COMPREPLY < <(compgen -W "latest $("$program" list 2>/dev/null |
                    tail -n +2 | cut -d ' ' -f 1)" -- "$word") ;;
                *) mapfile -t COMPREPLY < <(compgen -W "list show diff add export" -- "$word") ;;
            esac ;;
        swarm-logs | swarm-wait)
            mapfile -t COMPREPLY < <(compgen -W "$("${program%swarm-*}swarm-ps" --all 2>/dev/null |
                tail -n +2 | cut -d ' ' -f 1)" -- "$word") ;;
        *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}

complete -o filenames -F _starling run-sn run-sl run-apls gen-cert stop-swarm swarm-ps swarm-logs swarm-wait \
    swarm-audit swarm-board swarm-runs swci swarm-sim swarm-report swarm-check swarm-calibrate swarm-predict swarm-sweep
