"""Many accounts in four regions for weeks: no token is mixed up, and none is asked for in vain."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from regions_world import RegionsWorld

from td_notebooks.client import Talkdesk
from td_notebooks.errors import ConfigError, NetworkError, UnauthorizedError
from td_notebooks.regions import REGIONS
from td_notebooks.sandbox import SandboxClock
from td_notebooks.settings import find_settings

LIFE = 599
MARGIN = 60
SCOPES = ("account:read", "account:read data-reports:read")
ALL_SCOPES = ("account:read", "data-reports:read", "data-reports:write")
DAY = 86_400
START = 1_795_000_000.0
ACCOUNTS = {f"acme{number}": list(REGIONS)[number % 4] for number in range(50)}


@pytest.fixture
def clock():
    return SandboxClock(start=START, manual=True)


@pytest.fixture
def world(clock, tmp_path, monkeypatch):
    with RegionsWorld(ACCOUNTS, clock, tmp_path) as world:
        monkeypatch.setenv("HTTPS_PROXY", world.proxy)
        yield world


def connected(world, clock, name, region, scope, **more):
    client = world.identities[name].clients.add(None, ALL_SCOPES, "ES256", ())
    settings = find_settings(
        account=name,
        region=region,
        client_id=client.client_id,
        client_secret=client.client_secret,
        scope=scope,
        **{"ca": world.ca} | more,
    )
    return Talkdesk(settings, clock=clock)


def account_shown_to(client):
    return client.transport.call(
        "GET",
        "/account",
        doing="asking whose token it is",
        params={"of": client.account.name, "scope": client.settings.scope},
        read=lambda answer: answer.json()["name"],
    )


def test_two_weeks_of_fifty_accounts(world, clock):
    """Over real connections, to the real names of all hosts."""
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        clients = [
            stack.enter_context(connected(world, clock, name, region, scope))
            for number, (name, region) in enumerate(ACCOUNTS.items())
            for scope in (SCOPES if number % 5 == 0 else SCOPES[:1])
        ]
        names = [client.account.name for client in clients]
        least = revoked = 0
        ends = [0.0] * len(clients)
        for day in range(14):
            clock.advance(START + day * DAY - clock.time())
            # Every day some minutes of work, within one token's life and beyond it.
            for pause in (250, 250) if day % 2 else (600, 250):
                for index, end in enumerate(ends):
                    if clock.monotonic() >= end:
                        least += 1
                        ends[index] = clock.monotonic() + LIFE - MARGIN
                assert list(pool.map(account_shown_to, clients)) == names
                clock.advance(pause)
            # Now and then all tokens are taken back, with life left in some of them.
            if day % 5 == 4:
                alive = sum(clock.monotonic() < end for end in ends)
                world.revoke()
                revoked += alive
                least += len(clients)
                assert list(pool.map(account_shown_to, clients)) == names
                ends = [clock.monotonic() + LIFE - MARGIN] * len(clients)
    assert len(clients) == 60 and revoked > 0
    assert world.mixed == []
    assert world.rejected == revoked
    assert world.asked == least
    assert sum(len(identity.tokens) for identity in world.identities.values()) == least


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("jwt", ConfigError, "seems to be in region 'eu', not in 'us'.*TALKDESK_REGION=eu"),
        ("opaque", UnauthorizedError, "0700001.*in region 'eu': set it .TALKDESK_REGION=eu"),
    ],
)
def test_an_account_in_another_region(world, clock, kind, error, said):
    """Its token tells so by itself, or the API refuses it."""
    eu = world.identities["acme1"].clients.token_url
    with (
        connected(world, clock, "acme1", "us", SCOPES[0], token_url=eu, token_type=kind) as wrong,
        pytest.raises(error, match=said),
    ):
        account_shown_to(wrong)


def test_a_company_that_looks_into_the_traffic(world, clock, monkeypatch):
    """Its certificate is not known, until its file is named."""
    with (
        connected(world, clock, "acme1", "eu", SCOPES[0], ca=None) as client,
        pytest.raises(NetworkError, match=r"CERTIFICATE_VERIFY_FAILED.*TALKDESK_CA") as caught,
    ):
        account_shown_to(client)
    assert not caught.value.retryable and world.asked == 0
    monkeypatch.setenv("TALKDESK_CA", world.ca)
    with connected(world, clock, "acme1", "eu", SCOPES[0], ca=None) as client:
        assert account_shown_to(client) == "acme1"


def test_the_world_notices_tokens_that_are_mixed_up(world, clock):
    one, two = (
        connected(world, clock, name, ACCOUNTS[name], SCOPES[0]) for name in ("acme0", "acme4")
    )
    with one, two:
        account_shown_to(one)
        two.transport.auth._token = one.transport.auth.token
        assert account_shown_to(two) == "acme0"
        assert world.mixed == ["acme4 account:read"]
