#!/usr/bin/env bash
# run.sh [ARGS]: installs what is missing into ./.venv, then runs python unified_proxy.py ARGS.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
make_venv "$ROOT/.venv"
exec "$ROOT/.venv/bin/python" "$ROOT/unified_proxy.py" "$@"
