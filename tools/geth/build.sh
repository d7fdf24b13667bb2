#!/usr/bin/env bash
# Gives the tests and the story a `geth` at .build/geth/geth, the last version with Clique: the one on PATH, or one built from the pinned Go module.
set -euo pipefail
cd "$(dirname "$0")"
place=../../.build/geth
wanted=$(sed -n 's|^\tgithub.com/ethereum/go-ethereum v\([0-9.]*\).*|\1|p; s|^require github.com/ethereum/go-ethereum v||p' go.mod | head -n 1)

version_of() { "$1" version 2>/dev/null | sed -n 's/^Version: \([0-9.]*\).*/\1/p' || true; }

mkdir -p "$place"
if [ "$(version_of "$place/geth")" = "$wanted" ]; then
  exit 0
fi
if found=$(command -v geth) && [ "$(version_of "$found")" = "$wanted" ]; then
  ln -sf "$found" "$place/geth"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "a Clique network needs geth $wanted: put it on PATH, or install Go $(sed -n 's/^go //p' go.mod) or newer to build it" >&2
  exit 1
fi
echo "building geth $wanted (a few minutes, once)"
# A library that it uses names functions of Go's runtime, which newer Go allows with this flag alone.
GOFLAGS=-mod=readonly go build -trimpath -ldflags=-checklinkname=0 -o "$place/geth.part" github.com/ethereum/go-ethereum/cmd/geth
mv "$place/geth.part" "$place/geth"
test "$(version_of "$place/geth")" = "$wanted" || { echo "the geth built is not $wanted" >&2; exit 1; }
