"""The command `nedsvc evaluate`."""

from pathlib import Path

import click
import msgspec

from nedsvc.cli_errors import reports_errors
from nedsvc.errors import InvalidInput
from nedsvc.evaluation.gold import read_gold
from nedsvc.evaluation.ids import Ids, read_ids
from nedsvc.evaluation.peers import Peer, read_peers
from nedsvc.evaluation.predictions import predict, prediction_lines
from nedsvc.evaluation.report import Evaluated, SpanSource, markdown, report, text
from nedsvc.factory import DETECTORS, linker_from_environment

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("benchmarks", metavar="GOLD.jsonl…", nargs=-1, required=True, type=_PATH)
@click.option("--index", "index_folder", type=_PATH, help="Folder of the index [NEDSVC_INDEX, else the starter index].")
@click.option(
    "--spans",
    type=click.Choice(["gold", "detected"]),
    default="gold",
    show_default=True,
    help="gold: link the labelled spans; detected: find them too.",
)
@click.option("--ids", type=_PATH, help="The QIDs that count: one a line, or the dump that the index is built from.")
@click.option("--peers", multiple=True, type=_PATH, help="Other systems' links (doc, start, end, system, qid).")
@click.option("--predictions", type=_PATH, help="File that the predictions are written to, one document a line.")
@click.option(
    "--detector", type=click.Choice(DETECTORS), default="both", show_default=True, help="What finds mentions."
)
@click.option("--model", help="An installed spaCy pipeline [NEDSVC_MODEL].")
@click.option(
    "--format", "output", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True
)
@reports_errors
def evaluate(
    benchmarks: tuple[Path, ...],
    index_folder: Path | None,
    spans: SpanSource,
    ids: Path | None,
    peers: tuple[Path, ...],
    predictions: Path | None,
    detector: str,
    model: str | None,
    output: str,
) -> None:
    """Measure how right the links are on benchmarks in ELEVANT's format.

    Without --ids every QID of the gold counts, also those that no index has. A file of peers belongs to the benchmark
    whose file name begins alike.
    """
    sets = [read_gold(file) for file in benchmarks]
    others = _peers_by_set(peers, [each.name for each in sets])
    known = read_ids(ids) if ids else Ids()
    linker = linker_from_environment(index_folder, detector, model, "index")
    evaluated = [
        Evaluated(gold, predict(linker, gold, given=spans == "gold"), others.get(gold.name, ())) for gold in sets
    ]
    if predictions:
        lines = (line for each in evaluated for line in prediction_lines(each.predictions))
        predictions.write_bytes(b"".join(lines))
    figures = report(evaluated, known, spans, linker.index, linker.entity)
    if output == "json":
        click.echo(msgspec.json.encode(figures).decode())
    else:
        click.echo(markdown(figures) if output == "markdown" else text(figures), nl=False)


def _peers_by_set(files: tuple[Path, ...], names: list[str]) -> dict[str, list[Peer]]:
    found = {file.name.partition(".")[0]: file for file in files}
    unknown = [str(file) for name, file in found.items() if name not in names]
    if unknown:
        raise InvalidInput("--peers", f"{unknown[0]} belongs to none of the benchmarks {', '.join(names)}")
    return {name: read_peers(file) for name, file in found.items()}
