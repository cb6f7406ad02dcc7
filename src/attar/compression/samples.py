"""Three disjoint sets of samples: to calibrate, to search, and to judge; the verdict's are never used before."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..errors import DataError
from ..evaluate import Dataset, load_data
from ..evaluate.fit import InputSpec

MIN_SAMPLES = 8  # fewer can't be split three ways into anything that means something
WITH_EVAL = (0.5, 0.5)  # calibration, search; the verdict has data of its own
MAX_SHARED = 0.01  # of the verdict's samples: public data sets hold a few pictures twice
ALONE = (0.25, 0.25, 0.5)  # calibration, search, verdict


@dataclass(frozen=True)
class Samples:
    """Calibration, search and verdict; `preprocessing` and `class_names` as the data's folder told them."""

    calibration: Dataset
    search: Dataset
    verdict: Dataset


def load_samples(
    data: Any,
    eval_data: Any,
    inputs: InputSpec,
    *,
    preprocessing: Mapping[str, Any] | None,
    asked: Mapping[str, Any] | None = None,
    class_names: list[str] | None,
    take: int | None = None,
    seed: int,
    verdict_alone: bool = False,
) -> Samples | None:
    """Load and split the data; None where none is given.

    With `verdict_alone` the verdict's samples may come without others, and stand in for them. Of each source at most
    `take` samples are taken. `asked` is the user's preprocessing, `preprocessing` the network's.

    Raises:
        DataError: as `load_data`; or fewer than MIN_SAMPLES samples; or verdict data without any to search with.
    """
    load = partial(load_data, inputs=inputs, asked=asked, samples=take, seed=seed)
    if data is None:
        if eval_data is not None and verdict_alone:
            return Samples(*3 * (load(eval_data, preprocessing=preprocessing, class_names=class_names),))
        if eval_data is not None:
            raise DataError(
                "--eval-data gives the verdict alone; --data must give the samples to calibrate and search with"
            )
        return None
    given = load(data, preprocessing=preprocessing, class_names=class_names)
    if len(given) < MIN_SAMPLES:
        raise DataError(
            f"{given.source}: {len(given)} samples; at least {MIN_SAMPLES} are needed to calibrate and search"
        )
    if eval_data is None:
        return Samples(*given.split(ALONE, seed=seed))
    verdict = load(
        eval_data,
        preprocessing=given.preprocessing or preprocessing,
        class_names=class_names or given.class_names,
    )
    _check_apart(given, verdict)
    return Samples(*given.split(WITH_EVAL, seed=seed), verdict)


def _check_apart(given: Dataset, verdict: Dataset) -> None:
    """Refuse a verdict by samples that calibrate and search: it would be no verdict."""
    seen = set(_fingerprints(given))
    shared = sum(one in seen for one in _fingerprints(verdict))
    if shared > MAX_SHARED * len(verdict):
        raise DataError(
            f"{verdict.source}: {shared} of its {len(verdict)} samples are among those of {given.source}; "
            "the verdict needs samples of its own (leave --eval-data out, and --data is split)"
        )


def _fingerprints(data: Dataset) -> Iterator[bytes]:
    for i in range(len(data)):
        digest = hashlib.blake2b(digest_size=16)
        for values in data.inputs.values():
            digest.update(values[i].tobytes())
        yield digest.digest()
