"""What can go wrong, in words that a user can act on. Nothing here knows of HTTP or of the terminal."""


class NedError(Exception):
    """The root of every error that nedsvc raises on purpose; its text is one sentence for the user.

    `title` is what all errors of the kind are called in answers.
    """

    title = "Failed"


class InvalidInput(NedError, ValueError):  # noqa: N818 (a shell maps it by name, and it reads as what it is)
    """The caller's input cannot be used. `field` names the argument, option or file that is at fault."""

    title = "Invalid input"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason

    def __reduce__(self) -> tuple[type["InvalidInput"], tuple[str, str]]:
        return type(self), (self.field, self.reason)


class TooLarge(InvalidInput):
    """The caller's input is larger than is allowed here."""

    title = "Too large"


class DocumentFailed(NedError):  # noqa: N818
    """Something that reads a text broke on this one; its cause says what."""

    title = "Broken text"


class ModelNotInstalled(NedError):  # noqa: N818
    """What is asked for needs a model or a library that is not installed."""

    title = "Not installed"


class IndexNotFound(NedError):  # noqa: N818
    """There is no index in the folder."""


class IndexFormatError(NedError):
    """The folder holds an index that is damaged or of another format version."""


class BuildError(NedError):
    """An index could not be built; nothing half-written was left."""


class SourceUnavailable(NedError):  # noqa: N818
    """A knowledge source elsewhere could not be asked in time: nothing is known of what was asked."""

    title = "Source unavailable"
