"""The tests of the wallet inside its image, which takes longest of all."""

import faulthandler
import re
import uuid

from . import project


def test_make_unit_test_docker_is_green(images):
    """The image builds, and the unit and integration tests pass in it."""
    # A whole suite takes longer than one test may.
    faulthandler.cancel_dump_traceback_later()
    mine = uuid.uuid4().hex[:12]
    tags = {"WALLET_IMAGE": f"wallet:{mine}", "TEST_IMAGE": f"wallet-test:{mine}"}
    chosen = {"BASE_IMAGE": images["BASE_IMAGE"], **tags}
    command = ["make", "-C", str(project.ROOT), "unit_test_docker"]
    try:
        result = project.run(command + [f"{n}={value}" for n, value in chosen.items()])
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-4000:]
        assert re.search(r"=+ \d+ passed.* in ", result.stdout)
        assert not re.search(r"failed|skipped|error", result.stdout.splitlines()[-1])
    finally:
        project.run(["docker", "image", "rm", "--force", *tags.values()])
