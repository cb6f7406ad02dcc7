"""One network, its samples and one finished run, shared by the tests of this folder."""

import pytest

import attar

from . import nets


@pytest.fixture(scope="session")
def network():
    return nets.classifier()


@pytest.fixture(scope="session")
def labelled(network):
    return nets.labelled(network)


@pytest.fixture(scope="session")
def result(network, labelled):
    return attar.compress(network, data=labelled, max_drop=5, recipe=nets.BITS)
