"""The exception tree is closed, and every error survives a trip to another process."""

import copy
import inspect
import pickle
import re

import pytest

from td_notebooks import errors

CLASSES = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.TalkdeskError)
]


@pytest.mark.parametrize("kind", CLASSES)
def test_survives_pickle_and_copy(kind):
    parameters = inspect.signature(kind).parameters
    details = {
        name: ("x", "y") if name in {"missing", "unexpected"} else f"<{name}>"
        for name, parameter in parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name not in {"fields", "status_code"}
    }
    if "fields" in parameters:
        details["fields"] = (("timespan[from]", "is wrong"),)
    if "status_code" in parameters:
        details["status_code"] = 418
    error = kind("it went wrong.", **details)
    error.add_note("a note")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is kind
        assert str(twin) == "it went wrong. <hint>"
        assert vars(twin) == vars(error)
        assert all(getattr(twin, name) == value for name, value in details.items())


def test_every_class_stands_in_the_drawing():
    drawn = ["TalkdeskError", *re.findall(r"[├└]── (\w+Error)\b", errors.__doc__)]
    assert set(drawn) == {kind.__name__ for kind in CLASSES}
    assert len(drawn) == len(set(drawn))


def test_a_job_timeout_is_a_timeout():
    assert issubclass(errors.JobTimeoutError, TimeoutError)


@pytest.mark.parametrize(
    ("status", "retryable"), [(400, False), (401, False), (429, True), (503, True), (None, False)]
)
def test_a_refused_token_is_worth_another_try_only_when_the_host_was_busy(status, retryable):
    assert errors.TokenError("no", status_code=status).retryable is retryable
