# Sourced by the build.sh of a folder with a pinned Go module (go.mod, go.sum), which defines `version_of PROGRAM` first.
# give NAME PROGRAM MODULE PACKAGE WHY [FLAG...]: PROGRAM of the pinned version in .build/NAME: the one on PATH, or one built.
give() {
  local name=$1 program=$2 module=$3 package=$4 why=$5
  shift 5
  local place=../../.build/$name wanted found
  wanted=$(sed -n "s|^\t$module v\([0-9.]*\).*|\1|p; s|^require $module v||p" go.mod | head -n 1)
  mkdir -p "$place"
  if [ "$(version_of "$place/$program")" = "$wanted" ]; then
    return 0
  fi
  if found=$(command -v "$program") && [ "$(version_of "$found")" = "$wanted" ]; then
    ln -sf "$found" "$place/$program"
    return 0
  fi
  if ! command -v go >/dev/null; then
    echo "$why $wanted: put its \`$program\` on PATH, or install Go $(sed -n 's/^go //p' go.mod) or newer to build it" >&2
    return 1
  fi
  echo "building $program $wanted (a few minutes, once)"
  GOFLAGS=-mod=readonly go build -trimpath "$@" -o "$place/$program.part" "$package"
  mv "$place/$program.part" "$place/$program"
  test "$(version_of "$place/$program")" = "$wanted" || { echo "the $program built is not $wanted" >&2; return 1; }
}
