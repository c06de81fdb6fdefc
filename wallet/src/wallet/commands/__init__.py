"""The commands, each group in a module; ``cli`` registers them."""
