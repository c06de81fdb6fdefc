"""What the two faces share."""
