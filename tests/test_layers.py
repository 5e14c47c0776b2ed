"""A lower layer never imports a higher one, and heavy packages stay where they belong."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

import td_notebooks

ROOT = Path(td_notebooks.__file__).parent

LAYERS = [
    {"errors", "beside", "extras", "secret", "redaction", "clock", "regions", "timespan", "wire"},
    {"auth", "settings", "sources", "profiles", "appconnect"},
    {"answers", "connections", "transport", "interrupts"},
    {"reports"},
    {"frames", "pull", "pseudonyms"},
    {"lake"},
    {"metrics", "plots", "week"},
    {"views", "progress", "job", "client"},
    {"sandbox"},
    {"front_door", "logins", "fleet"},
    {"integrations"},
    {"widgets", "magics"},
    {"cli", "__main__", "__init__"},
]
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}

# Methods that are only a door to something higher, and import it when they are called.
DOORS = {("client", "widgets"), ("job", "widgets")}

# The sandbox shares no parsing or formatting with the client: it knows the facts, not the code.
SANDBOX_MAY_IMPORT = {"errors", "clock", "reports.schemas", "sandbox"}

# Third-party packages and the only places that may import them.
PLACES = {
    "httpx": {"auth", "connections", "transport", "reports.download"},
    "tenacity": {"transport", "reports", "lake"},
    "typer": {"cli"},
    "rich": {"cli"},
    "IPython": {"progress", "magics", "widgets"},
    "ipywidgets": {"widgets"},
    "anywidget": {"widgets"},
    "traitlets": {"widgets"},
    "dotenv": {"sources"},
    "narwhals": {"metrics"},
    "certifi": {"connections"},
    "platformdirs": {"profiles", "appconnect"},
    "keyring": {"profiles"},
    "deltalake": {"lake"},
    "dlt": {"integrations"},
    "matplotlib": {"plots", "week"},
    "statsmodels": {"metrics"},
    "xlsxwriter": {"frames"},
}


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts), path


def imports(name, path):
    """Yield the absolute names a module imports, inside functions too."""
    package = ["td_notebooks", *name.split(".")]
    if path.name != "__init__.py" or name == "__init__":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*base, node.module] if node.module else base)
            for alias in node.names:
                module = f"{target}.{alias.name}"
                yield module if module.removeprefix("td_notebooks.") in MODULES else target


MODULES = dict(modules())


def inside(name, places):
    return any(name == place or name.startswith(place + ".") for place in places)


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_downwards(name):
    here = LAYER[name.split(".")[0]]
    for target in imports(name, MODULES[name]):
        if not target.startswith("td_notebooks."):
            continue
        there = target.removeprefix("td_notebooks.").split(".")[0]
        if there in LAYER and name != "__init__" and (name, there) not in DOORS:
            assert LAYER[there] <= here, f"{name} imports {target}"


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith("sandbox")])
def test_the_sandbox_shares_no_code_with_the_client(name):
    for target in imports(name, MODULES[name]):
        if target.startswith("td_notebooks."):
            known = target.removeprefix("td_notebooks.")
            assert inside(known, SANDBOX_MAY_IMPORT), f"{name} imports {target}"


@pytest.mark.parametrize("name", MODULES)
def test_third_party_packages_stay_in_their_places(name):
    for target in imports(name, MODULES[name]):
        places = PLACES.get(target.split(".")[0])
        if places is not None:
            assert inside(name, places), f"{name} imports {target}"


def test_vocabulary_needs_nothing_but_the_standard_library():
    for name in LAYERS[0]:
        for target in imports(name, MODULES[name]):
            top = target.split(".")[0]
            assert top in sys.stdlib_module_names or top in {"td_notebooks", "__future__"}, target


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"pandas", "numpy", "pyarrow", "httpx", "jwt", "cryptography"} | set(PLACES)
    code = f"import sys, td_notebooks; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_importing_the_package_costs_less_than_importing_httpx():
    def fastest(module):
        def once():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
            return time.perf_counter() - began

        return min(once() for _ in range(5))

    assert fastest("td_notebooks") <= 1.3 * fastest("httpx")


def test_the_public_names_are_these():
    assert sorted(td_notebooks.__all__) == dir(td_notebooks)
    for name in td_notebooks.__all__:
        assert getattr(td_notebooks, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        td_notebooks.nothing  # noqa: B018 - looking it up is the point
