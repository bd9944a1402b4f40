# To be sourced by scripts: progress and remaining time of long steps.

# progress LABEL: reads lines "DONE TOTAL [TEXT]" and shows, of the last one, the share and the time left: on a
# terminal in one line that is rewritten, elsewhere as a line every PROGRESS_SECONDS (15). Other lines are left out.
progress() {
    local label=$1 every=${PROGRESS_SECONDS:-15} start=$SECONDS shown=$SECONDS changed=$SECONDS
    local done=0 total=0 text="" code line left terminal=0
    [ ! -t 1 ] || terminal=1
    while true; do
        code=0
        # Wakes up once a second to update the remaining time between two lines.
        read -r -t 1 line || code=$?
        if [ "$code" = 0 ] && [[ $line =~ ^([0-9]+)\ ([1-9][0-9]*)(\ (.*))?$ ]]; then
            done=$((10#${BASH_REMATCH[1]})) total=${BASH_REMATCH[2]} text=${BASH_REMATCH[4]}
            changed=$SECONDS
        elif [ "$code" != 0 ] && [ "$code" -le 128 ]; then
            break # the end of the input
        fi
        if [ "$terminal" = 1 ] || [ $((SECONDS - shown)) -ge "$every" ]; then
            [ "$terminal" = 0 ] || printf '\r\033[K'
            left=""
            # The first seconds are not representative.
            if [ "$done" -gt 0 ] && [ $((SECONDS - start)) -ge 3 ]; then
                left=$(((changed - start) * (total - done) / done - (SECONDS - changed)))
                left=", about $(minutes $((left > 0 ? left : 0))) left"
            fi
            [ "$total" = 0 ] || printf '  %s: %d %%%s%s' "$label" $((100 * done / total)) "$left" "${text:+ ($text)}"
            [ "$terminal" = 1 ] || [ "$total" = 0 ] || printf '\n'
            shown=$SECONDS
        fi
    done
    [ "$terminal" = 0 ] || printf '\r\033[K'
}

# 75 -> 1:15
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# What ninja prints with NINJA_STATUS='[%f %t] ', for progress.
ninja_steps() { sed -un 's/^\[\([0-9]* [0-9]*\)\] .*/\1/p'; }

# What apt-get prints with APT::Status-Fd=1, for progress: hundredths, and the package at hand where it says so.
apt_steps() {
    sed -un -e 's/^dlstatus:[^:]*:\([0-9]*\)[.0-9]*:.*/\1 100/p' \
        -e 's/^pmstatus:\([^:]*\).*:\([0-9]*\)\.[0-9]*:.*/\2 100 \1/p'
}
