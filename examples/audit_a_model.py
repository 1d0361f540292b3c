"""Audit an honest metric, and one that only seems robust because it rounds its input."""

import torch

from iqabench.bench.audit.audit import audit


class Contrast(torch.nn.Module):
    """Scores a picture by its contrast."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, H, W) in [0, 1] to scores (N,)."""
        return 2 * images.flatten(1).std(1)


class Rounded(Contrast):
    """The same, of pictures rounded to 16 grey levels: its gradient is zero everywhere."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """See `Contrast.forward`."""
        return super().forward((images * 15).round() / 15)


torch.manual_seed(0)
quality = torch.linspace(0, 1, 16)
smooth = torch.nn.functional.interpolate(torch.rand(16, 3, 8, 8), 32, mode="bilinear")
images = 0.5 + (smooth - 0.5) * (0.3 + 0.7 * quality[:, None, None, None])
for model in (Contrast(), Rounded()):
    report = audit(model, images, quality)
    print(type(model).__name__, "is", report.verdict)
    for finding in report.flagged:
        print(f"    {finding.indicator}: {finding.sentence}")
