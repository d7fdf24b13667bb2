"""From a file that was given to a record and blocks: drafts, attempts, sealing, watched folders."""
