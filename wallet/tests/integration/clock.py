"""A clock that tests move."""

from wallet.clock import now_us
from wallet.storage import finding, holding, queries
from wallet.web.service import service_of

SECOND_US = 1_000_000


class Clock:
    """A clock that stands until it is moved, for everything that reads one."""

    def __init__(self, monkeypatch):
        self.us = now_us()
        for module in (queries, holding, finding):
            monkeypatch.setattr(module, "now_us", lambda: self.us)

    def of(self, app):
        service_of(app).writer._now_us = lambda: self.us
