#!/bin/bash
# The lab: a small virtual machine with a real Bluetooth stack, see tests/lab/README.md.
#   lab.sh build                            builds what is missing; at once when nothing is
#   lab.sh supported                        exit code 0 when this host can run it, 69 otherwise
#   lab.sh status                           exit code 0 when it is built, 69 otherwise
#   lab.sh run [OPTIONS] 'COMMAND'          runs COMMAND in a guest; its output, its exit code
#   lab.sh test [PYTEST ARGUMENTS]          runs the tests of tests/lab/guest in a guest
#                                           RENOGYBT_LAB_LONG=1: the long ones, too
# Options of run:
#   -w 'ARGUMENTS'   for the virtual neighbourhood     -b 'ARGUMENTS'   for bluetoothd
#   -t SECONDS       time limit (300)                  -s FOLDER        the guest may write there
# Exit codes of its own: 124 the guest died or ran out of time, 69 not built or not possible here.
source "$(dirname "$0")/lib.sh"
LAB=$ROOT/tests/lab
: "${RENOGYBT_LAB_LONG=}"
source "$LAB/build.sh"

usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
    exit 64
}

require_host() {
    local id=unknown version=unknown
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && echo "${ID:-}")
        version=$(. /etc/os-release && echo "${VERSION_ID:-}")
    fi
    if [ "$id $version $(uname -m)" != "debian 12 x86_64" ]; then
        give_up "the lab needs Debian 12 on x86-64, this is $id $version on $(uname -m)"
    fi
}

require_built() {
    require_host
    if ! is_built; then
        give_up "the lab is not built; run scripts/lab.sh build (about 5 minutes, once)"
    fi
}

# settings NAME...: the variables as lines that the guest's bash can read
settings() {
    local name
    for name; do
        printf '%s=%q\n' "$name" "${!name}"
    done
}

run() {
    local LAB_WORLD="" LAB_BLUETOOTHD="" LAB_SHARE="" LAB_FOLDER=$PWD LAB_COMMAND limit=300 ended=0 option path
    OPTIND=1
    while getopts w:b:t:s: option; do
        case $option in
            w) LAB_WORLD=$OPTARG ;;
            b) LAB_BLUETOOTHD=$OPTARG ;;
            t) limit=$OPTARG ;;
            s) LAB_SHARE=$(realpath "$OPTARG") ;;
            *) usage ;;
        esac
    done
    shift $((OPTIND - 1))
    if [ $# = 0 ]; then
        usage
    fi
    LAB_COMMAND="$*"
    if [[ ! $limit =~ ^[0-9]+$ || ! -d ${LAB_SHARE:-/} ]]; then
        say "-t takes whole seconds, -s a folder that exists"
        exit 64
    fi
    require_built

    RUN=$(mktemp -d "${TMPDIR:-/tmp}/renogybt-lab.XXXXXX")
    trap 'end_run' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    for path in "$ROOT" "$CACHE" "$PWD" "$LAB_SHARE" "$RUN"; do
        case $path in *[[:space:]]*) give_up "paths must not hold blanks: '$path'" ;; esac
    done
    settings ROOT LAB BLUEZ DEVICES LAB_WORLD LAB_BLUETOOTHD LAB_SHARE LAB_FOLDER LAB_COMMAND \
        RENOGYBT_LAB_LONG >"$RUN/settings"
    : >"$RUN/output"
    : >"$RUN/services.log"

    timeout --kill-after=5 "$limit" "$KERNEL/linux" mem=512M root=/dev/root rootfstype=hostfs rootflags=/ ro \
        init="$LAB/guest_init.sh" quiet con=null con0=null,fd:1 uml_dir="$RUN" LAB_RUN="$RUN" \
        </dev/null >"$RUN/console" 2>&1 &
    GUEST=$!
    tail --bytes=+1 --follow --sleep-interval=0.1 --pid="$GUEST" "$RUN/output" &
    wait $! || true
    # without bash's remark on a guest that ends by a signal
    wait "$GUEST" 2>/dev/null || ended=$?
    if [ ! -s "$RUN/exit_code" ]; then
        case $ended in
            124 | 137) say "the guest ran out of its $limit s; the end of its console and of its services' log:" ;;
            *) say "the guest died; the end of its console and of its services' log:" ;;
        esac
        tail --quiet --lines=20 "$RUN/console" "$RUN/services.log" >&2 || true
        exit 124
    fi
    exit "$(cat "$RUN/exit_code")"
}

end_run() {
    if [ -n "${GUEST:-}" ] && kill "$GUEST" 2>/dev/null; then
        wait "$GUEST" || true
    fi
    if [ -n "${LAB_KEEP:-}" ]; then
        say "logs of this run: $RUN"
    else
        rm -rf "$RUN"
    fi
}

# Pytest's arguments; without a path among them, all guest tests are run.
run_tests() {
    local argument where=(tests/lab/guest)
    cd "$ROOT"
    for argument; do
        if [ -e "${argument%%::*}" ]; then
            where=()
        fi
    done
    if [ ! -x "$ROOT/.venv/bin/python" ]; then
        give_up "the project's environment is missing; make it first ($ROOT/.venv with the extra 'test')"
    fi
    run -t "${LAB_LIMIT:-900}" "$(printf '%q ' "$ROOT/.venv/bin/python" -m pytest -p no:cacheprovider \
        --basetemp=/run/lab/tests "${where[@]}" "$@")"
}

command=${1:-}
shift || usage
case $command in
    build) require_host; build_all; say "ready in $CACHE" ;;
    supported) require_host ;;
    status) require_built ;;
    run) run "$@" ;;
    test) run_tests "$@" ;;
    *) usage ;;
esac
