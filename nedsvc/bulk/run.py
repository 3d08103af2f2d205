"""A run of bulk: rows in, batches to the workers, answers and errors out, in the order of the input."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from nedsvc.answers import ErrorDetail, FailedAnswer, error_detail
from nedsvc.bulk.columns import Shown
from nedsvc.bulk.inputs import Row, rows
from nedsvc.bulk.output import OtherRun, State, begin
from nedsvc.bulk.recent import Recent, Slot
from nedsvc.bulk.records import Manner, Record, record
from nedsvc.bulk.work import Answer, Tally
from nedsvc.errors import NedError
from nedsvc.lines import longest_line
from nedsvc.linker import grouped
from nedsvc.processes import in_order
from nedsvc.reading import Asked

Work = Callable[[Sequence[Asked]], list[Answer]]
Told = Callable[[Tally, int], None]
_IF_KILLED = "what is written so far is whole. Go on with --resume, perhaps with fewer --workers."


class TooManyErrors(NedError):  # noqa: N818
    """More records failed than the run may have."""

    title = "Too many errors"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: read the `inputs` in a `manner`, and write an `output` that shows some fields.

    `run` is all that the answers depend on, in JSON's own types. More than `most_errors` failed records stop the run.
    """

    inputs: tuple[str, ...]
    output: Path
    manner: Manner
    shown: Shown
    run: Mapping[str, Any]
    workers: int = 1
    resume: bool = False
    most_errors: int | None = None


_Each = TypeVar("_Each")


class Batch(msgspec.Struct, frozen=True):
    """Records that are linked together, each with the slot of its answer; `tasks` are what is `computed` for them."""

    records: Sequence[Record]
    slots: Sequence[Slot | None]
    computed: Sequence[Slot]
    tasks: Sequence[Asked]


class Outcome(msgspec.Struct, frozen=True):
    """What became of a record: its answer as JSON, or what failed; and what was done in numbers."""

    record: Record
    answer: bytes | None
    error: ErrorDetail | None
    tally: Tally

    @property
    def line(self) -> bytes:
        """The JSON of its line, among the answers or among the errors."""
        if self.error is None:
            return self.answer or b""
        place = self.record.place
        failed = FailedAnswer(id=self.record.id, file=place.file, line=place.line, error=self.error)
        return msgspec.json.encode(failed)


class _Read(msgspec.Struct, frozen=True):
    """A batch, and what was read by its end."""

    batch: Batch
    read: int
    digest: str
    position: int


def run(plan: Plan, work: Work, told: Told) -> Tally:
    """Do what is planned; what was done in numbers, that of runs before it included.

    `told` is called at the beginning and after each batch, with what was done and how many bytes were read. Raises
    `InvalidInput` and what else the inputs, the workers and the output raise; what is written by then is whole.
    """
    begun = begin(plan.output, plan.shown, plan.run, resume=plan.resume)
    read = _Reader(rows(plan.inputs, plan.manner.columns, longest_line(plan.manner.most)), plan.output)
    if isinstance(begun, State):
        told(begun.tally, 0)
        read.check_all(begun)
        return begun.tally
    read.skip(begun.state)
    told(begun.state.tally, 0)
    state, failures = begun.state, list[NedError]()
    batches = _until_failure(_batches(read, plan.manner), failures)
    for by_then, answers in in_order(work, batches, plan.workers, _IF_KILLED):
        done = _done(outcomes(by_then.batch, answers))
        state = msgspec.structs.replace(state, read=by_then.read, digest=by_then.digest, tally=state.tally + done.tally)
        begun.add(done.answers, done.errors, state, last=False)
        told(state.tally, by_then.position)
        if plan.most_errors is not None and state.tally.failed > plan.most_errors:
            failures.append(_too_many(state.tally.failed, plan))
            break
    begun.add((), (), state, last=True)
    if failures:
        if not state.read:
            begun.discard()
        raise failures[0]
    begun.finish()
    return state.tally


