#!/usr/bin/env bash
# Gives the tests an `ipfs` of the tested version at .build/kubo/ipfs.
set -euo pipefail
cd "$(dirname "$0")"
version_of() { "$1" version --number 2>/dev/null || true; }
. ../go_program.sh
give kubo ipfs github.com/ipfs/kubo github.com/ipfs/kubo/cmd/ipfs "the tests need Kubo"
