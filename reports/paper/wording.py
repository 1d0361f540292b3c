"""The captions and the advice of a report's tables and figures.

Fields in braces are filled in by `str.format`, with names as they are printed.
"""

import math
from collections.abc import Collection, Iterable, Sequence

from ...bench.core.text import NOT_RUN, difference, listing, parameters
from ..catalogue import AUTO, PAPER_ATTACKS, STAND_IN, attack_name, dataset_name, model_name, ordered

DOUBTFUL_MARK = "‡"  # stands after a number that the audit found doubtful

# Captions of tables

READING_GUIDE = (
    "Agreement of predicted with labelled quality: high SROCC and PLCC and low MSE are good. Best in bold, "
    f"95% bootstrap intervals over images in brackets, {NOT_RUN} for what was not run."
)
MSE_OF_REFLECTION = (
    "SROCC and PLCC are the lowest that the intervals of scores allow, MSE is that under score reflection."
)
LOGISTIC = (
    "PLCC is after a logistic of {0} parameters, fitted to the clean scores of each model on each dataset "
    "and kept under attack. The CPRL paper's PLCC is without one."
)
PAPER_BELOW = "Below, the paper's number, and in parentheses how far the measured one is above it."
PAPER_ON = "“paper, {0}” is the number that the paper prints, measured on {0}."
SHAPE_ONLY = "Below a number on another dataset it is a shape to look for, not a level to reach."
DOUBTED = (
    f"{DOUBTFUL_MARK} marks a doubtful number: the audit found a sign that the attack failed for another "
    "reason than that the model is robust. The notes say which."
)
SEVERAL_SEEDS = (
    "Where there are several seeds ({}), a number is their mean, its interval holds the intervals of all, "
    "and the range is that of the seeds' own values, which is not a confidence interval."
)
SOME_SEEDS_UNUSABLE = "“2 of 3” seeds means that the third has no usable scores."
PARAMETERS = "{} was run with {}."
QUICK_ON_RANDOM = (
    "The scores of {} are random, for which the budget quick searches too little: a stronger search can find "
    "a lower worst case. Print what the budget standard gives."
)
DATABASES = (
    "Images are counted on both sides of the split that the store keeps, types of distortion among the test "
    "images. Below stand the paper's counts, and in parentheses how far the store's are above them. "
    f"{NOT_RUN} stands for what the store does not tell. LIVE has 779 distorted images, not the printed 799; "
    "VCL has 552, and the printed 575 counts its 23 references."
)
MASK_ALONE = (
    "The mask alone is shown, as the paper has it (“channel activation”), in a block for each reading of "
    "Eq. 7."
)
BLOCK_WITH_PNS = "A block with the PNS risk says so; the store has no cells of its mask alone."
PNS_NOT_SHOWN = "Models with the PNS risk are in the store too, and not in this table."
UNNAMED_ATTACK = "The paper does not name this table's attack: by its Table 6 it is FGSM at 1/255."
CA_AND_PNS = (
    "CA is channel activation: CPRL's mask alone. CA+PNS is CPRL: the mask, trained with the PNS risk."
)
RESNET_OF_TABLES = "The paper's ResNet is that of its Tables 1 and 4."
ROBUSTNESS = (
    "SROCC says how well scores rank the images: 1 as the labels do, 0 at chance, −1 in reverse. An image's "
    "attainable interval runs from the lowest to the highest score that was found within ε; its median width "
    "is over the images. The worst case is the lowest SROCC that scores from these intervals can give; the "
    "drop is how far it lies below the clean SROCC. The audit looks for signs that a worst case is too good "
    "to be true. In brackets: 95% bootstrap intervals over images. Seconds an image: time of the search at "
    "all ε together, on the machine that ran it."
)
MOVED = (
    "Robustness R is the mean over images of log10 of the room that a score had to move in over how far its "
    "farther end moved: in the form of Zhang et al. (2022), undefined where a score did not move, and in "
    "that of MSU's benchmark (Antsiferova et al., 2024), with 1e-6 added to the move. Higher is better. The "
    "distances are MSU's, between clean scores and the upper ends of the attainable intervals; mean rise and "
    "mean fall are to the two ends. All are on quality in [0, 1], whatever scores are at hand. In brackets: "
    "95% bootstrap intervals over images."
)
DEFENCES = (
    "Static: the attack is made on the bare model, and its images are scored behind the defence. Adaptive: "
    "the attack goes through the defence, so that its result is the robustness of the defended model. Where "
    "the adaptive attack is weaker than the static one, its gradient is misled and the row is doubtful. "
    "Defences that give up about as much clean SROCC (at most {prices}, or more) stand together, in "
    "descending order of the adaptive worst case. 95% bootstrap intervals over images are in brackets."
)
ACROSS = (
    "Each row is of a model trained on the training images of one database; each group of columns is of the "
    "test images of one database, the same whichever the model was trained on. Where both are one database "
    "it is the number of the other tables. SROCC and PLCC do not depend on the scale of the scores. Errors "
    "such as MSE would mostly tell how far the scales of two databases lie apart, and are not shown. Best in "
    "bold, 95% bootstrap intervals over images in brackets."
)
ELSEWHERE = (
    "Scores that others measured and published, imported by `iqabench import`: metrics are computed from "
    "them, and neither models nor images were seen here. An interval runs from the clean score to those that "
    "the attack reached, so an attack in one direction has a rise or a fall only. An ε may be a radius in "
    "another norm: the source says. 95% bootstrap intervals over images are below."
)
UNLABELLED = (
    "These images have no labels, so no SROCC can be computed. An image's interval runs from the lowest to "
    "the highest score that was found inside the ball; the median width is over images. The mean rise and "
    "fall are from the clean score to its ends. R (MSU) is the mean of log10 of how far a score could move "
    "over how far it did move; higher is better. 95% bootstrap intervals over images are in brackets."
)
VISIBILITY = (
    "Attacks within one ε can differ by many dB in how visible they are. Each point is an attack at one ε, "
    "placed by ε, by the median PSNR and by the median SSIM of its adversarial images. Compare attacks one "
    "above the other: the lower the SROCC and the wider the intervals of scores, the more an attack finds at "
    "that visibility. The dotted line is the SROCC without attack. Bands are 95% bootstrap intervals over "
    "images."
)
CURVES = "The curves are of models with clean training. Bands are 95% bootstrap intervals over images."
TRADEOFF = (
    "Clean SROCC against the worst case under {auto}, for models with clean training. Behind a defence the "
    "attack goes through it. Hollow markers are models behind a defence, thin lines 95% bootstrap intervals "
    "over images. No point is better in one number and as good in the other than one on the dashed front, "
    "whose name is bold."
)
BELIEVE = "Believe the worst case under {auto}, which takes the strongest of several attacks on each image"
OF_PAPER = "{attacks}, as the paper has {them}, {are} weaker and can overstate robustness"
CONTROL = "{attacks} {are} a control"
NOT_FILLED = "Not run. `iqabench run{}` fills this table."

