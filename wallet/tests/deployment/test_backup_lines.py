"""The lines of the manual that make a backup, where one of them fails.

In the place of the engine stands a program that notes what it is asked for.
"""

import shlex
import time
from pathlib import Path

import pytest

from . import project

#: Says half of an answer, and ends as it is told to for its service.
ENGINE = """#!/bin/sh
echo "$(date +%s) $*" >>asked
echo new
case "$*" in *{failing}*) exit 1 ;; esac
"""
NOTED = " wallet backup --elsewhere "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A deployment with a backup of yesterday."""
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / "wallet.dump").write_text("old")
    (tmp_path / "backups" / "secrets.tar").write_text("old")
    (tmp_path / "deploy" / "secrets").mkdir(parents=True)
    return tmp_path


def run(folder: Path, heading: str, failing: str = "nothing") -> tuple[int, list[str]]:
    """Run the lines as a script; tell how it ended, and what the engine was asked."""
    engine = folder / "docker"
    engine.write_text(ENGINE.format(failing=failing))
    engine.chmod(0o700)
    path = f"PATH={shlex.quote(str(folder))}:$PATH\n"
    done = project.run(["sh", "-c", path + project.lines(heading)], cwd=folder)
    return done.returncode, (folder / "asked").read_text().splitlines()


def test_a_dump_that_fails_leaves_the_last_backup_and_is_not_noted(folder):
    """Even if it has written something before it fails."""
    code, asked = run(folder, "Backup", failing="pg_dump")
    assert code == 1
    assert len(asked) == 1
    assert (folder / "backups" / "wallet.dump").read_text() == "old"
    assert (folder / "backups" / "secrets.tar").read_text() == "old"


def test_secrets_that_are_missing_leave_the_last_backup(folder):
    """A dump without them opens nothing, so it takes no place of a whole one."""
    (folder / "deploy" / "secrets").rmdir()
    code, asked = run(folder, "Backup")
    assert code != 0
    assert not any(NOTED in each for each in asked)
    assert (folder / "backups" / "wallet.dump").read_text() == "old"
    assert (folder / "backups" / "secrets.tar").read_text() == "old"


def test_a_backup_is_noted_with_a_time_before_its_dump(folder):
    """And stands in the place of the last one; nothing else is left."""
    before = int(time.time())
    code, asked = run(folder, "Backup")
    assert code == 0
    (dumped,) = [each for each in asked if " pg_dump " in each]
    (noted,) = [each for each in asked if NOTED in each]
    began = int(noted.rpartition(" --began ")[2])
    assert before <= began <= int(dumped.partition(" ")[0])
    assert (folder / "backups" / "wallet.dump").read_text() == "new\n"
    assert (folder / "backups" / "secrets.tar").stat().st_size > 1024
    left = {path.name for path in (folder / "backups").iterdir()}
    assert left == {"wallet.dump", "secrets.tar", "heads"}


def test_a_restore_that_fails_does_not_start_the_wallet(folder):
    """It would make its tables anew, and serve nothing of what was there."""
    code, asked = run(folder, "Restore", failing="pg_restore")
    assert code == 1
    assert " pg_restore " in asked[-1]
