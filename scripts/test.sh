#!/usr/bin/env bash
# test.sh [ARGS]: installs what the tests need, then runs the whole suite; ARGS go to pytest.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
make_venv "$ROOT/.venv" test
need_packages dbus-daemon:dbus
# without these two some tests are left out
[ "$(id -u)" -ne 0 ] || need_packages systemd-analyze:systemd duk:duktape
cd "$ROOT"
# side by side: for the most part the tests wait
exec "$ROOT/.venv/bin/python" -m pytest -n 3 "$@"
