"""A small learned denoiser: a network that predicts the noise of an image."""

from typing import Annotated, ClassVar

from pydantic import Field
from torch import Tensor, nn

from ..base import Defence


class Denoiser(Defence):
    """Removes from an image what a small residual network takes for noise; the result is kept in [0, 1].

    Zhang, Zuo, Chen, Meng and Zhang, Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image
    Denoising (DnCNN), TIP 2017, without batch normalisation. It is trained once per dataset, on the training
    images, by the recipe `denoising`.

    Args:
        depth: Convolutions of 3 x 3, each but the last followed by a ReLU.
        width: Their channels.
        sigma: Largest standard deviation of the noise in training, in units of the pixel range [0, 1].
    """

    near_identity: ClassVar[bool] = True
    recipe: ClassVar[str] = "denoising"

    def __init__(
        self,
        depth: Annotated[int, Field(ge=2, le=50)] = 6,
        width: Annotated[int, Field(ge=1)] = 24,
        sigma: Annotated[float, Field(gt=0, le=1)] = 0.05,
    ) -> None:
        super().__init__()
        self.recipe_params = {"sigma": sigma}
        layers: list[nn.Module] = []
        for inputs in [3, *[width] * (depth - 2)]:
            layers += [nn.Conv2d(inputs, width, 3, padding=1, padding_mode="reflect"), nn.ReLU()]
        last = nn.Conv2d(width, 3, 3, padding=1, padding_mode="reflect", bias=False)
        nn.init.zeros_(last.weight)  # an untrained one changes nothing
        self.residual = nn.Sequential(*layers, last)

    def forward(self, images: Tensor) -> Tensor:
        """Return images (N, 3, H, W) in [0, 1] without what looks like noise."""
        cleaned: Tensor = images - self.residual(images)
        return cleaned if self.training else cleaned.clamp(0, 1)
