"""What OpenVINO does not tell in its documentation."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import pytest
import torch

from retrieval.conversion import example_input, write_graph
from retrieval.engines import Graph

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Inexpressible(torch.nn.Module):
    """Computes what OpenVINO has no operation for."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.special.bessel_j0((input_ids * attention_mask).float())
        return found


class Untraceable(torch.nn.Module):
    """Fails while its operations are noted."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        raise KeyError(f"{input_ids.shape}, {attention_mask.shape}")


class Product(torch.nn.Module):
    """The simplest model there is."""

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return (input_ids * attention_mask).float()


@pytest.fixture(autouse=True)
def _converter_may_warn() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("module", [Inexpressible(), Untraceable()])
def test_a_model_that_cannot_be_converted_is_one_kind_of_error(
    module: torch.nn.Module, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError):
        write_graph(module, example_input(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", [Inexpressible(), Untraceable(), Product()])
def test_warnings_are_still_logged_afterwards(
    module: torch.nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = logging.getLogger()
    with caplog.at_level(logging.WARNING):
        before = [*root.filters], [*root.handlers]
        try:
            write_graph(module, example_input(), tmp_path)
        except RuntimeError:
            assert not isinstance(module, Product)
        logging.getLogger("anybody").warning("the disk is nearly full")
        assert (root.filters, root.handlers) == before
    assert "the disk is nearly full" in caplog.text


@pytest.mark.parametrize("shape", [(1, 1), (2, 8), (5, 300)])
def test_a_graph_takes_any_shape(shape: tuple[int, int], tmp_path: Path) -> None:
    write_graph(Product(), example_input(), tmp_path)
    ids = torch.arange(shape[0] * shape[1]).reshape(shape) % 7
    mask = (ids > 3).long()
    [output] = Graph(tmp_path, threads=1).run(ids.numpy(), mask.numpy())
    assert output.tolist() == (ids * mask).tolist()
