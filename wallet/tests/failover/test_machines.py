"""The machines of these tests leave nothing behind."""

import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from ..actions import until
from .machines import COMMAND, Machine, send

#: Leaves a process behind that hears no request to end, as PostgreSQL is left.
_LEAVING = "(trap '' TERM; setsid sleep 600) & exec sleep 600"
#: Starts a machine and waits, as a run of the tests does.
_RUN = "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()"


def ended(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


@pytest.fixture
def machine(tmp_path):
    """A machine whose program leaves another one behind."""
    tmp_path.chmod(0o777)
    machine = Machine(tmp_path / "log", tmp_path, "sh", "-c", _LEAVING)
    machine.start()
    until(lambda: len(machine.processes) >= 2)
    yield machine
    machine.lose()


def test_what_runs_on_a_machine_is_lost_with_it(machine):
    """At once, and also what was frozen before."""
    processes = machine.processes
    machine.freeze()
    assert {each.status() for each in processes} == {psutil.STATUS_STOPPED}
    machine.lose()
    assert all(map(ended, processes))
    assert machine.processes == []


def test_a_run_that_is_cut_off_leaves_no_process(tmp_path):
    """Even by a signal that it cannot hear; what does not end is killed."""
    command = [sys.executable, "-c", _RUN, *COMMAND, "sh", "-c", _LEAVING]
    with psutil.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL) as run:
        until(lambda: len(run.children(recursive=True)) >= 3)
        processes = run.children(recursive=True)
        send(signal.SIGKILL, [run])
        until(lambda: all(map(ended, processes)))
