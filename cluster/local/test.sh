#!/usr/bin/env bash
# Everything that must hold before a change goes in: installs what is missing, builds with warnings as errors, checks format,
# imports and budgets, runs the tests, those of MPI ranks under mpirun first. Ends with the first failure's status; the last lines
# are those of `swift test`.
set -euo pipefail
cd "$(dirname "$0")/../.."

cluster/local/install.sh
echo "== build, warnings as errors"
swift build --build-tests -Xswiftc -warnings-as-errors
echo "== format"
swift format lint --strict -r Sources Tests Package.swift
echo "== imports, reading order, budgets, words"
.ci/check-imports
.ci/check-words
echo "== cluster/encode (skips without torch and transformers)"
python3 cluster/encode/test_encode_items.py
echo "== ranks under mpirun"
cluster/local/test-mpi.sh
echo "== tests"
swift test -Xswiftc -warnings-as-errors
