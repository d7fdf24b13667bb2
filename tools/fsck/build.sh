#!/usr/bin/env bash
# Gives the tests an independent verifier of C2SP logs at .build/fsck/fsck, built from the pinned Go module of its authors.
set -euo pipefail
cd "$(dirname "$0")"
place=../../.build/fsck
mkdir -p "$place"
if ! command -v go >/dev/null; then
  echo "the tests need Go $(sed -n 's/^go //p' go.mod) or newer to build tessera's fsck, which checks our log files independently" >&2
  exit 1
fi
GOFLAGS=-mod=readonly go build -trimpath -o "$place/fsck.part" github.com/transparency-dev/tessera/cmd/fsck
mv "$place/fsck.part" "$place/fsck"
