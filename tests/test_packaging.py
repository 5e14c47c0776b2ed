"""What is built is complete, and works where nothing of the repository is to be seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from datetime import date
from pathlib import Path

import pytest

import td_notebooks

ROOT = Path(__file__).parents[1]
CATALOGUE = {path.name for path in (ROOT / "td_notebooks/reports/catalogue").glob("*.toml")}
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def run(*command, cwd=None):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Build both archives as a release does, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(dist):
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel where only the dependencies of this environment are to be seen."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False)
    scripts = place / ("Scripts" if sys.platform == "win32" else "bin")
    run(
        *(sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet"),
        *("--no-deps", "--no-index", "--disable-pip-version-check", wheel),
    )
    # A folder named in a .pth file is searched, but .pth files in it are not read: the editable
    # installation of the repository stays out of sight.
    (site,) = place.rglob("site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return scripts


def test_the_wheel_has_all_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = f"td_notebooks-{td_notebooks.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"td_notebooks", info}
    assert "td_notebooks/py.typed" in names
    assert f"{info}/licenses/LICENSE" in names
    assert {Path(name).name for name in names if name.endswith(".toml")} == CATALOGUE
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("td_notebooks/**/*.py")}
    assert {name for name in names if name.endswith(".py")} == modules


def test_the_source_archive_has_what_a_packager_needs(dist):
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "pyproject.toml",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "td_notebooks/py.typed",
        "tests/conftest.py",
        "notebooks/01-first-report.ipynb",
    }


def test_the_installed_package_is_the_one_that_runs(installed, tmp_path):
    code = "import td_notebooks; print(td_notebooks.__file__, td_notebooks.__version__)"
    path, version = run(installed / "python", "-c", code, cwd=tmp_path).split()
    assert Path(path).is_relative_to(installed.parent)
    assert version == td_notebooks.__version__


def test_the_installed_command_knows_the_catalogue(installed, tmp_path):
    listed = run(installed / "td-notebooks", "reports", cwd=tmp_path)
    assert all(Path(name).stem in listed for name in CATALOGUE)


def test_the_installed_package_pulls_a_report(installed, tmp_path):
    command = (installed / "td-notebooks", "report", "calls", "--sandbox")
    span = ("--from", "2026-08-03", "--to", "2026-08-04", "-o", "calls.csv")
    run(*command, *span, cwd=tmp_path)
    assert (tmp_path / "calls.csv").read_text().startswith('"call_id",')


def test_the_names_are_the_same_whatever_was_imported_first(tmp_path):
    """A module of the package must not stand in for a function of the same name."""
    code = """
import importlib, pkgutil, types, td_notebooks as td

for module in pkgutil.walk_packages(td.__path__, "td_notebooks."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
modules = {name for name in td.__all__ if isinstance(getattr(td, name), types.ModuleType)}
assert modules == {"appconnect", "metrics", "plots", "reports"}, modules
"""
    run(sys.executable, "-c", code, cwd=tmp_path)


def releases(changelog):
    """Return {heading: {kind: entries}} of a changelog, newest first."""
    found = {}
    for part in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        kinds = re.split(r"^### (.*)\n", body, flags=re.MULTILINE)
        assert not kinds[0].strip(), f"{heading}: every entry stands under a kind of change"
        found[heading] = dict(zip(kinds[1::2], kinds[2::2], strict=True))
    return found


def complaints(changelog, version):
    """Say what a changelog lacks by the rules of Keep a Changelog, for the package's version."""
    found = releases(changelog)
    headings = list(found)
    if headings[:1] != ["[Unreleased]"]:
        yield "the first heading is [Unreleased]"
    released = []
    for heading in headings[1:]:
        match = re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)( \[YANKED\])?", heading)
        if not match:
            yield f"{heading} is no version and date"
            continue
        released.append((tuple(map(int, match.groups()[:3])), date.fromisoformat(match[4])))
    if released != sorted(released, reverse=True):
        yield "versions go from new to old"
    for heading, kinds in found.items():
        if unknown := kinds.keys() - KINDS:
            yield f"{heading}: {unknown} is no kind of change"
        for kind, body in kinds.items():
            if not body.strip().startswith("- "):
                yield f"{heading}: nothing is listed under {kind}"
        if not kinds and heading != "[Unreleased]":
            yield f"{heading} lists nothing"
    ours = tuple(map(int, version.split(".")))
    newest = released[0][0] if released else (0, 0, 0)
    pending = bool(found.get("[Unreleased]"))
    # Between releases the package already has the number of the next one, or still the last.
    if ours < newest or (ours != newest and not pending):
        yield f"the package is {version}, the newest release {newest}"


def test_the_changelog_keeps_its_form_and_agrees_with_the_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert list(complaints(text, td_notebooks.__version__)) == []


@pytest.mark.parametrize(
    ("changelog", "version"),
    [
        ("## [1.0.0] - 2026-01-01\n### Added\n- x\n", "1.0.0"),
        ("## [Unreleased]\n", "0.1.0"),
        ("## [Unreleased]\n### Added\n", "0.1.0"),
        ("## [Unreleased]\n### News\n- x\n", "0.1.0"),
        ("## [Unreleased]\n## [1.0.0] - yesterday\n### Added\n- x\n", "1.0.0"),
        ("## [Unreleased]\n## [1.0.0] - 2026-01-01\n", "1.0.0"),
        ("## [Unreleased]\n## [1.0.0] - 2026-01-01\n### Added\n- x\n", "1.1.0"),
        ("## [Unreleased]\n### Added\n- x\n## [1.0.0] - 2026-01-01\n### Added\n- x\n", "0.9.0"),
        (
            "## [Unreleased]\n## [1.0.0] - 2026-01-01\n### Added\n- x\n"
            "## [2.0.0] - 2025-01-01\n### Added\n- x\n",
            "1.0.0",
        ),
    ],
)
def test_a_changelog_out_of_form_is_seen(changelog, version):
    assert list(complaints(changelog, version))
