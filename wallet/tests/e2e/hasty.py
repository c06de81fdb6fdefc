"""``wallet``, which cuts off clients after a second instead of two minutes."""

from wallet import sockets
from wallet.cli import main

if __name__ == "__main__":
    sockets.LONGEST_S, sockets.LOOK_S = 1.0, 0.1
    main()
