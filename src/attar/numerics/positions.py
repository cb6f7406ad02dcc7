"""Choose a few of a layer's output positions for every sample, the same ones whenever the same seed asks."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Positions:
    """At most `most` output positions of every sample, drawn without replacement; None takes all.

    What is drawn for a sample depends on the seed and its number alone, not on the batch that it came in.
    """

    most: int | None = None
    seed: int = 0

    def choose(self, count: int, samples: range) -> np.ndarray:
        """Return, in ascending order, the chosen of `count` positions for every sample (samples, chosen)."""
        if self.most is None or self.most >= count:
            return np.broadcast_to(np.arange(count), (len(samples), count))
        drawn = (np.random.default_rng((self.seed, sample)) for sample in samples)
        return np.sort([rng.choice(count, self.most, replace=False) for rng in drawn], axis=1)


ALL = Positions()
