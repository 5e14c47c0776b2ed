"""What tests of the way in share: a browser, and the shortest way to a token."""

from __future__ import annotations

import re
import threading

import httpx

from td_notebooks.auth import ClientAssertion, ClientSecret, TalkdeskAuth
from td_notebooks.redaction import redact_http_logs
from td_notebooks.regions import Account
from td_notebooks.secret import Secret
from td_notebooks.transport import Transport

redact_http_logs()  # the visitor's addresses hold codes


def account_of(sandbox):
    return Account(sandbox.account, "x", token_url=sandbox.token_url, api_url=sandbox.api_url)


def secret_of(client):
    return ClientSecret(client.client_id, Secret(client.client_secret))


def assertion_of(client):
    return ClientAssertion(client.client_id, Secret(client.private_key), client.key_id)


OPEN = []  # closed at the end of the test
PROOFS = {"secret": secret_of, "assertion": assertion_of}


def transport_of(sandbox, credentials, scope="", **more):
    auth = TalkdeskAuth(account_of(sandbox), credentials, scope=scope, clock=sandbox.clock)
    OPEN.append(Transport(auth, clock=sandbox.clock, seed=1, **more))
    return OPEN[-1]


def token_requests(sandbox):
    return [request for request in sandbox.requests if request.operation == "token"]


def visit(url, *, decision="allow", follow=False):
    """Log in as a person with a browser; return the address it was sent back to."""
    with httpx.Client() as http:
        page = http.get(url)
        assert page.status_code == 200, page.text
        form = dict(re.findall('type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
        form |= {"user": "ana@sandbox.invalid", "decision": decision}
        answer = http.post(url.partition("?")[0], data=form)
        assert answer.status_code == 302
        address = answer.headers["Location"]
        if follow:
            http.get(address)
    return address


def visit_meanwhile(url, **how):
    """Do so on another thread, as a browser does while the program waits."""
    thread = threading.Thread(target=visit, args=(url,), kwargs={"follow": True, **how})
    thread.start()
    return thread
