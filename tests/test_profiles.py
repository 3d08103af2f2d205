"""Profiles of an index: what the package's own say, files of one's own, and what is wrong with those that are not."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from dumps import claims, dump_item, make_dump, make_index
from hypothesis import given
from hypothesis import strategies as st

from nedsvc.cli_index import index as command
from nedsvc.errors import InvalidInput
from nedsvc.index.options import BuildOptions, chosen_options
from nedsvc.index.profiles import read_profile

ROOT = Path(__file__).parents[1]
ITEMS = [
    dump_item("Q1899", "Kyiv", claims=claims(P31="Q515"), sitelinks=["enwiki", "dewiki"]),
    dump_item("Q515", "city", claims=claims(P279="Q486972")),
    dump_item("Q70", "Old Town", claims=claims(P31=["Q515", "Q15893266"]), sitelinks=["enwiki", "dewiki"]),
    dump_item("Q71", "Smith", claims=claims(P31="Q101352"), sitelinks=["enwiki"]),
    dump_item("Q72", "Georgia", claims=claims(P31="Q4167410"), sitelinks=["enwiki"]),
]


def written(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text)
    return str(path)


def labels(folder: Path, profile: str) -> set[str]:
    index = make_index(folder, ITEMS, profile=profile)
    return {index.entity(row).label for row in range(len(index))}


def test_news_leaves_out_what_no_mention_means_and_all_nothing() -> None:
    news = read_profile("news").left_out
    assert news[4167410] == "disambiguation page"
    assert len(news) > 40
    assert read_profile("all").left_out == {}


def test_an_own_profile_takes_over_what_it_extends(tmp_path: Path) -> None:
    own = written(tmp_path, 'extends = "news"\nkeep = ["Q101352"]\n[left_out]\nruin = ["Q15893266"]\n')
    assert labels(tmp_path, own) == {"Kyiv", "city", "Smith"}
    assert labels(tmp_path, written(tmp_path, '[left_out]\nname = ["Q101352"]\n')) == {
        "Kyiv",
        "city",
        "Old Town",
        "Georgia",
    }


def test_what_is_left_out_is_counted_by_the_words_of_the_profile(tmp_path: Path) -> None:
    index = make_index(tmp_path, ITEMS, profile=written(tmp_path, '[left_out]\nruin = ["Q15893266"]\n'))
    assert index.manifest.counts.left_out == {"ruin": 1}


def test_what_a_profile_chooses_holds_where_nothing_else_is_chosen(tmp_path: Path) -> None:
    own = written(tmp_path, 'languages = ["de"]\nclasses = ["Q5"]\nmin_sitelinks = 3\n')
    options = chosen_options(own)
    assert (options.languages, options.classes, options.min_sitelinks) == (("de",), ("Q5",), 3)
    options = chosen_options(own, languages=("en",), classes=(), min_sitelinks=0)
    assert options == BuildOptions(profile=own)
    assert chosen_options("news") == BuildOptions()


def test_an_index_knows_its_profile_by_name_and_digest_wherever_the_file_is(tmp_path: Path) -> None:
    own = written(tmp_path, '[left_out]\nruin = ["Q15893266"]\n')
    options = make_index(tmp_path, ITEMS, profile=own).manifest.options
    assert (options.profile, options.profile_digest) == ("own", read_profile(own).digest)


def test_the_digest_tells_what_is_said_and_not_how(tmp_path: Path) -> None:
    digest = read_profile(written(tmp_path, 'min_sitelinks = 2\nlanguages = ["en"]\n')).digest
    assert read_profile(written(tmp_path, '# the same\nlanguages = ["en"]\nmin_sitelinks = 2\n')).digest == digest
    assert read_profile(written(tmp_path, 'languages = ["en"]\nmin_sitelinks = 3\n')).digest != digest


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("min_sitelink = 3", "min_sitelink: is no key of a profile; there are extends, languages, "),
        ('min_sitelinks = "3"', "min_sitelinks: Expected `int | null`, got `str`"),
        ("min_sitelinks = -1", "min_sitelinks: must not be negative"),
        ('languages = ["english!"]', "languages: 'english!' is no language code"),
        ("languages = []", "languages: name at least one language"),
        ('classes = "Q5"', "classes: Expected `array | null`, got `str`"),
        ('classes = ["human"]', "classes: 'human' is no "),
        ('extends = "own"', "extends: 'own' is unknown; choose from news, all"),
        ('keep = ["Q101352"]', "keep: Q101352 is not left out by the profile that this one extends"),
        ('[left_out]\nruin = ["P31"]', "left_out, 'ruin': 'P31' is no "),
        ("[left_out]\nruin = [5]", "left_out: Expected `str`, got `int`"),
        ("min_sitelinks = ", " is no TOML: "),
    ],
)
def test_what_is_wrong_is_told_with_the_file_and_the_key(tmp_path: Path, text: str, reason: str) -> None:
    own = written(tmp_path, text)
    with pytest.raises(InvalidInput, match=re.escape(reason)) as caught:
        read_profile(own)
    assert caught.value.field == "--profile"
    assert own in caught.value.reason


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ("sport", "'sport' is unknown; choose from news, all, or name a file that ends in .toml"),
        ("nowhere.toml", "nowhere.toml cannot be read (No such file or directory)"),
    ],
)
def test_a_profile_that_is_not_there_is_refused(profile: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(reason)):
        read_profile(profile)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_bytes(b'extends = "\xff"')
    with pytest.raises(InvalidInput, match="is not UTF-8 at byte 11"):
        read_profile(str(tmp_path / "own.toml"))


@given(st.dictionaries(st.text(min_size=1), st.lists(st.integers(1, 2**31 - 1), max_size=3), max_size=5))
def test_whatever_is_left_out_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, reasons: dict[str, list[int]]
) -> None:
    named = {json.dumps(reason, ensure_ascii=False): numbers for reason, numbers in reasons.items()}
    lines = [f"{reason} = {[f'Q{number}' for number in numbers]}" for reason, numbers in named.items()]
    text = "\n".join(["[left_out]", *lines]).replace("\x7f", "\\u007F")
    said = read_profile(written(tmp_path_factory.mktemp("profile"), text)).left_out
    assert said == {number: reason for reason, numbers in reasons.items() for number in numbers}


def test_the_command_takes_a_file_and_its_flags_go_before_it(tmp_path: Path) -> None:
    build = ["build", str(make_dump(tmp_path, ITEMS)), "-o", str(tmp_path / "index")]
    build += ["--profile", str(ROOT / "examples" / "towns.toml"), "--languages", "en"]
    result = CliRunner().invoke(command, build)
    assert result.exit_code == 0, result.stderr
    assert "1 entities" in result.stderr
    assert "left out: 1 × former place" in result.stderr
    shown = CliRunner().invoke(command, ["info", str(tmp_path / "index"), "--format", "json"])
    options = json.loads(shown.stdout)["options"]
    assert (options["profile"], options["languages"], options["min_sitelinks"]) == ("towns", ["en"], 2)


def test_the_command_tells_what_is_wrong_with_a_file_in_one_sentence(tmp_path: Path) -> None:
    own = written(tmp_path, "sitelinks = 3")
    result = CliRunner().invoke(command, ["build", "x.json", "-o", str(tmp_path / "index"), "--profile", own])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"nedsvc: --profile: {own}: sitelinks: is no key of a profile; there are ")
    assert result.stderr.count("\n") == 1
