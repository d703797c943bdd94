#!/usr/bin/env bash
# security.sh: how exposed the service is by `systemd-analyze security` (0 not at all, 10 wholly), with and
# without the management socket. Fails when that is more than promised.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# figure TREE LIMIT UNIT WHAT: LIMIT in tenths
figure() {
    local table code=0
    table=$(systemd-analyze security --no-pager --offline=true --root="$1" --threshold="$2" "$3" 2>&1) || code=$?
    printf '%-58s %s (at most %s)\n' "$4" "$(sed -n 's/.*Overall exposure level for [^:]*: //p' <<<"$table")" \
        "$(printf '%d.%d' $(($2 / 10)) $(($2 % 10)))"
    if [ "$code" -ne 0 ]; then
        echo "$table"
        return 1
    fi
}

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
units=$tree/etc/systemd/system
mkdir -p "$units"
cp -r "$ROOT"/systemd/*.service "$units"
sed -i -e 's|@PROGRAM@|/opt/renogybt|g' -e 's|@PYTHON@|/usr|g' "$units"/*.service

figure "$tree" 15 renogy-bt-proxy.service "renogy-bt-proxy.service"
figure "$tree" 10 renogy-bt-restart-bluetooth.service "renogy-bt-restart-bluetooth.service, as root, when needed"
figure "$tree" 25 renogy-bt-reset-adapter@hci0.service "renogy-bt-reset-adapter@hci0.service, as root, when needed"
cp -r "$ROOT/systemd/renogy-bt-proxy.service.d" "$units"
figure "$tree" 20 renogy-bt-proxy.service "renogy-bt-proxy.service with mgmt.conf"
