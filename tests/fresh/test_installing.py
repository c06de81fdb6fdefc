"""What a fresh machine does first: each list installs with the pip that Python brings.

This asks the package index and takes minutes, so only ``make test_all`` runs it.
"""

import subprocess
import sys

import pytest
from stages import ROOT

# Python 3.11.0 brought this one, and whoever starts from it has no newer pip.
OLDEST_PIP = "22.3"

pytestmark = pytest.mark.fresh


@pytest.mark.parametrize(
    "requirements",
    [
        "requirements-dev.txt",
        "wallet/requirements.lock",
        "wallet/requirements-dev.lock",
    ],
)
def test_each_list_installs_with_the_oldest_pip(requirements, tmp_path):
    """A lock that newer releases can break is refused here first."""
    python = tmp_path / "venv" / "bin" / "python"

    def pip(*arguments):
        subprocess.run([python, "-m", "pip", *arguments], check=True)

    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    pip("install", "--quiet", f"pip=={OLDEST_PIP}")
    if requirements.endswith("-dev.txt"):
        pip("install", "--quiet", "-r", ROOT / "requirements.txt")
    pip("install", "--quiet", "-r", ROOT / requirements)
    pip("check")
