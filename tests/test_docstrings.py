"""What the docstrings say of parameters is what the signatures say; their examples run."""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
import re
import subprocess
import sys

import td_notebooks as td

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(td.__path__, "td_notebooks.")
    if not name.endswith("__main__")
]


def public_members(module_name):
    """Yield (name, function or class) for what a module defines in public, methods included."""
    for name, thing in vars(importlib.import_module(module_name)).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module_name:
            continue
        if inspect.isclass(thing):
            yield f"{module_name}.{name}", thing
            for method, member in vars(thing).items():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                defined_here = getattr(function, "__module__", None) == module_name
                if not method.startswith("_") and inspect.isfunction(function) and defined_here:
                    yield f"{module_name}.{name}.{method}", function
        elif inspect.isfunction(thing):
            yield f"{module_name}.{name}", thing


def front():
    """Yield (name, function) for what users call: the package's names and their methods."""
    for name in td.__all__:
        thing = getattr(td, name)
        if inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing) and not issubclass(thing, Exception):
            for method, function in inspect.getmembers(thing, inspect.isroutine):
                if not method.startswith("_") and function.__module__.startswith("td_notebooks"):
                    yield f"{name}.{method}", function
        elif inspect.ismodule(thing):
            for function in getattr(thing, "__all__", ()):
                if inspect.isfunction(getattr(thing, function)):
                    yield f"{name}.{function}", getattr(thing, function)


def explained(thing, title):
    """Return the names under a numpydoc heading, or None if there is no such heading."""
    lines = inspect.cleandoc(thing.__doc__ or "").splitlines()
    underlines = [number for number, line in enumerate(lines) if re.fullmatch("-{3,}", line)]
    for this, following in itertools.pairwise([*underlines, len(lines) + 1]):
        if lines[this - 1] == title:
            heads = [line for line in lines[this + 1 : following - 1] if line[:1].strip()]
            names = ",".join(head.split(" : ")[0] for head in heads)
            return [name.strip(" *") for name in names.split(",")]
    return None


def parameters(thing):
    """Return the public parameters of a function, or of a class's constructor."""
    names = inspect.signature(thing).parameters
    return [name for name in names if name not in {"self", "cls"} and not name.startswith("_")]


MEMBERS = {name: thing for module in MODULES for name, thing in public_members(module)}


def test_everything_public_has_a_docstring():
    assert len(MEMBERS) > 200
    # A dataclass without one is given its signature by Python.
    assert not [
        name
        for name, thing in MEMBERS.items()
        if not thing.__doc__ or thing.__doc__.startswith(f"{thing.__name__}(")
    ]


def test_the_parameters_explained_are_those_of_the_signature():
    differing = {
        name: set(said) ^ set(parameters(thing)) or "twice"
        for name, thing in MEMBERS.items()
        if (said := explained(thing, "Parameters")) is not None
        and sorted(said) != sorted(parameters(thing))
    }
    assert differing == {}


def test_users_are_told_each_parameter():
    missing = {}
    for name, thing in front():
        told = set(explained(thing, "Parameters") or ())
        # A method may refer to its neighbour: "parameters as for `report`".
        for neighbour in re.findall(r"parameters[^.]* as for `(\w+)`", thing.__doc__ or ""):
            owner = getattr(td, name.split(".")[0])
            told.update(explained(getattr(owner, neighbour), "Parameters"))
        missing[name] = set(parameters(thing)) - told
    assert {"connect", "read_report", "Talkdesk.report", "metrics.service_level"} <= set(missing)
    assert {name: names for name, names in missing.items() if names} == {}


def test_examples_run():
    script = """
import doctest, importlib, sys

for name in sys.argv[1:]:
    failed, tried = doctest.testmod(importlib.import_module(name))
    if failed:
        sys.exit(f"{name}: {failed} of {tried} examples failed")
    if tried:
        print(name)
"""
    # In a process of their own, as some leave a sandbox open.
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, "td_notebooks", *MODULES],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    tried = set(run.stdout.split())
    assert {"td_notebooks", td.connect.__module__, "td_notebooks.secret"} <= tried
