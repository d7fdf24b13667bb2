"""Modules stay small: 400 lines at most, in Python and in Solidity."""

import subprocess
import sys
from pathlib import Path

LIMIT = 400

files = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.py", "*.sol", "*.js"],
    check=True,
    capture_output=True,
    text=True,
)
long = [
    (path, count)
    for path in files.stdout.split()
    if (count := len(Path(path).read_text().splitlines())) > LIMIT
]
for path, count in long:
    print(f"{path}: {count} lines, at most {LIMIT}")
sys.exit(1 if long else 0)
