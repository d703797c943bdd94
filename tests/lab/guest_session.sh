#!/bin/bash
# PID 1 of the guest, second half: starts D-Bus, the virtual neighbourhood and bluetoothd, runs
# the command, leaves its exit code in the run's folder and switches off.
set -euo pipefail
source "$LAB_RUN/settings"
export ROOT LAB BLUEZ LAB_BLUETOOTHD RENOGYBT_LAB_LONG
export HOME=/root LANG=C.UTF-8 PATH="$BLUEZ/usr/bin:$PATH"
export PYTHONPATH=$LAB:$ROOT PYTHONDONTWRITEBYTECODE=1 RENOGYBT_LAB_GUEST=1

switch_off() {
    exec "$DEVICES/bin/python" -c 'import ctypes; ctypes.CDLL(None).reboot(0x4321FEDC)' # RB_POWER_OFF
}

# finish EXIT_CODE: the word by which the host knows that the guest came to its end
finish() {
    dmesg >"$LAB_RUN/kernel.log" || true
    echo "$1" >"$LAB_RUN/exit_code"
    switch_off
}

# patiently COMMAND...: for 20 seconds, until it succeeds
patiently() {
    local attempt
    for attempt in {1..200}; do
        if "$@" >/dev/null 2>&1; then
            return
        fi
        sleep 0.1
    done
    echo "lab: the guest did not get ready, this failed to the end: $*" >"$LAB_RUN/output"
    finish 70
}

adapter_is_exported() {
    dbus-send --system --print-reply --dest=org.bluez "/org/bluez/$1" \
        org.freedesktop.DBus.Properties.Get string:org.bluez.Adapter1 string:Address
}

loopback_up() {
    if command -v ip >/dev/null; then
        ip link set lo up
    else
        "$DEVICES/bin/python" -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14s", b"lo", 0x49, b""))' # SIOCSIFFLAGS, UP
    fi
}

start_services() {
    mkdir -p /run/dbus /run/lock /run/lab
    loopback_up
    dbus-daemon --config-file="$LAB/dbus.conf" --nopidfile --fork
    # shellcheck disable=SC2086  # a line of arguments
    "$DEVICES/bin/python" -m neighbourhood $LAB_WORLD &
    "$LAB/bluetoothd.sh" start
    patiently test -S /run/lab/world.sock
    local hci
    for hci in /sys/class/bluetooth/hci*; do
        patiently adapter_is_exported "${hci##*/}"
    done
    echo "ready $(cut -d' ' -f1 /proc/uptime) s after boot"
}

start_services >>"$LAB_RUN/services.log" 2>&1
cd "$LAB_FOLDER"
code=0
bash -c "$LAB_COMMAND" </dev/null >>"$LAB_RUN/output" 2>&1 || code=$?
finish "$code"
