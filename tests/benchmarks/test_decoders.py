import numpy as np
import pytest

from benchmarks.decoders.inputs import INPUTS, bodies
from benchmarks.decoders.judging import differences
from benchmarks.decoders.peers import PEERS, our_columns


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("written", INPUTS)
def test_every_decoder_comes_to_the_same_columns(written: str, peer: str) -> None:
    text = b"".join(bodies(written, 400))
    ours, theirs = our_columns(text), PEERS[peer](text)
    assert ours.keys == theirs.keys
    assert len({*zip(ours.key.tolist(), theirs.key.tolist(), strict=True)}) == ours.keys
    for mine, other in zip((*ours[2:5], *ours.depths), (*theirs[2:5], *theirs.depths), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_only_ours_refuses_what_the_contract_refuses_and_keeps_the_neighbours() -> None:
    description = differences()
    assert description["ours"] == {"accepts": [], "kept_of_99": 99}
    assert all(description[peer]["kept_of_99"] == 0 for peer in PEERS)
