#!/usr/bin/env bash
# test.sh [ARGS]: installs what the tests need, then runs the whole suite; ARGS go to pytest.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
make_venv "$ROOT/.venv" test
need_packages dbus-daemon:dbus
cd "$ROOT"
exec "$ROOT/.venv/bin/python" -m pytest "$@"
