"""Compiles models with torch.compile, where that works."""

from torch import Tensor, nn


def compile_in_place(model: nn.Module, images: Tensor) -> str | None:
    """Compile a model for scores and their gradients, or leave it as it is; return why, if it cannot be.

    It is in evaluation mode, its weights without gradients, on the device of the images (N, 3, H, W) in
    [0, 1], on which it is tried: compilation begins with the first call.
    """
    model.compile()
    try:
        model(images.clone().requires_grad_()).sum().backward()
    except Exception as error:  # whatever a compiler makes of a user's model
        model._compiled_call_impl = None  # as torch has no way to take `compile` back
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return None
