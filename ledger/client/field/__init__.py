"""Work without network: what was signed waits here, and is sent later."""
