"""What can go wrong, in words that a user can act on. Nothing here knows of HTTP or of the terminal."""


class NedError(Exception):
    """The root of every error that nedsvc raises on purpose; its text is one sentence for the user."""


class InvalidInput(NedError, ValueError):  # noqa: N818 (a shell maps it by name, and it reads as what it is)
    """The caller's input cannot be used. `field` names the argument, option or file that is at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class TooLarge(InvalidInput):
    """The caller's input is larger than is allowed here."""


class ModelNotInstalled(NedError):  # noqa: N818
    """A spaCy model is asked for by name and is not installed."""


class IndexNotFound(NedError):  # noqa: N818
    """There is no index in the folder."""


class IndexFormatError(NedError):
    """The folder holds an index that is damaged or of another format version."""


class BuildError(NedError):
    """An index could not be built; nothing half-written was left."""


class SourceUnavailable(NedError):  # noqa: N818
    """A knowledge source elsewhere could not be asked in time: nothing is known of what was asked."""
