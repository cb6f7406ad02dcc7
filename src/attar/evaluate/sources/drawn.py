"""Pictures as one input of a network wants them: its layout, as many channels, raw pixels or numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...errors import DataError
from ..fit import Wanted
from ..images import Preprocessing
from ..images.config import asks_for_floats
from ..images.layout import Layout


@dataclass(frozen=True)
class Drawn:
    """How a picture becomes numbers. raw: an input of whole numbers takes the pixels themselves."""

    steps: Preprocessing
    layout: Layout
    raw: bool

    @classmethod
    def of(cls, config: Mapping[str, Any], wanted: Wanted, source: str) -> "Drawn":
        """Return what a config and an input ask for.

        Raises:
            DataError: the config makes other numbers of the pixels than the whole numbers that the input takes.
        """
        shape, dtype = wanted
        steps, raw = Preprocessing.from_json(config), dtype.kind in "iu"
        if raw and asks_for_floats(config):
            raise DataError(
                f"{source}: the network wants pixels as {dtype}, but the preprocessing rescales or normalizes them; "
                'write "do_rescale": false, "do_normalize": false'
            )
        return cls(steps, Layout.of(shape), raw)

    def numbers(self, picture: Path | Image.Image) -> np.ndarray:
        """Return the numbers of one picture, in the network's layout.

        Raises:
            DataError: it is no picture, or has not as many channels as the network wants.
        """
        make = self.steps.pixels if self.raw else self.steps.picture
        return self.layout.placed(make(picture, channels=self.layout.channels))
