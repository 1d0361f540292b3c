"""Boards of made-up numbers."""

import math
from typing import Any

from iqabench.bench.store.condition import is_control
from iqabench.reports.leaderboard.board import Board, Entrant, Number

HOSTILE = "</script><script>alert(1)</script>\"'&<!--\u2028{{ 7 * 7 }}"


def measured(srocc: float, attack: str = "pgd", epsilon: float = 1, **stated: Any) -> Number:
    """On live, with an interval of 0.05 to both sides."""
    facts: dict[str, Any] = {"kind": "measured", "dataset": "live", "images": 156, "seeds": (0,)}
    facts |= {"plcc": srocc, "mse": 0.1, "low": srocc - 0.05, "high": srocc + 0.05}
    facts |= {"control": is_control(attack)}
    facts |= {"parameters": "steps 10", "stand_in": False, "source": "a.parquet"}
    return Number(attack=attack, epsilon=epsilon, srocc=srocc, **{**facts, **stated})


def reported(srocc: float, attack: str = "pgd", epsilon: float = 1, **stated: Any) -> Number:
    """On live, without interval."""
    facts = {"kind": "reported", "low": math.nan, "high": math.nan, "images": None, "seeds": ()}
    return measured(srocc, attack, epsilon, **{**facts, "parameters": "", "source": "Table 1", **stated})


def entrant(name: str, *numbers: Number, **stated: Any) -> Entrant:
    """Without paper, unless stated."""
    return Entrant(name, numbers, **{"slug": name.lower(), "training": "clean", **stated})


def board(*entrants: Entrant, notes: tuple[str, ...] = ()) -> Board:
    """Return a board of these entrants."""
    return Board(entrants, notes)


def varied() -> Board:
    """Two databases and a stand-in, three attacks and noise; numbers of every kind, ties, gaps and NaN."""
    return board(
        entrant(
            "Alpha",
            reported(0.95, "none", 0),
            measured(0.93, "none", 0),
            measured(0.71, "fgsm"),
            measured(0.62, "fgsm", 4),
            reported(0.80),
            measured(0.60),
            measured(0.55, epsilon=4),
            measured(0.92, "noise"),
            measured(0.50, dataset="synthetic", stand_in=True),
            paper="A first idea",
            authors=("Ada Author",),
            year=2020,
            facts=(("Weights", "5f3a"),),
            links=(("paper", "https://example.org/"), ("code", "javascript:alert(1)")),
        ),
        entrant(
            "Beta",
            reported(0.90, "none", 0),
            reported(0.60),
            reported(0.75, "fgsm"),
            measured(-0.20, "fgsm", 4),
            training="adversarial",
            unreliable="Withdrawn by its authors.",
            red_flags=(("live", "It rises with epsilon."),),
            authors=("Bo Émile", "Cy Dee", "Di Ev"),
            year=2018,
        ),
        entrant("Gamma", measured(0.5501, low=0.52, high=0.58), measured(0.66, "fgsm"), reported(0.1, "cw")),
        entrant("Delta", measured(math.nan, low=math.nan, high=math.nan), reported(0.99), year=2024),
        entrant(
            "Epsilon", measured(0.88, "none", 0), measured(0.4, dataset="koniq", limited=True, images=24)
        ),
        entrant("Zeta", reported(0.30), reported(0.45, "fgsm"), measured(0.31, "fgsm")),
        notes=("One entry was left out.",),
    )
