#!/usr/bin/env bash
# install.sh [OPTIONS]: makes a systemd service of this folder. Says first what it will do, and asks.
# Run it again after an update; what is as it should be is left alone.
#   --yes                    do not ask
#   --dry-run                only say it
#   --uninstall              take away what was installed; configuration, state and user stay
#   --without-mgmt           without CAP_NET_ADMIN: fewer advertisements, see README.md  (or --with-mgmt)
#   --with-recovery-units    let the proxy have bluetooth.service restarted and the adapter's hardware reset,
#                            by two units that run as root                 (or --without-recovery-units)
#   --keep-earlier           leave the services of the earlier program enabled
#   --state-from DIR         take over the state of a run by hand from DIR; --no-state: from nowhere
#   --root DIR               prepare the system in DIR, which does not run; start nothing
#   --program DIR            where this project will be in that system, with its .venv (default: here)
# Exit codes: 0 done, 1 failed or refused, 64 wrong options, 69 there is no systemd.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

NAME=renogy-bt-proxy
ACCOUNT=renogybt
CONFIG=/etc/renogybt/config.ini
STATE=/var/lib/$NAME
EARLIER=(renogy-bt.service renogy-bt-old.service renogy-bt-unified.service)
KEPT=(noise.key noise.provisioned identity.json layout.json energy.json services.json)
. "$ROOT/systemd/files.sh"

mgmt="" recovery="" root="" program=$ROOT state_from="" yes=false dry=false uninstall=false
take_state=true disable_earlier=true

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" | sed '$d'; exit "$1"; }

read_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            --yes) yes=true ;;
            --dry-run) dry=true ;;
            --uninstall) uninstall=true ;;
            --with-mgmt) mgmt=true ;;
            --without-mgmt) mgmt=false ;;
            --with-recovery-units) recovery=true ;;
            --without-recovery-units) recovery=false ;;
            --keep-earlier) disable_earlier=false ;;
            --no-state) take_state=false ;;
            --state-from | --root | --program)
                [ $# -gt 1 ] || { say "$1 needs a folder"; exit 64; }
                case $1 in
                    --state-from) state_from=$2 ;;
                    --root) root=$(realpath -- "$2") ;;
                    --program) program=$2 ;;
                esac
                shift
                ;;
            -h | --help) usage 0 ;;
            *) say "there is no option $1"; usage 64 >&2 ;;
        esac
        shift
    done
}

check_place() {
    # these would have to be escaped in units, and the .venv does not bear all of them either
    if [[ ! $program =~ ^/[A-Za-z0-9/._+@-]+$ ]]; then
        fail "the path $program holds other characters than letters, digits and . _ + @ - /: move the folder"
    fi
    if [ "$program" != "$ROOT" ] && [ -z "$root" ]; then
        say "--program goes with --root; without it run the install.sh of that folder"
        exit 64
    fi
    if [ "$(id -u)" -ne 0 ]; then
        fail "this changes the system: sudo $0 ${*@Q}"
    fi
    if [ -z "$root" ] && ! [ -d /run/systemd/system ]; then
        say "systemd does not run here. --root DIR prepares a system that does not run"
        exit 69
    fi
}

# --- what is there ---

# account FIELD: a number from the target's /etc/passwd, 3 user, 4 group
account() { awk -F: -v name="$ACCOUNT" -v field="$1" '$1 == name { print $field }' "$root/etc/passwd" 2>/dev/null; }

# Where an option is silent, an installation stays as it is.
choose_parts() {
    local usual_mgmt=true usual_recovery=false
    if on "$UNITS/$NAME.service"; then
        on "$(first_of mgmt)" || usual_mgmt=false
        on "$(first_of recovery)" && usual_recovery=true
    fi
    mgmt=${mgmt:-$usual_mgmt}
    recovery=${recovery:-$usual_recovery}
}

