"""What the command tells about a run."""

import pytest
from click.testing import CliRunner

from wallet.audit import torture
from wallet.audit.torture import TortureError, Verdict
from wallet.cli import main
from wallet.commands import common

GOOD = Verdict(2, 100, 7, 0, 0, ())


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command with a verdict that is given."""

    def run(verdict):
        def torture_for_show(_folder, _url, kills, _clients, on_kill):
            if isinstance(verdict, Exception):
                raise verdict
            for number in range(1, kills + 1):
                on_kill(number, 50 * number)
            return verdict

        monkeypatch.setattr(torture, "torture", torture_for_show)
        arguments = ["torture", "--kills", "2", "--folder", str(tmp_path)]
        return CliRunner().invoke(main, arguments)

    return run


def test_a_good_verdict_ends_well_and_leaves_nothing(run, tmp_path):
    """The figures, a sentence, and no folder."""
    done = run(GOOD)
    assert done.exit_code == 0
    assert done.stdout == (
        "kills 2, answered 100, retried 7, lost 0, doubled 0\n"
        "The store kept every answer exactly once.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        (Verdict(2, 100, 7, 1, 0, ()), "does not have what was answered"),
        (Verdict(2, 100, 7, 0, 2, ()), "has more than was answered"),
        (Verdict(2, 100, 7, 0, 0, ("a bad row",)), "a bad row"),
    ],
)
def test_a_bad_verdict_ends_badly_and_keeps_the_store(run, tmp_path, verdict, sentence):
    """The folder is named, so that someone can look at it."""
    done = run(verdict)
    (kept,) = tmp_path.iterdir()
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert str(kept) in done.stderr


def test_a_run_that_cannot_go_on_says_why(run):
    """One sentence, and no verdict."""
    done = run(TortureError("The server does not start."))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "Error: The server does not start.\n"


def test_a_terminal_sees_the_kills_counted(run, monkeypatch):
    """Each kill, and how many answers there are to compare."""
    monkeypatch.setattr(common, "on_a_terminal", lambda: True)
    assert (
        "\r1 of 2 kills, 50 answered\r2 of 2 kills, 100 answered\n" in run(GOOD).stderr
    )
