"""Plain regression, the recipe of most models, and the recipe that a model asks for."""

from torch import Tensor

from ...models.recipe import Labels, Recipe, Terms
from ..core import registry
from ..core.errors import UserError, nearest


class Regression(Recipe):
    """Minimises the regime's loss with AdamW."""

    def step(self, number: int, images: Tensor, labels: Labels) -> Terms:
        """See `Recipe.step`."""
        return self.regression_step(images, labels)


def recipe_of(model: object) -> str:
    """Return the name of the recipe that a model or its class asks for; "none": it comes fitted.

    Raises:
        UserError: no such recipe is registered.
    """
    name = str(getattr(model, "recipe", "regression"))
    known = ["none", *registry.names("recipes")]
    if name not in known:
        raise UserError(f"unknown training recipe {name!r}: {nearest(name, known)}")
    return name
