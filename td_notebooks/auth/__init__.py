"""The way in: credentials, token requests, and an httpx auth that renews its token by itself."""

from .credentials import ClientAssertion, ClientSecret, Credentials, LongLivedToken
from .flow import TalkdeskAuth
from .grants import AccessToken

__all__ = [
    "AccessToken",
    "ClientAssertion",
    "ClientSecret",
    "Credentials",
    "LongLivedToken",
    "TalkdeskAuth",
]
