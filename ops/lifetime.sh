# Sourced by the commands, after ops/setup: whatever a command starts ends with it, on success,
# failure, Ctrl-C and SIGTERM alike. (Only kill -9 is left to the next ops/servers start.)
# shellcheck shell=bash

: "${root:?source ops/setup first}"
child=''

# Ends the running child with everything it started, gently first.
end_child() {
    [ -n "$child" ] || return 0
    local tries=0
    kill -TERM -- "-$child" 2>/dev/null || true
    while kill -0 -- "-$child" 2>/dev/null; do
        tries=$((tries + 1))
        if [ "$tries" -eq 100 ]; then kill -KILL -- "-$child" 2>/dev/null || true; fi
        if [ "$tries" -eq 150 ]; then break; fi
        sleep 0.1
    done
    wait "$child" 2>/dev/null || true
    child=''
}

# A command's last words, given its exit status: the command may define this anew.
last_words() { :; }

leave() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    end_child
    "$root/ops/servers" stop "$$" || true
    last_words "$status"
    exit "$status"
}

trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Starts private servers and exports their addresses, or keeps those that are set.
start_servers() {
    local exports
    exports=$("$root/ops/servers" start "$$")
    eval "$exports"
}

# Runs a command in a process group of its own: a signal reaches this shell at once, which then
# ends the whole group before it stops the servers underneath.
run() {
    local status=0
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    wait "$child" || status=$?
    child=''
    return "$status"
}
