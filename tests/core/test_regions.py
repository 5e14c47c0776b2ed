import pytest

from td_notebooks.errors import ConfigError
from td_notebooks.regions import Account, Origin


@pytest.mark.parametrize(
    ("region", "token_url", "api_url"),
    [
        ("us", "https://acme.talkdeskid.com/oauth/token", "https://api.talkdeskapp.com"),
        ("eu", "https://acme.talkdeskid.eu/oauth/token", "https://api.talkdeskapp.eu"),
        ("ca", "https://acme.talkdeskidca.com/oauth/token", "https://api.talkdeskappca.com"),
        ("au", "https://acme.talkdeskid.au/oauth/token", "https://api.talkdeskapp.au"),
    ],
)
def test_hosts_of_a_region(region, token_url, api_url):
    account = Account("acme", region)
    assert (account.token_url, account.api_url) == (token_url, api_url)
    assert Account.from_root_link("acme", api_url) == account


def test_explicit_addresses_win_and_make_any_region_possible():
    account = Account(
        "acme", "uk", token_url="https://id.example/oauth/token", api_url="https://api.example/"
    )
    assert account.api_url == "https://api.example"
    assert Account("acme", "EU", api_url="https://api.example").token_url.endswith(
        "talkdeskid.eu/oauth/token"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "empty"),
        ({"name": "acme.talkdeskid.com"}, "give its name alone, 'acme'"),
        ({"name": "https://acme.mytalkdesk.eu/login"}, "give its name alone, 'acme'"),
        ({"name": "acme "}, "write 'acme'"),
        ({"name": "a_c"}, "not an account name"),
        ({"name": "acme", "region": "moon"}, "Unknown region 'moon': the known ones are us"),
        ({"name": "acme", "api_url": "http://api.example"}, "over https only"),
        ({"name": "acme", "api_url": "api.example"}, "which is no address"),
        ({"name": "acme", "token_url": "ftp://api.example"}, "which is no address"),
        ({"name": "acme", "api_url": "https://me:x@api.example"}, "user name or password"),
    ],
)
def test_wrong_input_is_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        Account(**arguments)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.talkdeskapp.com.evil.example",
        "http://api.talkdeskapp.com",
        "https://api.talkdeskapp.com:444",
        "https://evil.example/api.talkdeskapp.com",
        "",
    ],
)
def test_an_unknown_root_link_is_not_trusted(url):
    with pytest.raises(ConfigError, match="not the API host of a known region"):
        Account.from_root_link("acme", url)


def test_an_origin_is_scheme_host_and_port():
    assert Origin.of("https://API.example/x") == Origin.of("https://api.example:443/y?z")
    assert Origin.of("https://api.example") != Origin.of("http://api.example")
    assert str(Origin.of("http://api.example")) == "http://api.example:80"


def test_this_machine_may_be_reached_over_plain_http():
    assert Account("a", "x", token_url="http://127.0.0.1:1/t", api_url="http://localhost:2")
