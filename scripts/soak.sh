#!/usr/bin/env bash
# soak.sh [MINUTES] [--seed N]: the program in the lab with a random fault about each minute, for MINUTES (10).
# Prints what each fault cost and what has grown. Exit codes: 0 every goal is met, 1 not, 69 the lab is not built.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
minutes=10
if [ $# -gt 0 ] && [[ $1 != --* ]]; then
    minutes=$1
    shift
fi
if [[ ! $minutes =~ ^[1-9][0-9]*$ ]]; then
    say "MINUTES is a whole number"
    exit 64
fi
make_venv "$ROOT/.venv" test
# the faults take their time beside that
exec "$ROOT/scripts/lab.sh" run -t $((minutes * 60 + 300)) \
    "$(printf '%q ' "$ROOT/.venv/bin/python" "$ROOT/tests/lab/soak.py" "$minutes" "$@")"
