#!/usr/bin/env bash
# bench.sh [--quick] [PART ...]: installs what is needed, measures, prints Markdown; see benchmarks/README.md.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
make_venv "$ROOT/.venv" test
need_packages dbus-daemon:dbus
cd "$ROOT"

# The program as it is installed: compiled before it starts (install.sh does so, too), and not each time anew.
unset PYTHONDONTWRITEBYTECODE
"$ROOT/.venv/bin/python" -m compileall -q renogybt benchmarks unified_proxy.py

# A guest of the lab has its own network, and does not start where an ordinary user plays root.
case "$*" in
    lab | "lab --quick" | "--quick lab") exec "$ROOT/.venv/bin/python" -m benchmarks "$@" ;;
esac

# A network of our own, with an address that others could reach, so that nothing is announced to real ones.
alone='ip link set lo up && ip link add bench0 type veth peer name bench1 &&
    ip address add 192.0.2.1/24 dev bench0 && ip link set bench0 up && ip link set bench1 up'
isolate=(unshare --net)
if [ "$(id -u)" -ne 0 ]; then
    isolate+=(--user --map-root-user)
fi
if command -v ip >/dev/null && "${isolate[@]}" sh -c "$alone" 2>/dev/null; then
    export RENOGYBT_BENCH_ALONE=1
    exec "${isolate[@]}" sh -c "$alone && exec \"\$@\"" sh "$ROOT/.venv/bin/python" -m benchmarks "$@"
fi
say "no network namespace here, so the announcement by mDNS is left out"
exec "$ROOT/.venv/bin/python" -m benchmarks "$@"
