"""Who may see and do what: sessions, rights, custody keys."""
