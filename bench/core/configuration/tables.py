"""Tables of the configuration whose keys are iqabench's own, and what each key means."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from .values import (
    LARGEST,
    BatchSize,
    Device,
    Epsilon,
    Epsilons,
    Limit,
    Names,
    Precision,
    Regime,
    Seeds,
    Tolerance,
)


class Configured(BaseModel):
    """A table: no key but those below, and no value that changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RunSettings(Configured):
    """`[run]`: what the sweep covers."""

    datasets: Names = Field(description='names of `[datasets.NAME]` tables or paths of CSV files, or "all"')
    train_on: Names | None = Field(
        default=None,
        description="datasets whose training images models are trained on, one after the other, to be scored "
        "on the test images of each of `datasets`; absent: on the dataset that is scored",
    )
    models: Names = Field(
        description='names from `iqabench list models`, or "all" for those with a `[models.NAME]` table'
    )
    attacks: Names = Field(
        description='names from `iqabench list attacks`, or "all" for those with an `[attacks.NAME]` table'
    )
    defences: Names = Field(
        default=["none"],
        description="defences that images pass before a model scores them: names from "
        '`iqabench list defences`, "median+flip" for one after the other, "none" for the model as it is; '
        '"all" for none and each',
    )
    epsilons: Epsilons = Field(description="radii of the L-inf ball, in units of 1/255")
    regime: Regime = Field(
        description='"clean": training sees the images as they are; "adversarial": attacked ones besides'
    )
    seed: Seeds = Field(
        description="seed of the initial weights, and of the order and crops of the training images; "
        "a list: each is used"
    )
    split_seed: int = Field(
        ge=0, le=LARGEST, description="seed of the division into training and test scenes"
    )
    image_size: int = Field(
        ge=16,
        description="side of the square crop in pixels; an image's shorter side is resized to it, unless a "
        "model's `pixels` says otherwise",
    )
    batch_size: BatchSize = Field(
        description="images scored and attacked at once, fewer where whole images exceed the paper's or the "
        'memory of a GPU; changes no result but a stochastic model\'s draws; "auto": 16, on a GPU as many as '
        "its memory holds, up to 512",
    )
    device: Device = Field(
        description='"auto" takes a GPU where there is one; of several, "cuda:1" is the second'
    )
    precision: Precision = Field(
        default="fp32",
        description='precision of the passes in which attacks search: "tf32" and "bf16" are faster where a '
        "device has instructions for them; images, and the passes that score them, stay in float32",
    )
    compile: bool = Field(
        default=False,
        description="compile models with torch.compile before they are attacked, except stochastic ones; it "
        "takes up to minutes for each, and pays where an attack takes many; one that cannot be compiled, "
        "such as cprl on a CPU, is used as it is",
    )
    workers: int = Field(
        ge=1,
        description="processes that divide the jobs of a sweep, each with its share of the cores",
    )
    engine: Literal["local", "ray"] = Field(
        default="local",
        description='"local": this machine; "ray": a Ray cluster, whose tasks `[engine]` describes',
    )
    max_megapixels: Annotated[float, Field(gt=0, le=10_000)] = Field(
        description="millions of pixels of the largest image that is decoded, which takes 3 MB each and more"
    )
    limit: Limit = Field(
        default="all",
        description="score only so many test images of each dataset, with equal shares of scenes, "
        'distortions and levels; "all": every one, also where the profile has a number, as demo has 36',
    )


class AdversarialSettings(Configured):
    """`[training.adversarial]`: what the adversarial regime adds (CPRL, Eq. 4)."""

    attack: str = Field(description="`fgsm`, `pgd` or another attack, with the parameters of its own table")
    epsilon: Epsilon = Field(description="radius of the attacks in training, in units of 1/255")
    prior_natural: float = Field(ge=0, le=1, description="P(c_natural): weight of the loss on natural images")
    prior_adversarial: float = Field(
        ge=0, le=1, description="P(c_adv): weight of the loss on their attacked copies; both add to 1"
    )

    @model_validator(mode="after")
    def _adds_to_one(self) -> "AdversarialSettings":
        if abs(self.prior_natural + self.prior_adversarial - 1) > 1e-6:
            raise ValueError("two priors that add to 1: prior_natural + prior_adversarial = 1")
        return self


class TrainingSettings(Configured):
    """`[training]`: how a model without weights is fitted."""

    epochs: int = Field(ge=1, description="passes over the training images")
    batch_size: int = Field(ge=2, description="images a step")
    learning_rate: float = Field(gt=0, description="learning rate of AdamW, at its highest")
    weight_decay: float = Field(ge=0, description="weight decay of AdamW")
    schedule: Literal["constant", "cosine"] = Field(
        description='"cosine": a linear rise over the first tenth of the steps, then half a cosine to zero'
    )
    flip: bool = Field(description="mirror half of the training crops")
    precision: Precision = Field(
        "fp32",
        description='"bf16" or "tf32": convolutions and products in this format, weights and losses in '
        "float32; a device without instructions for it trains in float32, and says so",
    )
    pretrained: bool = Field(
        description="start from timm's ImageNet weights; false: from scratch. Never falls back by itself"
    )
    adversarial: AdversarialSettings = Field(description="what the adversarial regime adds")


class EngineSettings(Configured):
    """`[engine]`: what the engine "ray" does with a cluster."""

    address: str | None = Field(
        default=None,
        description='address of the cluster: "auto" for that of this machine, or HOST:PORT of its head; '
        "absent: `RAY_ADDRESS`, or else a cluster of this machine alone, which ends with the command",
    )
    cpus: Annotated[FiniteFloat, Field(gt=0)] = Field(
        default=1, description="processor cores of a task, and threads of torch in it"
    )
    gpus: Annotated[FiniteFloat, Field(ge=0)] | None = Field(
        default=None,
        description="GPUs of a task, 0.5 where two tasks share one; absent: 1 where the cluster has GPUs and "
        '`device` is not "cpu"',
    )
    memory: Annotated[FiniteFloat, Field(gt=0)] | None = Field(
        default=None, description="GiB of main memory that a task needs; absent: not counted"
    )
    shard: int = Field(
        default=512,
        ge=1,
        description="images that a task scores or attacks, in whole batches; the images of an attack are "
        "divided into tasks of about as many",
    )


class CheckSettings(Configured):
    """`[check]`: how far a number may be from what it is checked against."""

    srocc: Tolerance = Field(description="largest difference of SROCC, up or down, that still holds")
    plcc: Tolerance = Field(description="largest difference of PLCC, up or down, that still holds")
    mse: Tolerance = Field(description="largest difference of MSE, up or down, that still holds")
    worst_srocc: Tolerance = Field(
        description="largest difference of a worst-case SROCC, up or down, that still holds"
    )
