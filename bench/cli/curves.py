"""Draw the training curves that a store still lacks."""

from pathlib import Path


def draw_missing_curves(results: Path) -> None:
    """Draw the curves of each trained model in a store that has none yet, those of a killed run included."""
    cards = sorted((results / "checkpoints").rglob("*.json"))
    missing = [card for card in cards if not card.with_suffix(".svg").is_file()]
    if missing:
        from ...reports.figures.training_curves import write_training_curves  # matplotlib

        for card in missing:
            write_training_curves(card)
