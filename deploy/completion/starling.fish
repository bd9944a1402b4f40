# Completion of Starling's commands for fish: a file NAME.fish for each command, or `source` this one.
# Flags are read from each program's --help, so they are always up to date.

# The flags of the help of $argv[1], one a line: FLAG, a tab, what it does.
function __starling_flags
    command $argv[1] --help 2>/dev/null | string replace -rf '^ +(?:-[[:alnum:]], ?)?(--[a-z0-9-]+)(?: [^ ]+)? *(.*)' '$1\t$2'
end

# Values of the flag before the cursor, by the placeholder in the help ("--key FILE"), else operands.
function __starling_values
    set -l program $argv[1]
    command -q $program; or return
    set -l word (commandline -ct)
    set -l flag (commandline -opc)[-1]
    set -l before ''
    if string match -qr -- '^--[a-z0-9-]+=' $word
        set flag (string replace -r '=.*' '' -- $word)
        set before $flag=
    end
    set -l value (string replace -r '^--[a-z0-9-]+=' '' -- $word)
    set -l placeholder
    if string match -q -- '-*' $flag
        set placeholder (command $program --help 2>/dev/null |
            string replace -rf -- "^ +(?:-[[:alnum:]], ?)?$flag ([A-Z][A-Z:[]*).*" '$1')[1]
    end
    switch "$placeholder"
        case DIR
            printf "$before%s\n" (__fish_complete_directories $value)
        case LEVEL
            printf "$before%s\n" debug info warning error
        case FILE PROGRAM 'DIR:*'
            printf "$before%s\n" (__fish_complete_path $value)
        case ''
            switch $program
                case swci
                    printf '%s\n' list show watch remove admit expel
                case swarm-runs
                    printf '%s\n' list show diff add export
                case swarm-logs swarm-wait
                    command swarm-ps --all 2>/dev/null | tail -n +2 | string split -f1 ' '
                case '*'
                    __fish_complete_path $value
            end
    end
end

for program in run-sn run-sl run-apls gen-cert stop-swarm swarm-ps swarm-logs swarm-wait swarm-audit swarm-board swarm-runs swci swarm-sim \
    swarm-report swarm-check swarm-calibrate swarm-predict swarm-sweep
    complete -c $program -f -n 'string match -q -- "--*" (commandline -ct); and not string match -q -- "*=*" (commandline -ct)' \
        -a "(__starling_flags $program)"
    complete -c $program -f -n 'not string match -qr -- "^-[^=]*\$" (commandline -ct)' -a "(__starling_values $program)"
end