CHECKPOINTS = "The weights behind the numbers in the tables."


def which_to_believe(attacks: Iterable[str], controls: Collection[str] = ()) -> str:
    """Say in a sentence which of some attacks and controls, `auto` among them, a reader may believe.

    It is empty where there is nothing to choose from.
    """
    others = [name for name in ordered("attack", attacks) if name not in (AUTO, "none")]
    kinds = {
        OF_PAPER: [name for name in others if name in PAPER_ATTACKS],
        CONTROL: [name for name in others if name in controls],
    }
    clauses = [
        sentence.format(
            attacks=listing([attack_name(name) for name in names]),
            are="is" if len(names) == 1 else "are",
            them="it" if len(names) == 1 else "them",
        )
        for sentence, names in kinds.items()
        if names
    ]
    return f"{BELIEVE.format(auto=attack_name(AUTO))}: {'; '.join(clauses)}." if clauses else ""


def doubted(audits: Iterable[str]) -> str:
    """Say what the mark of doubtful numbers means; empty where all verdicts are sound."""
    return DOUBTED if "doubtful" in audits else ""


def logistic(forms: Iterable[str]) -> str:
    """Say which logistic stands before PLCC; empty for none."""
    names = sorted(set(forms) - {""})
    return LOGISTIC.format(listing(names)) if names else ""


def several_seeds(seeds: Iterable[int]) -> str:
    """Say how seeds are summarised; empty for one."""
    names = [str(seed) for seed in sorted(set(seeds))]
    return SEVERAL_SEEDS.format(listing(names)) if len(names) > 1 else ""


def run_with(attack: str, settings: Iterable[str]) -> str:
    """Say with which parameters an attack was run; empty where they differ, of which there are notes."""
    found = [text for text in map(parameters, dict.fromkeys(settings)) if text]
    return PARAMETERS.format(attack_name(attack), *found) if len(found) == 1 else ""


def quick_on_random(models: Iterable[str]) -> str:
    """Say of which models, those that are random, the search was too short; empty for none."""
    names = [model_name(name) for name in dict.fromkeys(models)]
    return QUICK_ON_RANDOM.format(listing(names)) if names else ""


def stand_ins(datasets: Iterable[str]) -> str:
    """Say which datasets stand in for a database; empty for none."""
    names = [dataset_name(name) for name in dict.fromkeys(datasets)]
    return f"† {listing(names)} {STAND_IN}." if names else ""


def caption(*sentences: str) -> str:
    """Join the sentences that are not empty."""
    return " ".join(filter(None, sentences))


def published(
    source: str, numbers: Sequence[str], measured: float = math.nan, value: float = math.nan, digits: int = 0
) -> str:
    """Write the paper's numbers as small print: `paper 0.8807 (−0.0134)`; empty without numbers.

    The source is the dataset that they are of, where it is not the measured one's. Where the paper has one
    number, `value`, it is compared with the measured one in `digits`.
    """
    if not numbers:
        return ""
    shown = f"paper{f', {source}' if source else ''} {', '.join(numbers)}"
    return shown if math.isnan(measured) else f"{shown} ({difference(measured, value, digits)})"
