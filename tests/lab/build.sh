# Sourced by scripts/lab.sh: the three things that a guest needs, built once and kept outside of
# the repository. The folder of each is named after a hash of its recipe (the function) and of
# the files that the recipe reads; `.complete` in it says that the recipe ran to its end.
CACHE=$(realpath -m "${RENOGYBT_LAB_CACHE:-$HOME/.cache/renogybt-lab}")
KERNEL_SOURCE=linux-source-6.12
PACKAGES=(build-essential flex bison bc xz-utils dbus libglib2.0-0 libdw1 libasound2 libreadline8 python3-venv)

# product NAME RECIPE [FILE...]: the folder of a product
product() {
    local name=$1 recipe=$2
    shift 2
    echo "$CACHE/$name-$({ echo "$KERNEL_SOURCE"; declare -f "$recipe"; cat /dev/null "$@"; } | sha256sum | cut -c1-12)"
}

give_up() {
    say "$*"
    exit 69
}

# Runs in the kernel's folder; leaves ./linux there.
build_kernel() {
    local config=$1 patched=arch/x86/um/user-offsets.c
    download . "$KERNEL_SOURCE"
    tar --extract --strip-components=1 --one-top-level=source --file "usr/src/$KERNEL_SOURCE.tar.xz"
    cd source
    # Kernels before 6.13 reserve 2696 bytes for the FPU state of a process; that of a processor
    # with AMX has 11008, and the guest dies of "ptrace set fp regs failed, errno = 14".
    sed -i 's/\(HOST_FP_SIZE, \)2696/\111008/' "$patched"
    grep -q 'HOST_FP_SIZE, 11008' "$patched"
    make ARCH=um KCONFIG_ALLCONFIG="$config" allnoconfig
    grep -qx CONFIG_BT_HCIVHCI=y .config
    make ARCH=um -j"$(nproc)" linux
    strip -o ../linux linux
    cd ..
    rm -rf source usr
}

# Debian's package, unpacked and not installed: the host keeps its own Bluetooth.
build_bluez() {
    download . bluez
    if ldd usr/libexec/bluetooth/bluetoothd usr/bin/bluetoothctl | grep 'not found'; then
        return 1
    fi
}

# The Python that plays the fake devices; it has nothing in common with the project's own.
build_devices() {
    "$(find_python)" -m venv .
    bin/python -m pip install --quiet --disable-pip-version-check --requirement "$1"
}

# download FOLDER PACKAGE: fetches a Debian package and unpacks it
download() {
    local folder=$1 package=$2
    apt-get --quiet download "$package"
    dpkg --extract "$package"_*.deb "$folder"
    rm "$package"_*.deb
}

KERNEL=$(product kernel build_kernel "$LAB/kernel.config")
BLUEZ=$(product bluez build_bluez)
DEVICES=$(product devices build_devices "$LAB/requirements.txt")

is_built() { [ -e "$KERNEL/.complete" ] && [ -e "$BLUEZ/.complete" ] && [ -e "$DEVICES/.complete" ]; }

# make_product FOLDER RECIPE [ARGUMENT...]: runs the recipe unless it has been run
make_product() {
    local folder=$1 recipe=$2 started=$SECONDS
    shift 2
    if [ -e "$folder/.complete" ]; then
        return
    fi
    say "$recipe, log in $folder/build.log"
    rm -rf "$folder"
    mkdir -p "$folder"
    local status
    set +e # not `||`: inside a condition bash would go on after an error in the recipe
    (
        set -e
        cd "$folder"
        "$recipe" "$@"
    ) >"$folder/build.log" 2>&1
    status=$?
    set -e
    if [ "$status" != 0 ]; then
        tail -n 20 "$folder/build.log" >&2
        give_up "$recipe failed, the whole log is in $folder/build.log. Are the package lists fresh (apt-get update)?"
    fi
    touch "$folder/.complete"
    say "$recipe took $((SECONDS - started)) s"
}

missing_packages() {
    local installed package missing=()
    # an unknown package is an error to dpkg-query, and an answer here
    installed=$(dpkg-query --show --showformat='${db:Status-Status}:${Package}:' "${PACKAGES[@]}" 2>/dev/null) || true
    for package in "${PACKAGES[@]}"; do
        if [[ $installed != *installed:"$package":* ]]; then
            missing+=("$package")
        fi
    done
    echo "${missing[*]}"
}

install_packages() {
    local missing
    missing=$(missing_packages)
    if [ "$(id -u)" != 0 ]; then
        if [ -n "$missing" ]; then
            give_up "these packages are missing; as root: apt-get install --no-install-recommends $missing"
        fi
        return
    fi
    apt-get --quiet --quiet update || say "the package lists could not be renewed; going on with those at hand"
    if [ -n "$missing" ]; then
        say "installing $missing"
        # shellcheck disable=SC2086  # one word per package
        DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet --yes install --no-install-recommends $missing >&2
    fi
}

build_all() {
    if is_built && [ -z "$(missing_packages)" ]; then
        return
    fi
    mkdir -p "$CACHE"
    (
        flock 9 # a second build waits here, and then finds everything done
        install_packages
        make_product "$BLUEZ" build_bluez
        make_product "$DEVICES" build_devices "$LAB/requirements.txt"
        make_product "$KERNEL" build_kernel "$LAB/kernel.config"
    ) 9>"$CACHE/lock"
}
