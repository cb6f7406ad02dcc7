"""Three disjoint sets of samples: to calibrate, to search, and to judge; the verdict's are never used before."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import DataError
from ..evaluate import Dataset, load_data
from ..evaluate.data import InputSpec

MIN_SAMPLES = 8  # fewer can't be split three ways into anything that means something
WITH_EVAL = (0.3, 0.7)  # calibration, search; the verdict has data of its own
ALONE = (0.15, 0.35, 0.5)  # calibration, search, verdict


@dataclass(frozen=True)
class Samples:
    """Calibration, search and verdict; `preprocessing` and `class_names` as the data's folder told them."""

    calibration: Dataset
    search: Dataset
    verdict: Dataset


def load_samples(
    data: Any, eval_data: Any, inputs: InputSpec, *, preprocessing: Mapping[str, Any] | None, seed: int
) -> Samples | None:
    """Load and split the data; None where none is given.

    Raises:
        DataError: as `load_data`; or fewer than MIN_SAMPLES samples; or verdict data without any to search with.
    """
    if data is None:
        if eval_data is not None:
            raise DataError(
                "--eval-data gives the verdict alone; --data must give the samples to calibrate and search with"
            )
        return None
    given = load_data(data, inputs, preprocessing=preprocessing)
    if len(given) < MIN_SAMPLES:
        raise DataError(
            f"{given.source}: {len(given)} samples; at least {MIN_SAMPLES} are needed to calibrate and search"
        )
    if eval_data is None:
        return Samples(*given.split(ALONE, seed=seed))
    verdict = load_data(eval_data, inputs, preprocessing=preprocessing)
    return Samples(*given.split(WITH_EVAL, seed=seed), verdict)
