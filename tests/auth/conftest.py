from __future__ import annotations

import shutil
import socket

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError
from visitors import OPEN


@pytest.fixture(autouse=True)
def closed():
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture(autouse=True)
def tidied(tmp_path):
    """Take away the files where secrets belong: credentials, profiles, installations."""
    yield
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_home(monkeypatch, tmp_path):
    """Hide the developer's profiles."""
    for name in ("XDG_CONFIG_HOME", "HOME", "LOCALAPPDATA", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


class Box(KeyringBackend):
    """A keyring in memory."""

    priority = -1  # never chosen by itself

    def __init__(self):
        super().__init__()
        self.entries = {}

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password

    def delete_password(self, service, username):
        if (service, username) not in self.entries:
            raise PasswordDeleteError("not there")
        del self.entries[service, username]


@pytest.fixture
def box():
    """Give this machine a keyring, as long as the test lasts."""
    before, here = keyring.get_keyring(), Box()
    keyring.set_keyring(here)
    yield here
    keyring.set_keyring(before)


@pytest.fixture
def redirect_uri():
    """Find an address on this machine that is free."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    return f"http://127.0.0.1:{port}/callback"
