"""The intervention on features and the PNS risk (CPRL, Section 4.2, Equations 11 to 13).

phi replaces what the mask leaves out, which a sufficient representation should survive; xi replaces what the
mask keeps, which a necessary one should not. Both are maps over channels of spectral norm 1, so that an
intervention is no larger than the features it starts from.
"""

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

Kind = Literal["sufficiency", "necessity"]
FC = Literal["linear", "nonlinear"]
FCInput = Literal["features", "replaced_part"]


def intervene(
    features: Tensor,
    mask: Tensor,
    fc: nn.Module,
    kind: Kind,
    *,
    printed: bool = False,
    fc_input: FCInput = "features",
) -> Tensor:
    """Return c = h_phi(f, M) or s = h_xi(f, M) (Eq. 13).

    - `sufficiency`: c = FC_phi f * (1 - M) + f * M. What the mask keeps stays, the rest is replaced.
    - `necessity`: s = FC_xi f * M + f * (1 - M). What the mask keeps is replaced, the rest stays.

    Args:
        features: f(x), (N, K, H, W) or (N, K).
        mask: M, of the same shape, in [0, 1].
        fc: FC_phi or FC_xi: maps the last dimension, K channels to K.
        kind: Which of the two.
        printed: Take the second line as the paper prints it, s = FC_xi f * M + f * M. The sentence above it
            says that h_xi does to the complement what h_phi does, which is the line here.
        fc_input: What FC maps. The formula has FC f * (1 - M), FC of all `features`. The sentence above it
            has FC applied to the part that it replaces, `replaced_part`:
            c = FC_phi(f * (1 - M)) + f * M and s = FC_xi(f * M) + f * (1 - M).

    Returns:
        The shape of `features`.

    Raises:
        ValueError: an unknown kind, or a mask of another shape.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, got {kind!r}")
    if mask.shape != features.shape:
        raise ValueError(f"expected a mask of shape {tuple(features.shape)}, got {tuple(mask.shape)}")
    part = 1 - mask if kind == "sufficiency" else mask
    kept = mask if kind == "sufficiency" or printed else 1 - mask
    if fc_input == "replaced_part":
        return _over_channels(fc, features * part) + features * kept
    return _over_channels(fc, features) * part + features * kept


def channel_map(channels: int, fc: FC = "linear") -> nn.Module:
    """Make FC_phi or FC_xi: a map over channels of spectral norm 1 (Miyato et al. 2018).

    It has no bias, which a spectral norm would not bound. The norm is estimated by a power iteration that
    goes on with every forward pass in training mode.

    Args:
        channels: K.
        fc: `linear`: FC f = A f. `nonlinear`: FC f = A relu(B f), since Section 4.2 calls FC non-linear. A
            ReLU after A alone would change next to nothing, because the regular activation follows anyway.
    """
    if fc == "linear":
        return _linear(channels)
    return nn.Sequential(_linear(channels), nn.ReLU(), _linear(channels))


def _linear(channels: int) -> nn.Module:
    return spectral_norm(nn.Linear(channels, channels, bias=False))


def _over_channels(fc: nn.Module, features: Tensor) -> Tensor:
    mapped: Tensor = fc(features.movedim(1, -1)).movedim(-1, 1)
    return mapped


def sufficiency_risk(sufficient: Tensor, prediction: Tensor) -> Tensor:
    """Return SF = mean ||y_c - y||^2 (Eq. 12): theta and w lower it, phi raises it.

    y_c and y are the scores (N,) under the intervention `sufficiency` and without intervention. The latter
    stand for the label, so no gradient flows through them.
    """
    return (sufficient - prediction.detach()).square().mean()


def necessity_risk(necessary: Tensor, prediction: Tensor) -> Tensor:
    """Return NC = -mean ||y_s - y||^2 (Eq. 12): theta and w lower it, xi raises it.

    y_s are the scores (N,) under the intervention `necessity`; y is as in `sufficiency_risk`.
    """
    return -(necessary - prediction.detach()).square().mean()


RISKS = {"sufficiency": sufficiency_risk, "necessity": necessity_risk}
"""The two halves of the PNS risk R = SF + NC (Eq. 11), by the kind of intervention."""
