"""What comes from outside: addresses, answers, and text made safe to show."""
