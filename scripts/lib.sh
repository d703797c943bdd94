# Sourced by the other scripts: the project's folder and its virtual environment.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { echo "${0##*/}: $*" >&2; }

# The first interpreter that is new enough; PYTHON=... chooses another one.
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "Python 3.11 or newer is needed. On Raspberry Pi OS or Debian 12: sudo apt install python3 python3-venv"
    exit 69
}

# make_venv DIR [EXTRA]: an editable install in DIR, made anew when pyproject.toml changed.
make_venv() {
    local dir=$1 extra=${2:-} python stamp
    stamp=$(cksum <"$ROOT/pyproject.toml")${extra:+ $extra}
    # what was installed with the test extra serves for running, too
    if [ -x "$dir/bin/python" ] && [[ "$(cat "$dir/.installed" 2>/dev/null)" == "$stamp"* ]]; then
        return
    fi
    python=$(find_python)
    if ! "$dir/bin/python" -m pip --version >/dev/null 2>&1; then
        if [ -e "$dir" ] && ! [ -w "$dir" ]; then
            say "$dir belongs to another user: $(stat -c %U "$dir"). Run this as that user"
            exit 69
        fi
        say "making $dir with $("$python" --version)"
        # --clear: what is there is half made, or its interpreter is gone after an upgrade of the system
        "$python" -m venv --clear "$dir" || {
            say "could not make a virtual environment. On Raspberry Pi OS or Debian: sudo apt install python3-venv"
            exit 69
        }
    fi
    say "installing (the first time this takes a minute or two)"
    "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$ROOT${extra:+[$extra]}" || {
        say "the installation failed, see above. Is the network up? Try again with the same command."
        exit 75
    }
    echo "$stamp" >"$dir/.installed"
}

# need_packages COMMAND:PACKAGE...: as root installs the Debian packages of missing commands.
need_packages() {
    local pair missing=()
    for pair; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return
    fi
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        say "missing: ${missing[*]}. On Debian: sudo apt-get install --no-install-recommends ${missing[*]}"
        exit 69
    fi
    say "installing ${missing[*]}"
    apt-get -q update >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "${missing[@]}" >/dev/null
}