# Where the interpreter lives; it may be in somebody's home.
choose_python() {
    local interpreter=$ROOT/.venv/bin/python
    python=/usr
    if [ "$program" = "$ROOT" ]; then
        [ -x "$interpreter" ] || interpreter=$(find_python)
        python=$("$interpreter" -c 'import sys; print(sys.base_prefix)')
    fi
}

find_state() {
    local home
    if live && [ -z "$state_from" ]; then
        home=$(getent passwd "${SUDO_USER:-root}" | cut -d: -f6)
        state_from=$home/.local/state/renogybt
    elif [ -n "$state_from" ] && ! [ -d "$state_from" ]; then
        fail "$state_from is no folder"
    fi
    if ! [ -e "$state_from/noise.key" ] && ! [ -e "$state_from/identity.json" ]; then
        take_state=false
    elif on "$STATE/noise.key" || on "$STATE/identity.json"; then
        take_state=false
    fi
}

# --- what is done ---

make_program() {
    local owner
    owner=$(stat -c %U "$ROOT")
    id "$owner" >/dev/null 2>&1 || owner=root
    # files of root's in somebody else's folder would be in the way of scripts/run.sh
    runuser -u "$owner" -- env HOME="$(getent passwd "$owner" | cut -d: -f6)" bash -c '
        . "$1/scripts/lib.sh"
        make_venv "$1/.venv"
        "$1/.venv/bin/python" -m compileall -q "$1/renogybt"' install.sh "$ROOT"
}

make_account() { systemd-sysusers ${root:+--root="$root"} "$NAME.conf"; }

copy_config() {
    install -d -m 755 "$root${CONFIG%/*}"
    install -m 640 -g "$(account 4)" "$1" "$root${CONFIG%/*}/${2:-${1##*/}}"
}

copy_state() {
    local file
    install -d -m 700 -o "$(account 3)" -g "$(account 4)" "$root$STATE"
    for file in "${KEPT[@]}"; do
        if [ -f "$state_from/$file" ]; then
            install -m 600 -o "$(account 3)" -g "$(account 4)" "$state_from/$file" "$root$STATE/$file"
        fi
    done
}

install_all() {
    local unit
    if [ "$program" = "$ROOT" ]; then
        step "see that $ROOT/.venv is up to date" make_program
    fi
    each_file
    if [ -z "$(account 3)" ]; then
        step "make the system user $ACCOUNT, in the group bluetooth" make_account
    fi
    if ! on "$CONFIG"; then
        if [ -e "$ROOT/config.ini" ]; then
            step "copy $ROOT/config.ini to $CONFIG (0640, for root and $ACCOUNT)" copy_config "$ROOT/config.ini"
            if [ -e "$ROOT/energy_totals.json" ]; then
                step "copy the energy totals of the earlier program beside it" copy_config "$ROOT/energy_totals.json"
            fi
        else
            step "copy config.ini.example to $CONFIG" copy_config "$ROOT/config.ini.example" config.ini
        fi
    fi
    if $take_state; then
        step "copy key and identity from $state_from to $STATE" copy_state
    fi
    for unit in "${EARLIER[@]}"; do
        if $disable_earlier && enabled "$unit"; then
            step "disable $unit, the earlier program" disable "$unit"
        fi
    done
    if ! enabled "$NAME.service"; then
        step "enable $NAME.service, so that it starts with the system" ctl enable --quiet "$NAME.service"
    fi
    if live; then
        step "start it, or start it anew" start
    fi
}

start() {
    systemctl daemon-reload
    systemctl reset-failed "$NAME.service" 2>/dev/null || true
    if ! systemctl restart "$NAME.service"; then
        fail "it did not start; it says why: journalctl -u $NAME -n 30"
    fi
}

forget() {
    systemctl daemon-reload
    systemctl reset-failed "$NAME.service" 2>/dev/null || true
}

uninstall_all() {
    if enabled "$NAME.service" || { live && systemctl is-active --quiet "$NAME.service"; }; then
        step "stop and disable $NAME.service" disable "$NAME.service"
    fi
    each_file
    if live && [ "$steps" -gt 0 ]; then
        step "let systemd read its units anew" forget
    fi
}

