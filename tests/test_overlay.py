"""Own entities: a file over an index, given at the start or when the index is built."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from dumps import claims, dump_item, make_dump, make_index, statement
from fakes import JUDGES, FakeDetector, FakeSource, candidate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nedsvc import Document, EntityLinker, IndexFormatError, InvalidInput, Options
from nedsvc.cache.memory import MemoryCache
from nedsvc.cli import main
from nedsvc.index.files import check_replaceable
from nedsvc.index.layered import open_index
from nedsvc.index.overlay import DEFAULT_POPULARITY, with_overlay
from nedsvc.index.reader import Index
from nedsvc.index.view import OpenIndex
from nedsvc.models import Entity, Link
from nedsvc.names import fold
from nedsvc.never import Never
from nedsvc.sources.beside import BesideSource
from nedsvc.sources.local import LocalSource
from nedsvc.variants import Spelling
from nedsvc.web.app import create_app
from nedsvc.web.service import Service

Line = Mapping[str, object]

TENURE = {"P580": [statement(("+2021-01-26T00:00:00Z", 11))["mainsnak"]]}
ITEMS = [
    dump_item("Q5", "human"),
    dump_item("Q6256", "country"),
    dump_item("Q515", "city"),
    dump_item("Q212", "Ukraine", description="country in Europe", claims=claims(P31="Q6256", P36="Q1899")),
    dump_item(
        "Q1899", "Kyiv", aliases=["Kiev"], description="capital of Ukraine", claims=claims(P31="Q515", P17="Q212")
    ),
    dump_item("Q30", "United States", aliases=["USA", "US"], claims=claims(P31="Q6256")),
    dump_item("Q810", "Jordan", description="country in Asia", claims=claims(P31="Q6256"), sitelinks=["enwiki"]),
    dump_item("Q41421", "Michael Jordan", description="basketball player", claims=claims(P31="Q5", P27="Q30")),
    dump_item("Q14213", "United States Secretary of State", claims=claims(P31="Q4164871", P1001="Q30")),
    dump_item(
        "Q7821917",
        "Antony Blinken",
        description="American diplomat",
        claims=claims(P31="Q5", P27="Q30") | {"P39": [statement("Q14213", qualifiers=TENURE)]},
    ),
]
ROCKET: Line = {
    "id": "acme:42",
    "names": ["Quillfeather Rocket", "QFR-9"],
    "type": "PRODUCT",
    "description": "a rocket that is launched in the desert",
    "links": ["acme:corp", "Q30"],
}
CORP: Line = {"id": "acme:corp", "names": ["Acme Corporation"], "type": "ORG", "url": "https://acme.example/"}


def write(folder: Path, *lines: Line | str, name: str = "own.jsonl") -> Path:
    """A file of these lines."""
    file = folder / name
    file.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return file


@pytest.fixture(scope="session")
def below(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small index."""
    return make_index(tmp_path_factory.mktemp("below"), ITEMS).path


class Opened:
    """Linkers over the small index, each with an overlay."""

    def __init__(self, index: Path, folder: Path) -> None:
        self.index = index
        self.folder = folder

    def __call__(self, *lines: Line | str) -> EntityLinker:
        return EntityLinker.from_index(self.index, detector="gazetteer", overlay=write(self.folder, *lines))

    def view(self, *lines: Line | str) -> OpenIndex:
        return with_overlay(Index.open(self.index), write(self.folder, *lines), self.folder)


