"""What a person sees, is asked and answers, and where a command writes."""
