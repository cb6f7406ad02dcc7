"""Find the plan: candidates per layer, their damage one layer at a time, one slope for all layers, then single moves.

Every choice that is judged is judged by the whole network on the search's samples, and the best so far is always at
hand: an interrupt or a time limit ends the search, never the run.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from ..passes.pipeline import Declined, Steps
from ..plan.allocate import Option, trade_off
from .candidates import LayerChoices
from .effort import Effort
from .goals import Choice, Goal, Judged
from .judge import Judge
from .sensitivity import interpolate, probe

Progress = Callable[[str, float], None]  # (what is being done, share of it done)

FULL_EFFORT = Effort()
LOOK_AHEAD = 12  # points of the curve judged beyond the one where the bisection ends
REACH = (1, 2, 4, 8)  # how many candidates a layer may go up or down in one move


@dataclass(frozen=True)
class Found:
    """How a search ended.

    Attributes:
        plan: the steps of every layer. best: the choice behind it. evaluations: runs of the network.
        stopped: why it ended early, None if it came to its end. curve: (stream bytes, damage) of every judged choice.
        declined: techniques that some layer could not take.
    """

    plan: dict[str, Steps]
    best: Judged
    evaluations: int
    stopped: str | None
    curve: list[tuple[int, float]]
    declined: tuple[Declined, ...]


class OutOfTime(Exception):
    """The time limit has passed."""


class Search:
    """One search over the candidates of `layers` (the exact layer first, then fewer and fewer bytes)."""

    def __init__(
        self,
        layers: Sequence[LayerChoices],
        judge: Judge,
        *,
        chains: Sequence[Steps],
        effort: Effort = FULL_EFFORT,
        deadline: float | None = None,
        progress: Progress = lambda phase, share: None,
    ) -> None:
        self._layers = layers
        self._judge = judge
        self._chains = chains
        self._effort = effort
        self._deadline = deadline
        self._progress = progress
        self._judged: dict[Choice, Judged] = {}
        self._damages: list[list[float]] = []
        self._stopped: str | None = None
        # A few candidates per layer are kept: neighbors share all but one or two layers.
        self._overrides = lru_cache(3 * len(layers) + 1)(partial(_overrides, layers))
        exact = tuple(0 for _ in layers)
        self._best = self._judged[exact] = Judged(exact, self._size(exact), 0.0, load=0.0)

    def run(self, goal: Goal) -> Found:
        """Search until nothing improves, time is up or the user interrupts; return the best plan for `goal`.

        A second run, for another goal, builds on all that was measured in the first; what ended the first ends it too.
        """
        self._goal = goal
        self._best = min(self._judged.values(), key=goal.rank)
        try:
            if not self._stopped:
                self._work()
        except KeyboardInterrupt:
            self._stopped = "it was interrupted"
            self._rescue()
        except OutOfTime:
            self._stopped = "the time limit was reached"
            self._rescue()
        plan = {lay.layer.name: lay.candidates[i].steps for lay, i in zip(self._layers, self._best.choice, strict=True)}
        curve = sorted((j.size_bytes, j.damage) for j in self._judged.values())
        declined = tuple(note for lay in self._layers for note in lay.declined.values())
        return Found(plan, self._best, self._judge.evaluations, self._stopped, curve, declined)

    def _work(self) -> None:
        if not self._damages:
            self._gather()
            self._damages = self._probe()
        self._descend(self._damages)
        self._goal = self._goal.settle(self._judged.values())
        self._best = min(self._judged.values(), key=self._goal.rank)
        self._polish(self._damages)

    def _gather(self) -> None:
        sizes = [lay.layer.size for lay in self._layers]
        for i, lay in enumerate(self._layers):
            self._check_time()
            lay.gather(self._chains)
            self._progress("coding every layer in every way", sum(sizes[: i + 1]) / sum(sizes))

    def _probe(self) -> list[list[float]]:
        """Return the damage of every candidate of every layer."""
        damages = []
        for i, lay in enumerate(self._layers):
            probed = {}
            for index, damage in probe(lay, self._judge, most=self._effort.probes_per_layer):
                self._check_time()
                probed[index] = damage
            damages.append(interpolate(lay.candidates, probed))
            self._progress("measuring every layer's sensitivity", (i + 1) / len(self._layers))
        return damages

    def _descend(self, damages: list[list[float]]) -> None:
        """Bisect the curve of equal slopes for the point at which the goal says to go no further."""
        curve = trade_off(
            [
                [Option(c.size_bytes, damage) for c, damage in zip(lay.candidates, column, strict=True)]
                for lay, column in zip(self._layers, damages, strict=True)
            ]
        )
        low, high = 0, len(curve)
        rounds = len(curve).bit_length()
        for turn in range(rounds):
            middle = (low + high) // 2
            if high - low <= 1:
                break
            low, high = (middle, high) if self._goal.go_on(self._judge_choice(curve[middle])) else (low, middle)
            self._progress("choosing rank, sparsity and bits", (turn + 1) / rounds)
        # What a few hundred samples say is not quite monotone along the curve: look a little further.
        for choice in curve[high : high + LOOK_AHEAD] or curve[-1:]:
            self._judge_choice(choice)

    def _polish(self, damages: list[list[float]]) -> None:
        """Move one layer down, or one down and another up, as long as the goal is served better."""
        left = self._effort.moves
        while left > 0:
            best = self._best
            for choice in self._moves(damages):
                left -= 1
                self._judge_choice(choice)
                self._progress("trying single moves", 1 - left / self._effort.moves)
                if self._best is not best or left <= 0:
                    break
            if self._best is best:
                break
        self._progress("trying single moves", 1.0)

    def _moves(self, damages: list[list[float]]) -> list[Choice]:
        """Return the neighbors of the best choice that promise to serve the goal, the most promising first."""
        here = self._best
        scored = []
        for choice in self._neighbors(here.choice):
            size = self._size(choice)
            saved = here.size_bytes - size
            added = sum(column[i] - column[j] for column, i, j in zip(damages, choice, here.choice, strict=True))
            if choice not in self._judged and self._goal.promising(saved, added, size):
                scored.append((added / max(saved, 1), -saved, choice))
        return [choice for _, _, choice in sorted(scored)]

    def _neighbors(self, here: Choice) -> Iterator[Choice]:
        for a, lay in enumerate(self._layers):
            for down in REACH:
                if here[a] + down < len(lay.candidates):
                    lower = (*here[:a], here[a] + down, *here[a + 1 :])
                    yield lower
                    yield from (
                        (*lower[:b], here[b] - up, *lower[b + 1 :])
                        for b in range(len(here))
                        for up in REACH
                        if b != a and here[b] >= up
                    )

    def _rescue(self) -> None:
        """After an early end: the gentlest change of every layer that has candidates may beat the exact network."""
        self._deadline = None
        self._judge_choice(tuple(min(1, len(lay.candidates) - 1) for lay in self._layers))

    def _judge_choice(self, choice: Choice) -> Judged:
        """Run the network with `choice` (once), and keep it if it is the best so far."""
        if choice not in self._judged:
            self._check_time()
            outputs = self._judge.outputs(self._weights_of(choice))
            damage, load = self._judge.damage(outputs), self._judge.load(outputs)
            self._judged[choice] = Judged(choice, self._size(choice), damage, load)
        judged = self._judged[choice]
        if self._goal.rank(judged) < self._goal.rank(self._best):
            self._best = judged
        return judged

    def _size(self, choice: Choice) -> int:
        return sum(lay.candidates[i].size_bytes for lay, i in zip(self._layers, choice, strict=True))

    def _weights_of(self, choice: Choice) -> dict[str, np.ndarray]:
        changed = (self._overrides(position, index) for position, index in enumerate(choice) if index)
        return {name: values for overrides in changed for name, values in overrides.items()}

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise OutOfTime


def _overrides(layers: Sequence[LayerChoices], position: int, index: int) -> dict[str, np.ndarray]:
    """Return one candidate's tensors."""
    return layers[position].overrides(layers[position].candidates[index])
