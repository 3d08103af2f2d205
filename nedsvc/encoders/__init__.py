"""What turns sentences into vectors."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Gives sentences of like meaning vectors of like direction."""

    @property
    def name(self) -> str:
        """Names the model; vectors of different models cannot be compared."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """A vector of length 1 for each text, one a row. Of a text that is too long only the beginning is read."""
