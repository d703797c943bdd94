#!/bin/bash
# PID 1 of the guest: puts memory over the host's root, so that nothing a test writes reaches
# the host, and goes on in guest_session.sh. Whatever fails here ends the guest (kernel panic).
# LAB_RUN, from the kernel's command line, is the folder of this run on the host.
set -euo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
source "$LAB_RUN/settings"

mount -t tmpfs memory /mnt
mkdir /mnt/written /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/written,workdir=/mnt/work /mnt/root

# the only doors to the host: this run's folder, and one that the caller has named
for folder in "$LAB_RUN" ${LAB_SHARE:+"$LAB_SHARE"}; do
    mkdir -p "/mnt/root$folder"
    mount -t hostfs host -o "$folder" "/mnt/root$folder"
done

cd /mnt/root
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t debugfs debugfs sys/kernel/debug
mount -t devtmpfs devices dev
mkdir -p dev/pts dev/shm var/lib/bluetooth
mount -t devpts terminals dev/pts
for folder in dev/shm run var/lib/bluetooth; do
    mkdir -p "$folder"
    mount -t tmpfs memory "$folder"
done
export LAB_RUN
exec chroot . "$LAB/guest_session.sh"
