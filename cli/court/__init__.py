"""The folder for a court, its page, and what is withheld from it."""
