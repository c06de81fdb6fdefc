"""How many random inputs a test tries; ``LONGER=10`` tries ten times as many."""

import os

LONGER = int(os.environ.get("LONGER", "1"))


def examples(number: int) -> int:
    """Tell how many to try, where so many are enough for every day."""
    return number * LONGER