@pytest.fixture
def opened(below: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    monkeypatch.setenv("NEDSVC_CACHE", str(tmp_path / "cache"))
    return Opened(below, tmp_path)


def linked(linker: EntityLinker, text: str) -> dict[str, str | None]:
    """The id that each mention is linked to."""
    return {link.mention.surface: link.entity.id if link.entity else None for link in linker.annotate(text).links}


def entity(linker: EntityLinker, id_: str) -> Entity:
    found = linker.entity(id_)
    assert found is not None
    return found


def candidates(link: Link) -> list[str]:
    return [one.id for one in link.candidates]


def test_an_own_entity_is_found_in_a_text_and_linked(opened: Opened) -> None:
    linker = opened(ROCKET, CORP)
    text = "The Quillfeather Rocket of Acme Corporation flew over Kyiv."
    assert linked(linker, text) == {
        "Quillfeather Rocket": "acme:42",
        "Acme Corporation": "acme:corp",
        "Kyiv": "Q1899",
    }
    (first, *_) = linker.annotate(text).links
    assert first.type == "PRODUCT"
    assert "+overlay-" in linker.index


def test_an_own_entity_is_shown_with_what_its_line_says(opened: Opened) -> None:
    found = entity(opened(ROCKET, CORP), "acme:42")
    assert (found.label, found.types) == ("Quillfeather Rocket", ("PRODUCT",))
    assert found.description == "a rocket that is launched in the desert"
    assert found.names == {"mul": ("Quillfeather Rocket", "QFR-9")}
    assert found.popularity == pytest.approx(DEFAULT_POPULARITY, abs=1e-4)


@pytest.mark.parametrize("asked", ["Quilfeather Rocket", "Quillfeather", "Rocket Quillfeather", "QFR-9"])
def test_an_own_entity_is_found_by_a_misspelt_name_and_by_a_part_of_one(opened: Opened, asked: str) -> None:
    assert candidates(opened(ROCKET, CORP).lookup(asked).link)[0] == "acme:42"


def test_an_own_entity_is_found_by_its_initials(opened: Opened) -> None:
    linker = opened({"id": "acme:f", "names": ["Fellowship of Quick Rockets"], "type": "ORG"})
    assert "acme:f" in candidates(linker.lookup("FQR").link)


def test_names_count_in_the_languages_that_they_are_given_in(opened: Opened) -> None:
    linker = opened({"id": "acme:r", "names": {"en": ["Rocket Base"], "uk": ["Ракетна база"]}, "label": "The Base"})
    assert candidates(linker.lookup("Ракетна база", language="uk").link) == ["acme:r"]
    assert entity(linker, "acme:r").label == "The Base"
    assert entity(linker, "acme:r").names["uk"] == ("Ракетна база",)


def test_links_between_own_entities_and_items_hold_a_document_together(opened: Opened) -> None:
    north: Line = {"id": "acme:n", "names": ["Springton"], "type": "GPE", "links": ["Q212"]}
    south: Line = {"id": "acme:s", "names": ["Springton"], "type": "GPE", "links": ["acme:corp"]}
    linker = opened(north, south, CORP)
    options = Options(explain=True)
    for text, meant in (
        ("Springton is in Ukraine.", "acme:n"),
        ("Springton is where Acme Corporation is.", "acme:s"),
    ):
        (link,) = (one for one in linker.annotate(text, options=options).links if one.mention.surface == "Springton")
        assert link.candidates[0].id == meant
        assert link.candidates[0].features["coherence"] > 0


@pytest.mark.parametrize(("popularity", "order"), [(0.01, ["Q810", "acme:j"]), (0.9, ["acme:j", "Q810"])])
def test_the_better_known_bearer_of_a_name_comes_first(opened: Opened, popularity: float, order: list[str]) -> None:
    view = opened.view({"id": "acme:j", "names": ["Jordan"], "popularity": popularity})
    assert [view.id_of(view.number(row)) for row in view.rows_named("jordan")] == order


def test_an_item_takes_over_what_a_line_says_and_keeps_all_else(opened: Opened, below: Path) -> None:
    before = entity(EntityLinker.from_index(below, detector="gazetteer"), "Q1899")
    linker = opened({"id": "Q1899", "names": ["Kyyiv"], "description": "our office", "links": ["acme:corp"]}, CORP)
    after = entity(linker, "Q1899")
    assert (after.label, after.types, after.popularity) == (before.label, before.types, before.popularity)
    assert after.description == "our office"
    assert linked(linker, "Kyyiv, Kiev and Kyiv.") == {"Kyyiv": "Q1899", "Kiev": "Q1899", "Kyiv": "Q1899"}
    assert after.url is None


def test_an_item_that_the_index_lacks_is_added_under_its_qid(opened: Opened) -> None:
    linker = opened({"id": "Q2147483001", "names": ["Power of Siberia 2"], "type": "FAC"})
    assert linked(linker, "Power of Siberia 2 is planned.") == {"Power of Siberia 2": "Q2147483001"}


def test_a_label_and_a_type_take_the_place_of_those_of_an_item(opened: Opened) -> None:
    linker = opened({"id": "Q41421", "label": "Air Jordan", "type": "ORG", "popularity": 0.8})
    found = entity(linker, "Q41421")
    assert (found.label, found.types, found.popularity) == ("Air Jordan", ("ORG",), 0.8)
    assert candidates(linker.lookup("Michael Jordan").link) == ["Q41421"]


def test_who_held_an_office_is_told_by_both(opened: Opened) -> None:
    successor: Line = {
        "id": "acme:w",
        "names": ["Wilma Coyote"],
        "type": "PERSON",
        "offices": [{"id": "Q14213", "start": "2025-01-21"}],
    }
    changed: Line = {"id": "Q7821917", "offices": [{"id": "Q14213", "start": "2021-01-26", "end": "2025-01-20"}]}
    linker = opened(successor, changed)
    for date, holder in (("2023-03-21", "Q7821917"), ("2025-06-01", "acme:w")):
        (role,) = linker.annotate("The US Secretary of State spoke.", date=date, options=Options(roles=True)).roles
        assert (role.status, role.entity and role.entity.id) == ("linked", holder)


def test_an_own_office_has_own_holders(opened: Opened) -> None:
    office: Line = {"id": "acme:ceo", "names": ["chief executive of Acme Corporation"], "links": ["acme:corp"]}
    holder: Line = {
        "id": "acme:rita",
        "names": ["Rita Okafor"],
        "type": "PERSON",
        "offices": [{"id": "acme:ceo", "start": "2021"}],
    }
    linker = opened(CORP, office, holder)
    (role,) = linker.annotate(
        "The chief executive of Acme Corporation spoke.", date="2023-03-21", options=Options(roles=True)
    ).roles
    assert role.entity is not None
    assert role.office is not None
    assert (role.entity.id, role.office.id) == ("acme:rita", "acme:ceo")
    assert [one.id for one in role.entity.offices] == ["acme:ceo"]


def test_a_forbidden_id_is_never_a_candidate(opened: Opened) -> None:
    linker = opened({"never": True, "id": "Q41421"})
    assert linker.entity("Q41421") is None
    for name in ("Michael Jordan", "Jordan", "Micheal Jordan"):
        assert "Q41421" not in candidates(linker.lookup(name).link)
    assert linked(linker, "Michael Jordan is in Jordan.") == {"Jordan": "Q810"}


def test_a_forbidden_name_is_linked_to_nobody_however_it_is_asked_for(opened: Opened) -> None:
    linker = opened({"never": True, "names": ["Blinken"]})
    text = "Antony Blinken came. Blinken spoke."
    assert linked(linker, text)["Antony Blinken"] == "Q7821917"
    assert linked(linker, text).get("Blinken") is None
    assert linker.lookup("BLINKEN").link.status == "nil"
    assert linker.lookup("Blinken", context=text).link.candidates == ()


def test_an_entity_may_be_forbidden_by_one_name_alone(opened: Opened) -> None:
    linker = opened({"never": True, "id": "Q30", "names": ["US"]}, {"id": "acme:us", "names": ["US"], "type": "ORG"})
    assert candidates(linker.lookup("US").link) == ["acme:us"]
    assert linked(linker, "The USA joined.") == {"USA": "Q30"}


def test_names_that_nobody_is_left_to_bear_are_not_found_in_texts(opened: Opened) -> None:
    assert linked(opened({"never": True, "id": "Q30", "names": ["US"]}), "The US joined Ukraine.") == {
        "Ukraine": "Q212"
    }


def test_what_is_forbidden_is_not_linked_whatever_the_source_says() -> None:
    never = Never(frozenset({810}), frozenset({"kyiv"}), frozenset({("kiev", 1899)}))
    names = {"Jordan": [candidate(810)], "Kyiv": [candidate(1899)], "Kiev": [candidate(1899), candidate(7)]}
    linker = EntityLinker([FakeSource(names)], FakeDetector(), JUDGES, lambda text: "de", never=never)
    links = linker.annotate("Jordan met Kyiv in Kiev.").links
    assert [candidates(link) for link in links] == [[], [], ["Q7"]]
    assert linker.entity("Q810") is None


def test_a_live_source_competes_with_what_the_overlay_tells(opened: Opened) -> None:
    view = opened.view({"id": "acme:j", "names": ["Jordan"]}, {"id": "Q1899", "description": "our office"})
    local = LocalSource(view, Spelling(frozenset(), {}, frozenset()), frozenset())
    other = FakeSource({"Jordan": [candidate(41)], "Kyiv": [candidate(1899, popularity=0.01)]})
    source = BesideSource(local, view, other)
    found = source.search(["Jordan", "Kyiv", "Ukraine"], "en", 0.0)
    assert {name: [one.id for one in answer] for name, answer in found.items() if isinstance(answer, tuple)} == {
        "Jordan": ["acme:j", "Q41"],
        "Kyiv": ["Q1899"],
        "Ukraine": [],
    }
    known = source.fetch(["acme:j", "Q1899", "Q41"], "en", 0.0)
    assert [one.label for one in known.values() if isinstance(one, Entity)] == ["Jordan", "Kyiv", "label of Q41"]
    assert (source.id, source.lasting) == (f"fake-1+{view.content_id}", True)


def test_the_id_of_the_knowledge_changes_with_the_overlay_and_only_with_it(opened: Opened, below: Path) -> None:
    plain = EntityLinker.from_index(below, detector="gazetteer").index
    first, second = opened(ROCKET, CORP).index, opened(CORP).index
    assert len({plain, first, second}) == 3
    assert opened(ROCKET, CORP).index == first


@pytest.mark.parametrize("content", ["", "\n\n", "# nothing\n"])
def test_an_empty_overlay_leaves_the_index_as_it_is(opened: Opened, below: Path, content: str) -> None:
    assert opened(content).identity == EntityLinker.from_index(below, detector="gazetteer").identity


BROKEN: Sequence[tuple[str, str]] = [
    ("{", "line 1: is no JSON object"),
    ("[1]", "line 1: the line: expected `object`, got `array`"),
    ('\n# x\n{"id": "acme:1", "nmaes": ["A"]}', "line 3: nmaes is unknown here; the fields are id, names"),
    ('{"id": "42", "names": ["A"]}', "line 1: id '42' is none; write Q42, or acme:42"),
    ('{"names": ["A"]}', "line 1: id is missing"),
    ('{"id": "acme:1"}', "line 1: names is missing; acme:1 needs one"),
    ('{"id": "acme:1", "names": []}', "line 1: names is missing"),
    ('{"id": "acme:1", "names": ["?!"]}', "line 1: names: '?!' has no letter and no digit"),
    ('{"id": "acme:1", "names": {"EN": ["A"]}}', "line 1: names: 'EN' is no language code"),
    ('{"id": "acme:1", "names": {"en": []}}', "line 1: names: 'en' has none"),
    ('{"id": "acme:1", "names": [1]}', "line 1: names[0]: expected `str`, got `int`"),
    ('{"id": "acme:1", "label": ""}', "line 1: label '' has no letter"),
    ('{"id": "acme:1", "names": ["A"], "type": "ROCKET"}', "line 1: type 'ROCKET' is unknown; choose from PERSON, ORG"),
    ('{"id": "acme:1", "names": ["A"], "links": ["acme:2"]}', "line 1: links: acme:2 is unknown"),
    ('{"id": "acme:1", "names": ["A"], "links": ["Kyiv"]}', "line 1: links: 'Kyiv' is no id"),
    ('{"id": "acme:1", "names": ["A"], "offices": [{"id": "acme:2"}]}', "line 1: offices: acme:2 is unknown"),
    ('{"id": "acme:1", "names": ["A"], "offices": [{"id": "Q1", "since": "2"}]}', "since is unknown here"),
    ('{"id": "acme:1", "names": ["A"], "born": "long ago"}', "line 1: born 'long ago' is no date; write 2023"),
    ('{"id": "acme:1", "names": ["A"], "url": "acme"}', "line 1: url 'acme' is no address"),
    ('{"id": "acme:1", "names": ["A"], "popularity": 2}', "line 1: popularity must be from 0 to 1, not 2"),
    ('{"id": "acme:1", "names": ["A"]}\n{"id": "acme:1", "names": ["B"]}', "line 2: id acme:1 is that of line 1 too"),
    ('{"id": "Q1899", "names": ["A"]}\n{"never": true, "id": "Q1899"}', "line 2: id Q1899 is that of line 1 too"),
    ('{"id": "Q99", "description": "?"}', "line 1: names is missing; the index lacks Q99"),
    ('{"never": true}', "line 1: never goes with an id, names or both"),
    ('{"never": true, "id": "Q1", "type": "ORG"}', "line 1: type does not go with never"),
    ('{"never": true, "id": "acme:9"}', "line 1: id: acme:9 is unknown"),
]


@pytest.mark.parametrize(("content", "sentence"), BROKEN)
def test_a_broken_line_is_refused_with_its_place_and_field(opened: Opened, content: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        opened(content)
    assert f"{opened.folder / 'own.jsonl'}, " in str(refusal.value)
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(("content", "sentence"), BROKEN)
def test_a_broken_overlay_leaves_nothing_of_an_index_that_is_built(
    tmp_path: Path, below: Path, content: str, sentence: str
) -> None:
    file, dump = write(tmp_path, content), make_dump(tmp_path, ITEMS)
    before = {path.name for path in tmp_path.iterdir()}
    result = run("index", "build", dump, "-o", tmp_path / "index", "--overlay", file)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


def run(*arguments: object, input: str | None = None) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], input=input)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index that was built with an overlay."""
    monkeypatch.setenv("NEDSVC_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "index"
    result = run("index", "build", make_dump(tmp_path, ITEMS), "-o", folder, "--overlay", write(tmp_path, ROCKET, CORP))
    assert result.exit_code == 0, result.stderr
    return folder


def test_an_index_that_is_built_with_an_overlay_is_opened_with_it(built: Path) -> None:
    linker = EntityLinker.from_index(built, detector="gazetteer")
    assert linked(linker, "A Quillfeather Rocket.") == {"Quillfeather Rocket": "acme:42"}
    assert linker.index == Index.open(built).content_id
    assert run("index", "verify", built).exit_code == 0


def test_an_index_with_an_overlay_may_be_replaced_and_damage_to_it_is_told(built: Path) -> None:
    check_replaceable(built)
    facts = built / "overlay" / "overlay.json"
    facts.write_bytes(facts.read_bytes().replace(b"acme:42", b"acme:43"))
    assert run("index", "verify", built).exit_code == 2
    facts.unlink()
    with pytest.raises(IndexFormatError, match=r"overlay\.json is missing"):
        open_index(built)


def test_an_index_that_is_there_is_given_another_overlay_or_none_and_all_else_stays(
    built: Path, tmp_path: Path
) -> None:
    before = Index.open(built).manifest
    assert "yes" in run("index", "info", built).stdout
    assert run("index", "overlay", built, write(tmp_path, CORP)).exit_code == 0
    linker = EntityLinker.from_index(built, detector="gazetteer")
    assert linked(linker, "Acme Corporation, Quillfeather Rocket.") == {"Acme Corporation": "acme:corp"}
    broken = run("index", "overlay", built, write(tmp_path, '{"id": "Q99"}'))
    assert (broken.exit_code, "own.jsonl, line 1: names is missing" in broken.stderr) == (2, True)
    assert linker.index == Index.open(built).content_id
    assert run("index", "overlay", built, write(tmp_path, "# nothing")).exit_code == 0
    after = Index.open(built).manifest
    assert after.files == {name: entry for name, entry in before.files.items() if "/" not in name}
    assert not (built / "overlay").exists()
    assert run("index", "overlay", built, write(tmp_path, ROCKET, CORP)).exit_code == 0
    assert Index.open(built).manifest == before


def test_an_overlay_at_the_start_stands_over_the_one_of_the_index(built: Path, tmp_path: Path) -> None:
    more: Line = {"id": "acme:9", "names": ["Third Stage"], "links": ["acme:42"]}
    changed: Line = {"id": "acme:corp", "names": ["Acme Works"]}
    forbidden: Line = {"never": True, "id": "acme:42", "names": ["QFR-9"]}
    file = write(tmp_path, more, changed, forbidden, name="more.jsonl")
    linker = EntityLinker.from_index(built, detector="gazetteer", overlay=file)
    assert linked(linker, "Third Stage, Quillfeather Rocket, Acme Works, Acme Corporation, QFR-9.") == {
        "Third Stage": "acme:9",
        "Quillfeather Rocket": "acme:42",
        "Acme Works": "acme:corp",
        "Acme Corporation": "acme:corp",
    }
    assert entity(linker, "acme:corp").url == "https://acme.example/"
    again: Line = {"id": "acme:42", "names": ["Newest"]}
    last: Line = {"never": True, "id": "acme:corp"}
    linker = EntityLinker.from_index(built, detector="gazetteer", overlay=write(tmp_path, again, last))
    assert candidates(linker.lookup("Newest").link) == ["acme:42"]
    assert linker.entity("acme:corp") is None


def test_it_is_made_once_and_kept_and_made_again_where_it_is_damaged(opened: Opened) -> None:
    opened(ROCKET, CORP)
    (folder,) = (opened.folder / "cache").iterdir()
    written = (folder / "overlay.json").stat().st_mtime_ns
    opened(ROCKET, CORP)
    assert (folder / "overlay.json").stat().st_mtime_ns == written
    (folder / "overlay.json").write_text("{}")
    (folder / "entities" / "numbers.npy").unlink()
    assert linked(opened(ROCKET, CORP), "A Quillfeather Rocket.") == {"Quillfeather Rocket": "acme:42"}


def test_where_the_cache_cannot_be_written_it_lasts_as_long_as_the_process(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEDSVC_CACHE", str(write(opened.folder, "a file", name="blocked")))
    assert linked(opened(ROCKET, CORP), "A Quillfeather Rocket.") == {"Quillfeather Rocket": "acme:42"}


def test_the_commands_and_the_environment_name_it(opened: Opened, below: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(opened.folder, ROCKET, CORP)
    chosen = ("--index", below, "--detector", "gazetteer", "--format", "json")
    text = "A Quillfeather Rocket."
    said = json.loads(run("annotate", *chosen, "--overlay", file, input=text).stdout)
    (mention,) = said["mentions"]
    assert mention["entity"] == {
        "id": "acme:42",
        "label": "Quillfeather Rocket",
        "description": "a rocket that is launched in the desert",
        "url": None,
        "wikipedia": None,
    }
    monkeypatch.setenv("NEDSVC_OVERLAY", str(file))
    assert json.loads(run("annotate", *chosen, input=text).stdout) == said
    assert json.loads(run("lookup", *chosen, "Acme Corporation").stdout)["entity"]["url"] == "https://acme.example/"


@pytest.mark.parametrize("command", ["annotate", "serve"])
def test_a_command_refuses_to_start_with_a_broken_one(opened: Opened, below: Path, command: str) -> None:
    file = write(opened.folder, '{"id": "acme"}')
    result = run(command, "--index", below, "--detector", "gazetteer", "--overlay", file, input="Kyiv.")
    assert result.exit_code == 2
    assert "own.jsonl, line 1: id 'acme' is none" in result.stderr
    result = run(command, "--index", below, "--overlay", opened.folder / "nowhere", input="Kyiv.")
    assert (result.exit_code, "--overlay: " in result.stderr) == (2, True)


def test_bulk_links_with_it(opened: Opened, below: Path) -> None:
    source = write(opened.folder, {"id": "a", "text": "A Quillfeather Rocket."}, name="texts.jsonl")
    output = opened.folder / "linked.jsonl"
    overlay = write(opened.folder, ROCKET, CORP)
    result = run("bulk", source, "-o", output, "--index", below, "--detector", "gazetteer", "--overlay", overlay)
    assert result.exit_code == 0, result.stderr
    assert json.loads(output.read_text())["mentions"][0]["entity"]["id"] == "acme:42"


def test_own_ids_count_in_an_evaluation(opened: Opened, below: Path) -> None:
    text = "Quillfeather Rocket in Kyiv"
    labels = [
        {"span": [0, 19], "entity_id": "acme:42", "type": "OTHER"},
        {"span": [23, 27], "entity_id": "Q1899", "type": "OTHER"},
    ]
    gold = write(opened.folder, {"id": 1, "text": text, "labels": labels}, name="own.benchmark.jsonl")
    ids = write(opened.folder, "acme:42", "Q1899", name="ids")
    overlay = write(opened.folder, ROCKET, CORP)
    chosen = ("--index", below, "--detector", "gazetteer", "--overlay", overlay, "--format", "json")
    for more in ((), ("--ids", ids)):
        (one,) = json.loads(run("evaluate", gold, *chosen, *more).stdout)["sets"]
        assert (one["mentions"], one["accuracy"]) == (2, 1.0)


def test_the_service_answers_with_own_ids_and_keeps_answers_by_the_overlay(opened: Opened) -> None:
    cache = MemoryCache()

    def client(*lines: Line) -> Any:
        return create_app(Service(opened(*lines), cache, 1000), 1000).test_client()

    first, second = client(ROCKET, CORP), client({**ROCKET, "description": "gone", "links": []})
    assert first.get("/v1/entities/acme:42").json["names"] == {"mul": ["Quillfeather Rocket", "QFR-9"]}
    assert first.get("/v1/entities/acme:42").json["url"] is None
    assert first.get("/v1/entities/acme:nobody").status_code == 404
    assert first.get("/v1/entities/acme").status_code == 422
    asked = "/v1/lookup?mention=Quillfeather+Rocket"
    for answer, description in ((first.get(asked), ROCKET["description"]), (second.get(asked), "gone")):
        assert answer.headers["X-Nedsvc-Cache"] == "miss"
        assert answer.json["entity"]["description"] == description
    said = first.post("/v1/annotate", json={"text": "A Quillfeather Rocket."}).json
    assert (said["index"], said["mentions"][0]["entity"]["id"]) == (opened(ROCKET, CORP).index, "acme:42")


WORDS = st.text(st.characters(categories=("Lu", "Ll", "Lo", "Nd"), max_codepoint=0x24F), min_size=1, max_size=8)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join).filter(fold)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=1, max_size=4))
def test_an_entity_is_found_by_each_of_its_names(opened: Opened, names: list[str]) -> None:
    linker = opened({"id": "acme:x", "names": names})
    for name in names:
        assert "acme:x" in candidates(linker.lookup(name, limit=20).link)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(st.sampled_from(["Kyiv", "US", "Jordan", "Michael", "in", "the", "Blinken", "Kiew", ".", "x"])))
def test_an_overlay_that_has_nothing_to_do_with_a_text_changes_none_of_its_links(
    opened: Opened, below: Path, words: list[str]
) -> None:
    text = " ".join(["So", *words])
    plain, over = EntityLinker.from_index(below, detector="gazetteer"), opened({"id": "acme:x", "names": ["Zzyzx"]})
    assert over.annotate(text).links == plain.annotate(text).links
    documents = [Document(text=text, mentions=None)]
    assert next(iter(over.annotate_batch(documents))) == over.annotate(text)


def test_own_namesakes_come_by_the_popularity_that_is_told(below: Path, tmp_path: Path) -> None:
    """Also where the less popular one is linked by many."""
    file = write(
        tmp_path,
        {"id": "acme:1", "names": ["Quux"], "popularity": 0.3},
        {"id": "acme:2", "names": ["Quux"], "popularity": 0.32},
        *({"id": f"acme:{number}", "names": [f"Part {number}"], "links": ["acme:1"]} for number in range(3, 60)),
    )
    index = with_overlay(open_index(below), file, tmp_path / "cache")
    postings = index.postings("quux")
    assert postings is not None
    assert [index.id_of(index.number(row)) for row in postings.rows.tolist()] == ["acme:2", "acme:1"]
