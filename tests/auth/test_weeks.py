"""Many accounts in four regions for weeks: no token is mixed up, and none is asked for in vain."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import httpx
import pytest

from td_notebooks.auth import ClientSecret, TalkdeskAuth
from td_notebooks.regions import REGIONS, Account
from td_notebooks.secret import Secret

LIFE = 599
MARGIN = 60
SCOPES = ("data-reports:read", "data-reports:read data-reports:write")
DAY = 86_400


class Hand:
    """A clock that only the test moves."""

    now = 1_000_000.0

    def monotonic(self):
        return self.now

    time = monotonic

    def sleep(self, seconds, *, wake=None):
        self.now += seconds


class World:
    """All identity and API hosts of four regions, which look at every token they are shown."""

    def __init__(self, clock):
        self.clock = clock
        self.tokens = {}
        self.asked = []
        self.mixed = []
        self.rejected = 0
        self.revoked = set()

    def __call__(self, request):
        if request.url.path == "/oauth/token":
            return self.issue(request)
        text = request.headers["Authorization"].removeprefix("Bearer ")
        account, region, scope, until = self.tokens[text]
        facts = (request.headers["X-Account"], request.url.host, request.headers["X-Scope"])
        if facts != (account, REGIONS[region].api_host, scope):
            self.mixed.append(facts)
        if self.clock.now >= until or text in self.revoked:
            self.rejected += 1
            return httpx.Response(401)
        return httpx.Response(200)

    def issue(self, request):
        account, _, domain = request.url.host.partition(".")
        region = next(r.name for r in REGIONS.values() if r.identity_domain == domain)
        pair = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        assert pair == f"client-{account}:secret-{account}"
        (scope,) = parse_qs(request.read().decode())["scope"]
        text = f"token-{len(self.asked)}"
        self.asked.append((account, scope))
        self.tokens[text] = (account, region, scope, self.clock.now + LIFE + 1)
        body = {"access_token": text, "expires_in": LIFE, "scope": scope, "token_type": "Bearer"}
        return httpx.Response(200, content=json.dumps(body))


@pytest.fixture
def clock():
    return Hand()


def accounts():
    for number in range(50):
        account = Account(f"acme{number}", list(REGIONS)[number % 4])
        client = ClientSecret(f"client-{account.name}", Secret(f"secret-{account.name}"))
        for scope in SCOPES if number % 5 == 0 else SCOPES[:1]:
            yield account, client, scope


def test_two_weeks_of_fifty_accounts(clock):
    world = World(clock)
    transport = httpx.MockTransport(world)
    users = [
        (TalkdeskAuth(account, client, scope=scope, clock=clock), account, scope)
        for account, client, scope in accounts()
    ]
    with httpx.Client(transport=transport) as http, ThreadPoolExecutor(8) as pool:

        def call(user):
            auth, account, scope = user
            headers = {"X-Account": account.name, "X-Scope": scope}
            return http.get(f"{account.api_url}/x", auth=auth, headers=headers).status_code

        least = revoked = 0
        ends = dict.fromkeys(range(len(users)), 0.0)
        for day in range(14):
            clock.now = 1_000_000.0 + day * DAY
            # Every day half an hour of work, asking every four minutes.
            for _ in range(8):
                for index in ends:
                    if clock.now >= ends[index]:
                        least += 1
                        ends[index] = clock.now + LIFE - MARGIN
                assert set(pool.map(call, users)) == {200}
                clock.now += 240
            # Now and then all tokens are taken back, with life left in some of them.
            if day % 5 == 4:
                alive = [index for index in ends if clock.now < ends[index]]
                world.revoked |= set(world.tokens)
                revoked += len(alive)
                least += len(users)
                assert set(pool.map(call, users)) == {200}
                ends = dict.fromkeys(ends, clock.now + LIFE - MARGIN)
    assert world.mixed == []
    assert world.rejected == revoked
    assert len(world.asked) == least
    assert len(set(world.asked)) == len(users) == 60
