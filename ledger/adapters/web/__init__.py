"""Everything that is asked of other programs and machines over HTTP: one strict client."""
