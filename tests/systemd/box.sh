#!/bin/bash
# box.sh FOLDER: becomes a systemd of its own, on what this system has on disk, of which nothing is changed.
# To be run by root in new namespaces of every kind (unshare); the host's services are not started in it.
set -eu
[ $$ = 1 ] || { echo "not in a process namespace of its own" >&2; exit 1; }
box=$1
mount -t tmpfs tmpfs "$box"
mkdir "$box/changes" "$box/work" "$box/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$box/changes,workdir=$box/work" "$box/root"
cd "$box/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
    touch "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
touch dev/console
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
for place in run var/log var/tmp; do
    mount -t tmpfs -o mode=755 tmpfs "$place"
done
mkdir run/lock
chmod 1777 var/tmp run/lock
units=etc/systemd/system
rm -rf $units usr/lib/systemd/system/*.wants usr/lib/systemd/system/systemd-journald-audit.socket
mkdir -p $units/basic.target.wants
for unit in dbus.socket systemd-journald.socket; do
    ln -s "/usr/lib/systemd/system/$unit" $units/basic.target.wants/
done
ln -s /usr/lib/systemd/system/basic.target $units/default.target
# a bluetoothd that only has to be there
printf '[Service]\nExecStart=sleep infinity\n' >$units/bluetooth.service
ip link set lo up 2>/dev/null || true
mkdir before
pivot_root . before
umount -l /before
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/lib/systemd/systemd --system --log-target=journal
