"""What a wallet held, and when."""
