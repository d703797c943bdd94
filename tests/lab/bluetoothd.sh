#!/bin/bash
# bluetoothd in the guest: start | stop | crash | segv | restart | freeze | thaw
#   stop   SIGTERM, as systemctl does        crash, segv   SIGKILL, SIGSEGV; the kernel goes on with what it does
#   freeze, thaw   SIGSTOP, SIGCONT; whoever starts or ends a frozen one thaws it
# Each returns when the process is there, or gone; D-Bus may need a moment more.
set -euo pipefail
PID_FILE=/run/lab/bluetoothd.pid

running() { [ -e "$PID_FILE" ] && kill -0 "$(cat "$PID_FILE")" 2>/dev/null; }

# it may be gone before the signal comes
tell() {
    if running; then
        kill -s "$1" "$(cat "$PID_FILE")" 2>/dev/null || ! running
    fi
}

start() {
    if running; then
        tell CONT
        return
    fi
    # shellcheck disable=SC2086  # a line of arguments
    setsid "$BLUEZ/usr/libexec/bluetooth/bluetoothd" --nodetach --configfile="$BLUEZ/etc/bluetooth/main.conf" \
        ${LAB_BLUETOOTHD:-} </dev/null >>"$LAB_RUN/services.log" 2>&1 &
    echo $! >"$PID_FILE"
}

end_with() {
    tell "$1"
    tell CONT
    while running; do
        sleep 0.02
    done
}

case ${1:-} in
    start) start ;;
    stop) end_with TERM ;;
    crash) end_with KILL ;;
    segv) end_with SEGV ;;
    restart) end_with TERM; start ;;
    freeze) tell STOP ;;
    thaw) tell CONT ;;
    *) echo "usage: bluetoothd.sh start|stop|crash|segv|restart|freeze|thaw" >&2; exit 64 ;;
esac
