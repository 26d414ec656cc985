"""What a question wants, and where it goes for it."""
