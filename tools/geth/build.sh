#!/usr/bin/env bash
# Gives the tests and the story a `geth` at .build/geth/geth, the last version with Clique.
set -euo pipefail
cd "$(dirname "$0")"
version_of() { "$1" version 2>/dev/null | sed -n 's/^Version: \([0-9.]*\).*/\1/p' || true; }
. ../go_program.sh
# A library that it uses names functions of Go's runtime, which newer Go allows with this flag alone.
give geth geth github.com/ethereum/go-ethereum github.com/ethereum/go-ethereum/cmd/geth "a Clique network needs geth" -ldflags=-checklinkname=0
