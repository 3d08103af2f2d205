"""What is handed out: the wheel holds all that the package reads, and the command says its version."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

import nedsvc

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """A wheel of this checkout, built with what is installed: no network is needed."""
    out = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", out, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = out.glob("*.whl")
    return ZipFile(file)


def test_the_wheel_holds_every_module_and_data_file(wheel: ZipFile) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "nedsvc").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "nedsvc/py.typed" in files
    assert "nedsvc/data/common_words.txt" in files
    assert files <= set(wheel.namelist())


def test_the_wheel_holds_the_licence_and_nothing_but_the_package(wheel: ZipFile) -> None:
    (licence,) = [name for name in wheel.namelist() if name.endswith("/licenses/LICENSE")]
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert {name.partition("/")[0].partition("-")[0] for name in wheel.namelist()} == {"nedsvc"}


def test_the_version_is_the_same_everywhere(wheel: ZipFile) -> None:
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    assert f"\nVersion: {nedsvc.__version__}\n" in wheel.read(metadata).decode()
    assert version("nedsvc") == nedsvc.__version__


def test_the_command_says_its_version() -> None:
    command = Path(sys.executable).with_name("nedsvc")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert nedsvc.__version__ in done.stdout
