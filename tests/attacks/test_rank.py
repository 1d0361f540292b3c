import pytest
import torch
from torch import nn

from iqabench.attacks.pgd import PGD
from iqabench.attacks.rank import Rank, against
from iqabench.attacks.tools.victim import SearchRecord


def concordance(scores, labels):
    """Kendall's count: pairs in the labels' order minus pairs against it."""
    pairs = torch.combinations(torch.arange(len(labels)))
    difference = (labels[pairs[:, 0]] - labels[pairs[:, 1]]) * (scores[pairs[:, 0]] - scores[pairs[:, 1]])
    return difference.sign().sum().item()


@pytest.mark.parametrize("form", ["pairwise", "pearson"])
@torch.no_grad()
def test_inverts_more_pairs_than_score_reflection(model, batch, form):
    # One image eight times but for little noise, so that every pair can be inverted.
    images = batch.images[:1] + 0.01 * torch.rand((8, *batch.images.shape[1:]))
    images = images.clamp(0, 1)
    labels = model(images).argsort().argsort() / 8.0  # labels in the order of the clean scores
    ours = model(next(Rank(form=form, margin=2e-4).perturb(model, images, labels, [8 / 255])))
    pgd = model(next(PGD(steps=40).perturb(model, images, labels, [8 / 255])))
    assert concordance(ours, labels) < concordance(pgd, labels) < concordance(model(images), labels)


def test_the_shares_of_the_pearson_form_add_to_minus_the_correlation():
    scores, labels = torch.rand(2, 20, dtype=torch.float64)
    expected = -torch.corrcoef(torch.stack([scores, labels]))[0, 1]
    torch.testing.assert_close(against(scores, labels).sum(), expected)


def test_the_hinge_of_a_batch_counts_each_pair_up_to_the_margin():
    scores, labels = torch.tensor([0.5, 0.55, 0.0]), torch.tensor([0.2, 0.4, 0.9])
    # (1, 0): the better is above by 0.05. (0, 2) and (1, 2): the worse is above by more than the margin.
    shares = Rank(margin=0.1).pairwise(scores, labels)
    torch.testing.assert_close(shares.sum() * 3 / 2, torch.tensor(-0.05 + 0.1 + 0.1))


@pytest.mark.parametrize("form", ["pairwise", "pearson"])
@torch.no_grad()
def test_a_larger_epsilon_never_inverts_less(model, batch, form):
    rank = Rank(steps=5, form=form)
    inversion = rank.pairwise if form == "pairwise" else against
    found = list(rank.perturb(model, *batch, [1 / 255, 2 / 255, 8 / 255]))
    values = [inversion(model(images), batch.labels).sum() for images in (batch.images, *found)]
    assert values == sorted(set(values))


class Brightness(nn.Module):
    def __init__(self, levels: int = 0) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, images):
        rounded = (images * self.levels).round() / self.levels if self.levels else images
        return rounded.mean((1, 2, 3))


def test_an_image_all_of_whose_pairs_are_inverted_is_not_counted_as_one_without_a_gradient():
    images = torch.linspace(0.45, 0.55, 6).view(6, 1, 1, 1).expand(6, 3, 4, 4).contiguous()
    labels = torch.linspace(0, 1, 6)
    for model, blind in ((Brightness(), False), (Brightness(levels=255), True)):
        record = SearchRecord()
        list(Rank(steps=20, margin=0.01).perturb(model, images, labels, [0.3], record=record))
        assert record.gradients == 6 * 20
        assert record.zero == (record.gradients if blind else 0)
