"""Holds what Slither finds in the contracts against the answers below: a finding without one fails,
and so does an answer to what it finds no more.

    .venv-slither/bin/slither . --ignore-compile --json FILE
    .venv/bin/python tools/slither/check.py FILE
"""

import json
import sys
from pathlib import Path

#: Detector -> why it is no fault, and where that was looked at.
ANSWERS = {
    "assembly": """the proof walks: each answer of the precompile is checked, and every size is
        tried out against a slow tree""",
    "costly-loop": "of the constructor alone, over 64 founders at most",
    "incorrect-equality": """states, sizes and commitments are equal or not; nobody shifts them by
        sending anything, as they could a balance""",
    "timestamp": """delays and expiries are hours and days, a validator shifts seconds; the delays
        in which somebody may object are blocks besides; what else is named compares states that
        lie beside a time""",
    "unused-return": "the descriptor version, which only an anchor writes down",
}
PLACES = {
    "assembly": "RFC9162.requireConsistency RFC9162.requireInclusion",
    "costly-loop": "AgencyAccounts._setGovernor",
    "incorrect-equality": """AgencyAccounts.resolve AgencyRegistry._count
        AgencyRegistry._isCheckpoint AgencyRegistry._openLog AgencyRegistry._requireHeld
        AgencyRegistry._stands""",
    "timestamp": """AgencyAccounts._cancelPending AgencyAccounts._requireAlive
        AgencyAccounts._requirePast AgencyAccounts._requireReady AgencyAccounts._requireStatus
        AgencyAccounts.activeAnchor AgencyAccounts.resolve AgencyRegistry._checkProposal
        AgencyRegistry._count AgencyRegistry._isCheckpoint AgencyRegistry._openLog
        AgencyRegistry._pending AgencyRegistry._requireHeld AgencyRegistry._stands
        AgencyRegistry.propose EvidenceLedger._conclude EvidenceLedger.acceptTransfer
        EvidenceLedger.offerTransfer""",
    "unused-return": "EvidenceLedger._requireAnchored",
}

results = json.loads(Path(sys.argv[1]).read_text())["results"]["detectors"]
found = set()
for result in results:
    first = result["elements"][0]
    parent = first["type_specific_fields"]["parent"]["name"]
    found.add((result["check"], f"{parent}.{first['name']}"))
answered = {(check, name) for check in ANSWERS for name in PLACES[check].split()}
for check, name in sorted(found - answered):
    print(f"not answered: {check} in {name}")
for check, name in sorted(answered - found):
    print(f"answered, and not found any more: {check} in {name}")
if found != answered:
    sys.exit(1)
print(f"Slither: {len(results)} findings in {len(found)} places, each answered")
