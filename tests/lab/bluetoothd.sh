#!/bin/bash
# bluetoothd in the guest: start | stop | crash | restart
#   stop   SIGTERM, as systemctl does        crash   SIGKILL; the kernel goes on with what it does
# Each returns when the process is there, or gone; D-Bus may need a moment more.
set -euo pipefail
PID_FILE=/run/lab/bluetoothd.pid

running() { [ -e "$PID_FILE" ] && kill -0 "$(cat "$PID_FILE")" 2>/dev/null; }

start() {
    if running; then
        return
    fi
    # shellcheck disable=SC2086  # a line of arguments
    setsid "$BLUEZ/usr/libexec/bluetooth/bluetoothd" --nodetach --configfile="$BLUEZ/etc/bluetooth/main.conf" \
        ${LAB_BLUETOOTHD:-} </dev/null >>"$LAB_RUN/services.log" 2>&1 &
    echo $! >"$PID_FILE"
}

end_with() {
    if running; then
        kill -s "$1" "$(cat "$PID_FILE")"
    fi
    while running; do
        sleep 0.02
    done
}

case ${1:-} in
    start) start ;;
    stop) end_with TERM ;;
    crash) end_with KILL ;;
    restart) end_with TERM; start ;;
    *) echo "usage: bluetoothd.sh start|stop|crash|restart" >&2; exit 64 ;;
esac
