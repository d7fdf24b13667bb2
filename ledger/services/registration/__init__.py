"""A statement comes in: checked, judged by the rules of its item, sequenced."""
