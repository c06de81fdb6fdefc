"""What a bitcoin costs."""