# --- what is said, and asked ---

remarks() {
    local closed
    if on "$CONFIG" && grep -qE '^(state_dir|scan_lock)\b' "$root$CONFIG"; then
        say "$CONFIG sets state_dir or scan_lock: the service can write to $STATE and /run/lock only"
    fi
    if [ "$program" = "$ROOT" ]; then
        closed=$(find "$ROOT/renogybt" "$ROOT/unified_proxy.py" "$ROOT/.venv" ! -type l ! -perm -o+r -print -quit 2>/dev/null)
        [ -z "$closed" ] || say "$closed is not readable for $ACCOUNT: chmod -R o+rX $ROOT"
    fi
}

# What runs as root must not be writable for others: that would make them root.
check_recovery() {
    local loose
    loose=$(loose_file "$program")
    if [ -z "$loose" ] && [[ $python != /usr* ]]; then
        loose=$(loose_file "$python")
    fi
    if [ -n "$loose" ]; then
        fail "the recovery units run as root, and ${loose%%$'\n'*} can be changed by others than root. Put the project" \
            "into a folder of root's: sudo cp -r $ROOT /opt/renogybt; sudo rm -rf /opt/renogybt/.venv;" \
            "sudo chown -R root: /opt/renogybt; sudo chmod -R go-w /opt/renogybt; and run its scripts/install.sh"
    fi
}

# loose_file PATH: what of it, or of the folders that it is in, somebody else than root could change
loose_file() {
    local place=$root$1 loose=(! -type l "(" ! -user root -o -perm /022 ")" -print -quit)
    if [ -e "$place" ]; then
        find -L "$place" "${loose[@]}"
    fi
    while place=$(dirname "$place") && [ "$place" != "${root:-/}" ]; do
        if [ -e "$place" ]; then
            find "$place" -maxdepth 0 "${loose[@]}"
        fi
    done
}

# offer QUESTION: yes with --yes, where nothing will be done, and when the answer is yes
offer() {
    local answer
    if $yes || $dry || ! [ -t 0 ]; then
        return
    fi
    read -r -p "$1 [y/N] " answer
    [[ $answer == [yY]* ]]
}

offers() {
    local unit found=()
    for unit in "${EARLIER[@]}"; do
        if enabled "$unit"; then found+=("$unit"); fi
    done
    if $disable_earlier && [ ${#found[@]} -gt 0 ]; then
        offer "The earlier program is enabled (${found[*]}), and wants the same adapter and port. Disable it?" ||
            disable_earlier=false
    fi
    find_state
    if $take_state; then
        offer "Take over key and identity from $state_from, so that Home Assistant meets the same device?" ||
            take_state=false
    fi
}

farewell() {
    if $uninstall; then
        echo "These stay: $CONFIG, $STATE (key, identity, energy totals), the user $ACCOUNT."
        echo "To remove them as well: sudo rm -r ${CONFIG%/*} $STATE; sudo userdel $ACCOUNT"
        return
    fi
    echo "Configuration: $CONFIG. After a change: sudo systemctl restart $NAME"
    echo "State: $STATE, with the key that Home Assistant knows: put this folder into your backups."
    echo "Log: journalctl -u $NAME -f"
}

read_options "$@"
check_place "$@"
if $uninstall; then
    work=uninstall_all
else
    work=install_all
    choose_parts
    choose_python
    if [ "$recovery" = true ]; then check_recovery; fi
    offers
fi
echo "This will be done${root:+ in $root}:"
$work
if [ "$steps" -eq 0 ]; then
    echo "  nothing: all is as it should be"
elif ! $dry && ! $yes && ! [ -t 0 ]; then
    say "nothing was changed: nobody can be asked here. Add --yes if this is what you want"
    exit 64
elif ! $dry; then
    offer "Go ahead?" || fail "nothing was changed"
    planning=false
    $work
fi
$uninstall || remarks
farewell
