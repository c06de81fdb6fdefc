import re
import subprocess
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_tour_of_the_readme_works(local):
    """Its commands, as they stand, end with the balance that it promises."""
    tour = re.search(r"## Tour\n\n```sh\n(.*?)```", README.read_text(), re.S)[1]
    promised = re.search(r"The balance is now `(.*?)`", README.read_text())[1]
    assert len(tour.splitlines()) == 5
    local.start()
    tour = tour.replace("localhost:8000", f"localhost:{local.port}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", tour],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert f'"balance":{promised}' in done.stdout
    assert "problems" not in done.stdout
