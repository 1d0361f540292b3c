"""Zhang et al.: ascent on the score with a price on visible change, measured by SSIM, LPIPS or DISTS."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ..search import Search, higher
from ..tools.balls import Ball
from ..tools.perceptual import Network, network
from ..tools.victim import Victim
from ..tools.visibility import WINDOW, ssim


@dataclass(frozen=True)
class Zhang(Search):
    """Ascent on the Lagrangian v(x) - weight d(x, x0) (Zhang et al. 2022), inside the ball.

    v is the objective, such as the score, d a perceptual distance, which a subclass states, and x0 the
    clean image. The authors' code climbs (s - s0)^2 - weight d by steps along the sign of the gradient (an
    Adam that is made anew for each step), and bounds visibility by the weight alone, which they find by
    tests with people. Its change of score may have either sign; here it has the sign that the objective
    asks for. The ball bounds visibility as well, so that attacks can be compared, and steps shrink linearly
    from 2 epsilon / 5 to zero. In the L2 ball they are along the gradient. The image with the highest
    Lagrangian is kept, so a score may stay below what an attack without the price reaches.

    Attributes:
        steps: Gradient steps for each epsilon.
        weight: Price of a distance of 1, in units of the score; 0 leaves the plain ascent.
        smallest: Least side of an image, in pixels, that the distance is defined for; smaller ones have no
            price.
    """

    smallest: ClassVar[int]

    steps: Annotated[int, Field(ge=1)] = 40
    weight: Annotated[float, Field(ge=0)] = 1.0

    @abstractmethod
    def distance(self, images: Tensor, clean: Tensor) -> Tensor:
        """Return the perceptual distances (N,) between images and clean ones, both (N, 3, H, W) in [0, 1]."""

    def search(self, victim: Victim, ball: Ball, start: Tensor) -> Tensor:
        """See `Search.search`."""
        images = best = start
        value = torch.full_like(start[:, 0, 0, 0], -torch.inf)
        for number in range(self.steps + 1):
            found, gradient = victim.values_and_gradient(images)
            price, slope = self.price(images, victim.images)
            best, value = higher(best, value, images, found - price)
            length = 0.4 * ball.epsilon * (1 - number / self.steps)
            images = ball.project(images + length * ball.steepest(gradient - slope))
        return best

    def price(self, images: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        """Return weight d(x, x0) (N,), and its gradient (N, 3, H, W) to the images; a NaN of it is zero."""
        if not self.weight or min(images.shape[2:]) < self.smallest:
            return torch.zeros_like(images[:, 0, 0, 0]), torch.zeros_like(images)
        with torch.inference_mode(False), torch.enable_grad():
            pixels = images.detach().requires_grad_()
            price = self.weight * self.distance(pixels, clean)
            (slope,) = torch.autograd.grad(price.sum(), pixels)
        return price.detach(), slope.nan_to_num_()


@dataclass(frozen=True)
class ZhangSSIM(Zhang):
    """The attack of Zhang et al. (2022) with the distance 1 - SSIM (Wang et al. 2004)."""

    smallest: ClassVar[int] = WINDOW

    def distance(self, images: Tensor, clean: Tensor) -> Tensor:
        """See `Zhang.distance`."""
        return 1 - ssim(clean, images)


@dataclass(frozen=True)
class ZhangByNetwork(Zhang):
    """The attack of Zhang et al. (2022) with the distance of a network, as pyiqa builds it.

    Attributes:
        weights_dir: Folder that holds the files of the network's weights, to be looked at before pyiqa's
            own cache.
        download: Fetch files that are missing. Default: name them in an error.
        metric: Name of the distance in pyiqa.

    Raises:
        UserError: pyiqa or a file of weights is missing; raised when the attack is made.
    """

    metric: ClassVar[str]

    weights_dir: str | None = None
    download: bool = False

    def __post_init__(self) -> None:
        """Read the weights, so that missing ones are named at once."""
        self._network()

    @property
    def weights_digest(self) -> str:
        """Digest of the network's weights."""
        return self._network().digest

    def distance(self, images: Tensor, clean: Tensor) -> Tensor:
        """See `Zhang.distance`."""
        return self._network().distance(images, clean)

    def _network(self) -> Network:
        return network(self.metric, self.weights_dir, self.download)


@dataclass(frozen=True)
class ZhangLPIPS(ZhangByNetwork):
    """The attack of Zhang et al. (2022) with the distance LPIPS (Zhang, Isola et al. 2018) of AlexNet."""

    metric: ClassVar[str] = "lpips"
    smallest: ClassVar[int] = 31


@dataclass(frozen=True)
class ZhangDISTS(ZhangByNetwork):
    """The attack of Zhang et al. (2022) with the distance DISTS (Ding et al. 2020) of VGG16."""

    metric: ClassVar[str] = "dists"
    smallest: ClassVar[int] = 1
