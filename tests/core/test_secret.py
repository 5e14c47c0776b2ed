import copy
import json
import logging
import pickle

import pytest

from td_notebooks.redaction import RedactFilter, redact
from td_notebooks.secret import Secret


def test_every_accidental_view_is_masked():
    secret = Secret("hunter2-secret")
    views = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{[secret]}",
        "".join(map(str, [secret])),
    ]
    assert not any("hunter2" in view for view in views)
    assert secret.reveal() == "hunter2-secret"


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_it_does_not_travel(take):
    with pytest.raises(TypeError):
        take(Secret("hunter2-secret"))


def test_equality_and_truth():
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            "GET https://s3.example/f?X-Amz-Signature=abc&b=1 done",
            "GET https://s3.example/f?••• done",
        ),
        ("(b'Location', b'http://h/f?sig=abc')", "(b'Location', b'http://h/f?•••')"),
        ("Authorization: Bearer eyJ.abc-_.x", "Authorization: Bearer •••"),
        ("Basic YWJjOmRlZg==", "Basic •••"),
        ("nothing here", "nothing here"),
    ],
)
def test_links_and_credentials_are_taken_out_of_texts(text, clean):
    assert redact(text) == clean


def test_a_log_line_is_redacted_with_its_arguments():
    record = logging.LogRecord("httpx", 20, "", 1, "GET %s", ("https://h/f?sig=abc",), None)
    assert RedactFilter().filter(record)
    assert record.getMessage() == "GET https://h/f?•••"
