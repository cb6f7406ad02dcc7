"""A torch module is a network like any other, its batch left free."""

import numpy as np
import pytest

import attar
from attar.errors import ModelError
from attar.graph import survey
from attar.runtime import Session

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
pytestmark = pytest.mark.slow  # torch alone takes seconds to import


class TwoInputs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.left, self.right = torch.nn.Linear(4, 3), torch.nn.Linear(5, 3)

    def forward(self, a, b):
        return self.left(a) + self.right(b)


def small_net():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 5),
    )


@pytest.mark.parametrize("example", [1, 2])
def test_a_module_computes_what_torch_does_for_any_batch(example):
    net = small_net().train()
    model = attar.load(net, example_inputs=(torch.zeros(example, 3, 6, 6),))
    assert net.training
    session = Session(model)
    assert session.fixed_batch is None
    x = torch.randn(7, 3, 6, 6)
    with torch.no_grad():
        expected = net.eval()(x).numpy()
    (found,) = session.run_all({next(iter(session.inputs)): x.numpy()})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_layers_of_a_module_are_found():
    layers = survey(attar.load(small_net(), example_inputs=(torch.zeros(2, 3, 6, 6),))).layers
    assert sorted(layer.shape for layer in layers) == [(4, 3, 3, 3), (5, 64)]


def test_a_module_with_two_inputs_keeps_both():
    model = attar.load(TwoInputs(), example_inputs=(torch.zeros(2, 4), torch.zeros(2, 5)))
    assert [shape for shape, _ in Session(model).inputs.values()] == [(None, 4), (None, 5)]


def test_example_inputs_are_asked_for():
    with pytest.raises(ModelError, match="a torch module needs example_inputs"):
        attar.load(small_net())


def test_what_torch_cannot_export_is_told_in_one_line():
    with pytest.raises(ModelError, match=r"torch cannot export Sequential: .+") as caught:
        attar.load(small_net(), example_inputs=(torch.zeros(2, 9),))
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None
