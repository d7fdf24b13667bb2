"""Events, people, verdicts and audits in plain words."""
