#!/usr/bin/env bash
# Gives the tests an `ipfs` of the tested version at .build/kubo/ipfs: the one on PATH, or one built from the pinned Go module.
set -euo pipefail
cd "$(dirname "$0")"
place=../../.build/kubo
wanted=$(sed -n 's|^\tgithub.com/ipfs/kubo v\([0-9.]*\).*|\1|p; s|^require github.com/ipfs/kubo v||p' go.mod | head -n 1)

version_of() { "$1" version --number 2>/dev/null || true; }

mkdir -p "$place"
if [ "$(version_of "$place/ipfs")" = "$wanted" ]; then
  exit 0
fi
if found=$(command -v ipfs) && [ "$(version_of "$found")" = "$wanted" ]; then
  ln -sf "$found" "$place/ipfs"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "the tests need Kubo $wanted: put its \`ipfs\` on PATH, or install Go $(sed -n 's/^go //p' go.mod) or newer to build it" >&2
  exit 1
fi
echo "building Kubo $wanted (a few minutes, once)"
GOFLAGS=-mod=readonly go build -trimpath -o "$place/ipfs.part" github.com/ipfs/kubo/cmd/ipfs
mv "$place/ipfs.part" "$place/ipfs"
test "$(version_of "$place/ipfs")" = "$wanted" || { echo "the ipfs built is not $wanted" >&2; exit 1; }
