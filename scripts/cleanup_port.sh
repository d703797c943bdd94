#!/usr/bin/env bash
# cleanup_port.sh [PORT]: ends what a run of this folder's program left behind on its port (6053).
# Nothing else is ever ended: whatever else holds the port is named, and that is all.
# Exit codes: 0 the port is free, 1 it is held by something that is not for this script, 64 wrong usage.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
PATIENCE_S=5

# The inodes of the sockets that listen on this port (proc(5), /proc/net/tcp; 0A is TCP_LISTEN).
sockets() {
    local end
    end=$(printf ':%04X' "$1")
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v end="$end" '$4 == "0A" && substr($2, length($2) - 4) == end { print $10 }'
}

# The processes that have one of these sockets open, as far as this user may see that.
holders() {
    local inode
    for inode; do
        find /proc/[0-9]*/fd -lname "socket:\[$inode\]" 2>/dev/null || true
    done | cut -d/ -f3 | sort -nu
}

# life PID: when it was started, in ticks since boot; nothing once it has ended, also if nobody has taken
# note of that yet.
life() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
    # shellcheck disable=SC2086 # fields; the name, which may hold anything, is cut off
    set -- ${stat##*) }
    case $1 in Z | X) ;; *) echo "${20}" ;; esac
}

# The service that a process is a part of, with the option that systemctl wants for it.
unit_of() {
    local path
    path=$(sed -nE 's#^(0|[0-9]+:name=systemd|0:):+(/.*\.service)$#\2#p' "/proc/$1/cgroup" 2>/dev/null | head -n 1)
    case $path in
        "") ;;
        */user@*.service/*) echo "--user ${path##*/}" ;;
        *) echo "${path##*/}" ;;
    esac
}

# The script or `-m module` that a Python process runs, as a path; nothing for all others.
script_of() {
    local words=() cwd i
    [[ $(readlink "/proc/$1/exe") == */python* ]] || return 0
    cwd=$(readlink "/proc/$1/cwd") || return 0
    mapfile -d '' -t words <"/proc/$1/cmdline" || return 0
    for ((i = 1; i < ${#words[@]}; i++)); do
        case ${words[i]} in
            -m)
                # which folder it is from, the interpreter or the working folder tells
                if [ "${words[i + 1]:-}" = renogybt ]; then
                    case $(cd "$cwd" && realpath -s -- "${words[0]}") in "$ROOT"/.venv*) cwd=$ROOT ;; esac
                    echo "$cwd/renogybt"
                fi
                return
                ;;
            -[XW]) i=$((i + 1)) ;;
            -c | -) return ;;
            -*) ;;
            *) cd "$cwd" && realpath -q -- "${words[i]}" || true; return ;;
        esac
    done
}

is_ours() {
    case $(script_of "$1") in
        "$ROOT/unified_proxy.py" | "$ROOT/renogybt" | "$ROOT"/.venv*/bin/renogybt) return 0 ;;
        *) return 1 ;;
    esac
}

owner() { awk '/^Uid:/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
described() { echo "process $1 ($(tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-120))"; }

# refuse PID: says why this process is none of our business, and fails; succeeds when it is an orphan.
refuse() {
    local unit user
    user=$(owner "$1")
    unit=$(unit_of "$1")
    if ! is_ours "$1"; then
        say "port $port is held by $(described "$1"), which is not this program: it is left alone"
    elif [ "$(id -u)" -ne 0 ] && [ "$user" != "$(id -u)" ]; then
        say "port $port is held by $(described "$1") of another user: sudo $0 $port"
    elif [ -n "$unit" ] && [ "$unit" != "$(unit_of self)" ]; then
        say "port $port is held by $(described "$1"), a part of ${unit##* }, which would start it anew." \
            "If that service is this program: systemctl ${unit%"${unit##* }"}stop ${unit##* }"
    else
        return 0
    fi
    return 1
}

# signal SIGNAL PID LIFE: only if it is still the same process
signal() {
    if [ "$(life "$2")" = "$3" ]; then
        kill -s "$1" "$2" 2>/dev/null || true
    fi
}

# ended PID LIFE: waits for it
ended() {
    local turn
    for ((turn = 0; turn < PATIENCE_S * 10; turn++)); do
        if [ "$(life "$1")" != "$2" ]; then
            return 0
        fi
        sleep 0.1
    done
    return 1
}

end() {
    local pid=$1 life
    life=$(life "$pid")
    if [ -z "$life" ]; then
        return 0
    fi
    refuse "$pid" || return 1
    say "ending $(described "$pid"), which was left behind on port $port"
    signal TERM "$pid" "$life"
    if ! ended "$pid" "$life"; then
        say "it does not end within $PATIENCE_S s: killed"
        signal KILL "$pid" "$life"
        ended "$pid" "$life" || { say "process $pid cannot be killed"; return 1; }
    fi
}

port=${1:-6053}
if [ $# -gt 1 ] || ! [[ $port =~ ^[1-9][0-9]{0,4}$ ]] || [ "$port" -gt 65535 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 64
fi
mapfile -t found < <(sockets "$port")
if [ ${#found[@]} -eq 0 ]; then
    say "port $port is free"
    exit 0
fi
mapfile -t pids < <(holders "${found[@]}")
if [ ${#pids[@]} -eq 0 ]; then
    say "port $port is held by a process that $(id -un) cannot see: sudo $0 $port"
    exit 1
fi
# all of them are looked at before the first is ended
for pid in "${pids[@]}"; do
    refuse "$pid"
done
for pid in "${pids[@]}"; do
    end "$pid"
done
