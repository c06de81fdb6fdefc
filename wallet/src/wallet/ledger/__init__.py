"""The rules: what may happen to money. The standard library only."""
