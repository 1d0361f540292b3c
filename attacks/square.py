"""Square: a black-box random search that changes one square of the image at a time."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from .search import Search, higher
from .tools.balls import Ball, LinfBall, norms
from .tools.noise import generators
from .tools.victim import Victim

_HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10,000 queries: the square's area is halved
_CURVE_POINTS = 20


@dataclass(frozen=True)
class Square(Search):
    """Square attack (Andriushchenko et al. 2020) on a scalar score: it asks for scores, never for gradients.

    Every image gets the same number of queries. A query tries the best image so far with one square changed,
    and keeps it if its value is higher. In the L-inf ball the square goes to the ball's edge, a random sign
    for each channel; in the L2 ball one window gives up its share of the norm for a bump in another. The
    best value after some numbers of queries is kept in the record's `query_curve`.

    Attributes:
        queries: Scores asked for, for each image and epsilon, that of the start included.
        area: Share of the image that the first squares cover; it shrinks on the published schedule.
    """

    version: ClassVar[int] = 2
    needs_gradient: ClassVar[bool] = False

    queries: Annotated[int, Field(ge=2)] = 1000
    area: Annotated[float, Field(gt=0, le=1)] = 0.8

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`."""
        first, draws = _draws(victim.images, self.seed, self.queries)
        flat = isinstance(ball, LinfBall)
        best, value = start, victim.values(start)
        curve = {1: value}
        points = {round(self.queries ** (point / _CURVE_POINTS)) for point in range(1, _CURVE_POINTS + 1)}
        for query in range(2, self.queries + 1):
            side = _side(self.area, query - 2, self.queries, best.shape)
            draw = draws[:, query - 2]
            if query == 2:
                tried = _stripes(ball, first) if flat else _tiles(ball, first)
            else:
                tried = _square(ball, best, side, draw) if flat else _bump(ball, best, side, draw)
            best, value = higher(best, value, tried, victim.values(tried))
            if query in points:
                curve[query] = value
        victim.record.query_curve.setdefault(ball.epsilon, []).append(curve)
        return best


def _draws(images: Tensor, seed: int, queries: int) -> tuple[Tensor, Tensor]:
    """Return uniform numbers: (N, C, W) or more for the first query, (N, queries, 4 + C) for the others."""
    channels, width = images.shape[1], max(images.shape[3], 25)
    draws = [
        torch.rand(channels * width + queries * (4 + channels), generator=generator, dtype=images.dtype)
        for generator in generators(images, seed)
    ]
    both = torch.stack(draws).to(images.device)
    first, rest = both[:, : channels * width], both[:, channels * width :]
    return first.reshape(-1, channels, width), rest.reshape(-1, queries, 4 + channels)


def _side(area: float, done: int, queries: int, shape: torch.Size) -> int:
    halvings = sum(done / queries * 10_000 > halving for halving in _HALVINGS)
    share: float = area * 0.5**halvings
    return max(1, min(round(math.sqrt(share * shape[2] * shape[3])), shape[2], shape[3]))


def _signs(uniform: Tensor) -> Tensor:
    return torch.where(uniform < 0.5, -1.0, 1.0).to(uniform)


def _corner(uniform: Tensor, length: int, side: int) -> Tensor:
    """Return where squares of a side begin on a length: (N,) whole numbers."""
    return (uniform * (length - side + 1)).long().clamp(max=length - side)


def _window(draw: Tensor, shape: torch.Size, side: int) -> Tensor:
    """Return the masks (N, 1, H, W) of squares; `draw` (N, 2) says where."""
    rows, columns = (torch.arange(length, device=draw.device) for length in shape[2:])
    top, left = (_corner(draw[:, axis], shape[2 + axis], side)[:, None] for axis in (0, 1))
    in_rows, in_columns = (rows >= top) & (rows < top + side), (columns >= left) & (columns < left + side)
    return (in_rows[:, None, :, None] & in_columns[:, None, None, :]).to(draw)


