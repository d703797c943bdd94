# Sourced by scripts/install.sh: which files the service consists of, and how they come and go.
# Of its caller it needs: NAME, `root` (the system; empty: this one), `program` and `python` (what the units
# are to name), `mgmt` and `recovery` (true or false), `uninstall`, and from scripts/lib.sh ROOT and say.

MARK='^\(#\|//\) Part of renogybt, put here by scripts/install.sh'
UNITS=/etc/systemd/system
# what is installed: its group, the file in systemd/, its place
FILES=(
    "base sysusers/$NAME.conf /etc/sysusers.d/$NAME.conf"
    "base $NAME.service $UNITS/$NAME.service"
    "base bluetooth.service.d/$NAME.conf $UNITS/bluetooth.service.d/$NAME.conf"
    "mgmt $NAME.service.d/mgmt.conf $UNITS/$NAME.service.d/mgmt.conf"
    "recovery renogy-bt-restart-bluetooth.service $UNITS/renogy-bt-restart-bluetooth.service"
    "recovery renogy-bt-reset-adapter@.service $UNITS/renogy-bt-reset-adapter@.service"
    "recovery polkit/$NAME.rules /etc/polkit-1/rules.d/50-$NAME.rules"
)

fail() { say "$*"; exit 1; }

# --- the system ---

ctl() { systemctl ${root:+--root="$root"} "$@"; }
live() { [ -z "$root" ]; }
on() { [ -e "$root$1" ]; }
disable() { if live; then systemctl disable --quiet --now "$1"; else ctl disable --quiet "$1"; fi; }
enabled() { ctl is-enabled --quiet "$1" 2>/dev/null; }
ours() { grep -q "$MARK" "$root$1"; }

# --- the plan ---

# step WORDS COMMAND...: the plan says the words, its execution runs the command.
steps=0 planning=true
step() {
    local words=$1
    shift
    steps=$((steps + 1))
    if $planning; then
        echo "  $words"
    else
        "$@"
    fi
}

# --- the files ---

wanted() { [ "$1" = base ] || [ "${!1}" = true ]; }
# The first file of a group; where it is, the group is installed.
first_of() { printf '%s\n' "${FILES[@]}" | awk -v group="$1" '$1 == group { print $3; exit }'; }

# rendered FILE; write FILE PLACE; remove PLACE
rendered() { sed -e "s|@PROGRAM@|$program|g" -e "s|@PYTHON@|$python|g" "$ROOT/systemd/$1"; }

write() {
    local target=$root$2
    install -d -m 755 "$(dirname "$target")"
    rendered "$1" >"$target.new"
    chmod 644 "$target.new"
    mv -f "$target.new" "$target"
}

remove() {
    rm -f "$root$1"
    case $1 in *.service.d/*) rmdir --ignore-fail-on-non-empty "$root${1%/*}" ;; esac
}

# place FILE PLACE, displace PLACE: the steps, where there is something to do
place() {
    if on "$2" && ! ours "$2"; then
        fail "$2 is there and was not put there by this program: move it away first"
    fi
    if ! on "$2" || ! rendered "$1" | cmp -s - "$root$2"; then
        step "write $2" write "$1" "$2"
    fi
}

displace() {
    if ! on "$1"; then
        return
    elif ours "$1"; then
        step "remove $1" remove "$1"
    else
        say "$1 was not put there by this program, and stays"
    fi
}

each_file() {
    local row
    for row in "${FILES[@]}"; do
        # shellcheck disable=SC2086 # a row is three words
        set -- $row
        if ! $uninstall && wanted "$1"; then
            place "$2" "$3"
        else
            displace "$3"
        fi
    done
}