def _too_many(failed: int, plan: Plan) -> TooManyErrors:
    return TooManyErrors(
        f"{failed} records failed, and {plan.most_errors} may: stopped. Why they failed stands in "
        f"{plan.output.name}.partial/errors.jsonl; go on with --resume and more --max-errors"
    )


def _until_failure(batches: Iterable[_Each], failures: list[NedError]) -> Iterator[_Each]:
    """The batches until one cannot be read: what was read before it is still to be written."""
    try:
        yield from batches
    except NedError as error:
        failures.append(error)


class _Reader:
    """The rows of a run, counted and with the digest of all so far."""

    def __init__(self, rows: Iterator[tuple[Row, int]], output: Path) -> None:
        self._rows = rows
        self._output = output
        self._hash = blake2b(digest_size=16)
        self.read = 0

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[tuple[Row, int]]:
        for row, position in self._rows:
            self._hash.update(len(row.raw).to_bytes(8, "big") + row.raw)
            self.read += 1
            yield row, position

    def skip(self, state: State) -> None:
        """Read over what the run has done. Raises `OtherRun` where it is not what the run had read."""
        if state.read:
            for _ in self:
                if self.read == state.read:
                    break
        self._check(state)

    def check_all(self, state: State) -> None:
        """Read all. Raises `OtherRun` where it is not what the finished run had read."""
        for _ in self:
            pass
        self._check(state)

    def _check(self, state: State) -> None:
        if state.read and (self.read, self.digest) != (state.read, state.digest):
            raise OtherRun("--resume", f"the input is not what {self._output} was made of; choose another output")


def _batches(reader: _Reader, manner: Manner) -> Iterator[tuple[_Read, Sequence[Asked]]]:
    """The records in batches of bounded size, each with what is to be computed for it."""
    recent = Recent()
    for group, position in groups(reader, manner):
        batch = batch_of(group, recent)
        yield _Read(batch, reader.read, reader.digest, position), batch.tasks


def groups(rows: Iterable[tuple[Row, int]], manner: Manner) -> Iterator[tuple[list[Record], int]]:
    """The records of rows in groups of bounded size, each with the position of its last row."""
    placed = ((record(row, manner), position) for row, position in rows)
    for group in grouped(placed, _characters):
        yield [each for each, _ in group], group[-1][1]


def _characters(placed: tuple[Record, int]) -> int:
    asked = placed[0].asked
    return len(asked.text) if asked else 0


def batch_of(group: Sequence[Record], recent: Recent) -> Batch:
    """The batch of a group, in which what came before is not computed again."""
    slots: list[Slot | None] = []
    computed: list[Slot] = []
    tasks: list[Asked] = []
    for each in group:
        if each.asked is None:
            slots.append(None)
            continue
        slot, is_new = recent.slot(each.asked)
        slots.append(slot)
        if is_new:
            computed.append(slot)
            tasks.append(each.asked)
    return Batch(group, slots, computed, tasks)


def outcomes(batch: Batch, answers: Sequence[Answer]) -> Iterator[Outcome]:
    """What became of each record of a batch, given the answers of its tasks."""
    for asked, answer in zip(batch.computed, answers, strict=True):
        asked.answer = answer
    new = set(map(id, batch.computed))
    for each, slot in zip(batch.records, batch.slots, strict=True):
        found = slot.answer if slot else None
        if found is None or found.error:
            error = found.error if found and found.error else error_detail(each.error or NedError("nothing came of it"))
            yield Outcome(each, None, error, Tally(failed=1))
            continue
        repeated = Tally(repeated=int(id(slot) not in new))
        new.discard(id(slot))
        yield Outcome(each, found.whole(each.id, tuple(each.kept.items())), None, found.tally + repeated)


class _Done(msgspec.Struct, frozen=True):
    """The lines that a batch gives, and what was done in numbers."""

    answers: list[bytes]
    errors: list[bytes]
    tally: Tally


def _done(found: Iterable[Outcome]) -> _Done:
    answers: list[bytes] = []
    errors: list[bytes] = []
    tally = Tally()
    for each in found:
        if each.error is None:
            answers.append(each.line)
        else:
            errors.append(each.line + b"\n")
        tally += each.tally
    return _Done(answers, errors, tally)
