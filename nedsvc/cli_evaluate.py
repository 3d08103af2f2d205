"""The command `nedsvc evaluate`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from nedsvc.cli_errors import FAILED, reports_errors
from nedsvc.cli_options import language_option, ranker_option, source_options, threshold_option
from nedsvc.errors import InvalidInput, SourceUnavailable
from nedsvc.evaluation.errors import Show
from nedsvc.evaluation.gold import GoldSet, read_gold
from nedsvc.evaluation.ids import Ids, read_ids
from nedsvc.evaluation.peers import Peer, read_peers
from nedsvc.evaluation.predictions import predict, prediction_lines
from nedsvc.evaluation.report import Evaluated, SpanSource, markdown, report, text
from nedsvc.factory import linker_from_environment
from nedsvc.linker import EntityLinker
from nedsvc.models import Entity, Options, RankerName

_PATH = click.Path(path_type=Path)
_PEERS = ".tsv"


@click.command()
@click.argument("files", metavar="GOLD.jsonl…", nargs=-1, required=True, type=_PATH)
@source_options(default="index")
@click.option(
    "--spans",
    type=click.Choice(["gold", "detected"]),
    default="gold",
    show_default=True,
    help="gold: link the labelled spans; detected: find them too.",
)
@click.option("--ids", type=_PATH, help="The ids that count: one a line, or the dump that the index is built from.")
@click.option("--peers", multiple=True, type=_PATH, help="Other systems' links: .tsv of doc, start, end, system, qid.")
@click.option("--predictions", type=_PATH, help="File that the predictions are written to, one document a line.")
@language_option("texts")
@threshold_option
@ranker_option
@click.option(
    "--format", "output", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True
)
@reports_errors
def evaluate(
    files: tuple[Path, ...],
    index_folder: Path | None,
    overlay: Path | None,
    source: str,
    spans: SpanSource,
    ids: Path | None,
    peers: tuple[Path, ...],
    predictions: Path | None,
    detector: str,
    model: str | None,
    language: str,
    threshold: float,
    ranker: RankerName,
    output: str,
) -> None:
    """Measure how right the links are on benchmarks in ELEVANT's format.

    Without --ids every QID of the gold counts, also those that no index has. Several files may follow one --peers (what
    ends in .tsv is one of them); each belongs to the benchmark whose file name begins alike.
    """
    options = Options(threshold=threshold, ranker=ranker)
    sets = _benchmarks([file for file in files if file.suffix != _PEERS])
    others = _peers_by_set([*peers, *(file for file in files if file.suffix == _PEERS)], sets)
    known = read_ids(ids) if ids else Ids()
    if predictions and not predictions.parent.is_dir():
        raise InvalidInput("--predictions", f"there is no folder {predictions.parent}")
    linker = linker_from_environment(index_folder, detector, model, source, overlay)
    evaluated = [
        Evaluated(
            gold,
            predict(linker, gold, given=spans == "gold", options=options, language=language),
            others.get(gold.name, ()),
        )
        for gold in sets
    ]
    if predictions:
        lines = (line for each in evaluated for line in prediction_lines(each.predictions))
        predictions.write_bytes(b"".join(lines))
    figures = report(evaluated, known, spans, linker.index, _show(linker))
    if output == "json":
        click.echo(msgspec.json.encode(figures).decode())
    else:
        click.echo(markdown(figures) if output == "markdown" else text(figures), nl=False)
    _end(evaluated)


def _benchmarks(files: Sequence[Path]) -> list[GoldSet]:
    if not files:
        raise InvalidInput("GOLD", "is missing; give at least one benchmark")
    sets = [read_gold(file) for file in files]
    names = [gold.name for gold in sets]
    for file, name in zip(files, names, strict=True):
        if names.count(name) > 1:
            raise InvalidInput(str(file), f"another benchmark is called {name} too; rename one")
    return sets


def _peers_by_set(files: Sequence[Path], sets: Sequence[GoldSet]) -> dict[str, list[Peer]]:
    found: dict[str, list[Peer]] = {}
    for file in files:
        gold = _of_file(file, sets)
        peers = read_peers(file)
        _check_documents(file, peers, gold)
        found.setdefault(gold.name, []).extend(peers)
    return found


def _of_file(file: Path, sets: Sequence[GoldSet]) -> GoldSet:
    """The benchmark that the file is called like."""
    named = next((gold for gold in sets if gold.name == file.name.partition(".")[0]), None)
    if named is None:
        names = ", ".join(gold.name for gold in sets)
        raise InvalidInput("--peers", f"{file} belongs to none of the benchmarks {names}; call it like one")
    return named


def _check_documents(file: Path, peers: Sequence[Peer], gold: GoldSet) -> None:
    unknown = {id_ for peer in peers for id_ in peer.links} - {str(document.id) for document in gold.documents}
    if unknown:
        raise InvalidInput(str(file), f"names the document {min(unknown)}, which the benchmark {gold.name} lacks")


def _show(linker: EntityLinker) -> Show:
    """Shows an entity; of one that could not be asked for nothing is known."""

    def show(qid: str) -> Entity | None:
        try:
            return linker.entity(qid)
        except SourceUnavailable:
            return None

    return show


def _end(evaluated: Sequence[Evaluated]) -> None:
    """Exit code 1 where mentions could not be asked for: they count as wrong."""
    mentions = (mention for each in evaluated for one in each.predictions for mention in one.mentions)
    failed = sum(mention.status == "error" for mention in mentions)
    if failed:
        click.echo(f"nedsvc: {failed} mentions could not be asked for; the figures take them for wrong", err=True)
        sys.exit(FAILED)
