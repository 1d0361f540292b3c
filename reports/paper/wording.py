"""The sentences of a report: captions and advice of tables, notes, and what was found.

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

# What is not shown, and what is odd about what is

VARIANTS_LEFT_OUT = (
    "Neither Table 5 nor Table 6 shows {cells} of variants of CPRL on {dataset}, without attack or under "
    "FGSM at 1/255: a table holds runs that differ in what it ablates and in nothing else, and the newest of "
    "those."
)
OTHER_REGIME = "The tables and curves leave out {cells} of models trained by the regime “{regime}”."
VARIANTS = (
    "Tables 1, 2 and 4 and the curves leave out {cells} of variants of {model} on {dataset} (such as "
    "{example}): they show each model as its own table configures it."
)
OTHER_VERSIONS = (
    "The tables and curves leave out {cells} of another version of {model} on {dataset}, seed {seed} (with "
    "other {columns}). They show the version scored on most test images, and of several such the newest."
)
DEFENDED = (
    "No table shows {cells} of {model} behind a defence on {dataset} ({where}): Table D is of {auto}. "
    "`iqabench results` prints them."
)
NOT_NEWEST = (
    "The table leaves out {cells} of {model} ({variant}) on {dataset}, seed {seed}, of another version or "
    "with other parameters of an attack: it shows what was run last."
)
OTHER_STRENGTHS = "The table leaves out {where} on models that were trained on another database."
EARLIER_FILES = (
    "Of {model} on {dataset} {cells} measured by {source} ({where}) {are} not shown: of several files with "
    "one attack and ε the one that was imported last is."
)
OTHER_PARAMETERS = (
    "The tables and curves leave out {cells} of {attack} on {dataset} with {parameters}. They show what was "
    "run last."
)
OTHER_ATTACK_VERSION = (
    "The tables and curves leave out {cells} of {attack} on {dataset} from version {version} of the attack. "
    "They show what was run last."
)
NO_PARAMETERS = "no parameters"
DIFFERENT_IMAGES = (
    "The cells on {dataset} are not all of the same images (they differ in {columns}): compare them with "
    "care."
)
DIFFERENT_PARAMETERS = "{attack} was not run with the same parameters throughout: {settings}."
DIFFERENT_ATTACK_VERSIONS = (
    "{attack} was not run in one version of its code throughout: {versions}. `iqabench run` computes what is "
    "of an older one again."
)
DIFFERENT_MODELS = (
    "The seeds of {model} on {dataset} are not of one model (they differ in {columns}): its numbers are "
    "means over all of them."
)
DIVERGED = "{model} diverged on {dataset}: {status} ({where}; seed {seeds})."
DOUBTFUL = (
    "{model} is doubtful on {dataset}: its numbers under {attack} at {epsilons}/255 may be too high. "
    "{red_flags} `iqabench audit {name} --dataset {on}` says what to do next."
)
FEWER_SEEDS = (
    "{model} has no results on {dataset} of seed {seeds} for {where}: numbers there are means over its other "
    "seeds."
)
UNDEFINED = "{model} has no correlations on {dataset}: {status} ({where}; seed {seeds})."

# What was found

NOTHING = (
    "The store holds no cell of a model with clean training as its own table configures it, which is what "
    "the summary and Tables 1, 2 and 4 show."
)
UNLABELLED = (
    "The images of {datasets} have no labels, so there is no SROCC of them. Table U says how far attacks "
    "move their scores."
)
UNLABELLED_TABLE = (
    "These images have no labels, so no SROCC can be computed. An image's interval runs from the lowest to "
    "the highest score that was found inside the ball; the median width is over images. The mean rise and "
    "fall are from the clean score to its ends. R (MSU) is the mean of log10 of how far a score could move "
    "over how far it did move; higher is better. 95% bootstrap intervals over images are in brackets."
)
SCORED = "The results are of {models} on {datasets}."
ATTACKED = "The images were attacked by {attacks}, which changed a pixel by at most {epsilons}/255."
CONTROLS = "As a control they were changed as much by {attacks}, without looking at the model."
SROCC_MEANS = (
    "SROCC says how well a model ranks images by quality: 1 is the order of the labels, 0 is chance, "
    "−1 the reverse."
)
WORST_CASE_MEANS = (
    "The worst-case SROCC under {auto} is what is left when every image is changed, within that strength, so "
    "that the ranking suffers most; it is the number to believe."
)
DOUBTED_MODELS = "The audit finds {models} doubtful: the numbers under {auto} may be too high."
OVERSTATES = (
    "{attack} overstates {model} by {gap} at {epsilon:g}/255: it leaves an SROCC of {shown}, the worst "
    "case is {worst}."
)
HALVED = "{count} of {models} models keep less than half of the clean SROCC"
REVERSED = "images are ranked in reverse by {models}"
NONE_POSITIVE = "no model keeps a positive {what}"
NONE_BEYOND_CHANCE = "no model's {what} can be told from 0: the largest {srocc} is {value}"
LEADS = "{model} has the highest {srocc}, {value}"
NONE_AHEAD = (
    "no model stands out: the highest {srocc} is that of {model}, {value}, and its interval overlaps with "
    "those of all others"
)
TOO_CLOSE = " (its interval overlaps with {models})"
ALONE = "{model} has {an} {srocc} of {value}"
SPARED = "Under {attack} of up to {epsilon:g}/255, no model loses more than {loss} of its SROCC."
LOSES_MOST = "Under {attack}, {model} loses most: {loss} of its SROCC at {epsilon:g}/255."
NO_SROCC = "No model has an SROCC under {attack}."
UNUSABLE = "{model} gave no usable numbers under {conditions}: {status}."


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