def _stripes(ball: Ball, draw: Tensor) -> Tensor:
    """Return images at the ball's edge, a random sign for each column and channel."""
    signs = _signs(draw[:, :, None, : ball.images.shape[3]])
    return ball.project(ball.images + ball.epsilon * signs)


def _square(ball: Ball, best: Tensor, side: int, draw: Tensor) -> Tensor:
    """Return the best images with a square at the ball's edge, a random sign for each channel."""
    channels = best.shape[1]
    edge = ball.images + ball.epsilon * _signs(draw[:, 4 : 4 + channels]).view(-1, channels, 1, 1)
    return ball.project(torch.where(_window(draw[:, :2], best.shape, side) > 0, edge, best))


def _tiles(ball: Ball, draw: Tensor) -> Tensor:
    """Return images at the surface of the L2 ball: bumps on a grid of five by five."""
    count, channels, height, width = ball.images.shape
    side = max(1, min(height, width) // 5)
    grid = _signs(draw[:, :, :25]).view(count, channels, 5, 5)
    signs = grid[:, :, _fifths(height, side)][..., _fifths(width, side)]
    bump = _profile(side, ball.images).repeat(-(-height // side), -(-width // side))[:height, :width]
    return ball.project(ball.images + ball.epsilon * ball.steepest(signs * bump))


def _fifths(length: int, side: int) -> Tensor:
    """Return which of five parts of a length each pixel belongs to; no tile of a side is cut."""
    tiles = length // side
    return (torch.arange(length) // side).clamp(max=tiles - 1) * 5 // tiles


def _bump(ball: Ball, best: Tensor, side: int, draw: Tensor) -> Tensor:
    """Return the best images with the norm of one window moved into a bump in another."""
    count, channels, height, width = best.shape
    difference = best - ball.images
    here = _window(draw[:, :2], best.shape, side)
    there = _window(draw[:, 2:4], best.shape, side)
    unused = (ball.epsilon**2 - norms(difference).square()).clamp(min=0)

    bumps = torch.zeros_like(best)
    profile = _profile(side, best)
    top, left = _corner(draw[:, 0], height, side).tolist(), _corner(draw[:, 1], width, side).tolist()
    turned = (draw[:, 4] * 4 % 1 < 0.5).tolist()
    for image in range(count):
        place = (slice(top[image], top[image] + side), slice(left[image], left[image] + side))
        bumps[image][:, place[0], place[1]] = profile.T if turned[image] else profile
    bumps = bumps * _signs(draw[:, 4 : 4 + channels]).view(-1, channels, 1, 1)

    def by_channel(values: Tensor) -> Tensor:
        return values.square().sum((2, 3), keepdim=True).sqrt()

    tiny = torch.finfo(best.dtype).tiny
    wanted = bumps / by_channel(bumps).clamp(min=tiny)
    wanted = wanted + difference * here / by_channel(difference * here).clamp(min=tiny)
    budget = (by_channel(difference * torch.maximum(here, there)).square() + unused / channels).sqrt()
    moved = difference * (1 - torch.maximum(here, there))
    moved = moved + budget * wanted / by_channel(wanted).clamp(min=tiny)
    return ball.project(ball.images + moved)


def _profile(side: int, like: Tensor) -> Tensor:
    """Return the bump (side, side) of the L2 attack: two halves of opposite sign."""
    half = side // 2
    halves = [_pyramid(side, half), -_pyramid(side, side - half)] if half else [_pyramid(side, side)]
    return torch.cat(halves, dim=1).to(like)


def _pyramid(rows: int, columns: int) -> Tensor:
    """Return the hill (rows, columns) of Andriushchenko et al. 2020, Section 3.4; no more columns than rows.

    With n = floor(rows / 2) it is the sum over k = 0 to n of 1 / (n + 1 - k)^2 in the square of the positions
    that are no further than n - k from the middle, along either axis.
    """
    from_middle = [(torch.arange(length) - length // 2).abs() for length in (rows, columns)]
    distance = torch.maximum(from_middle[0][:, None], from_middle[1])
    heights = torch.arange(rows // 2 + 1, 0, -1).float().pow(-2).cumsum(0)
    return heights[rows // 2 - distance]
