"""Whatever happens, the lake holds what Talkdesk has: nothing is lost, nothing is there twice.

Sequences of a hundred things that happen, drawn from a seed: rows come late, change, vanish or are
written twice, requests fail, syncs are killed or run beside each other, clocks are wrong. Then one
more sync, and the table equals the truth within the look-back, and what was last pulled before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from truth_world import DENSE, SPARSE, World

OPERATIONS = 100
SEEDS, NIGHTLY_SEEDS = 15, 200


def run(seed: int, folder: Path, weights: Mapping[str, int]) -> None:
    with World(seed, folder, weights) as world:
        try:
            for _ in range(OPERATIONS):
                world.operate()
            world.check(*world.settle())
        except BaseException as error:
            error.add_note("\n".join(world.log))
            raise


@pytest.mark.parametrize("seed", range(SEEDS))
def test_after_anything_a_sync_gives_the_truth(seed: int, tmp_path: Path) -> None:
    run(seed, tmp_path, SPARSE)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + NIGHTLY_SEEDS))
def test_after_anything_often_a_sync_gives_the_truth(seed: int, tmp_path: Path) -> None:
    run(seed, tmp_path, DENSE)
