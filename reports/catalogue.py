"""What things are called in print: the paper's spelling of models, datasets, attacks and metrics."""

MODELS = {
    "dbcnn": "DBCNN",
    "nima": "NIMA",
    "resnet": "ResNet",
    "lwta": "LWTA",
    "denoise": "Denoise",
    "sat": "SAT",
    "cprl": "CPRL",
}
DATASETS = {"vcl": "VCL", "live": "LIVE", "livec": "LIVEC", "koniq": "KONIQ"}
ATTACKS = {"none": "no attack", "fgsm": "FGSM", "pgd": "PGD", "pgd_soft": "PGD (soft mask)"}
METRICS = {"srocc": "SROCC", "plcc": "PLCC", "mse": "MSE", "krocc": "KROCC", "rmse": "RMSE"}

HIGHER_IS_BETTER = {"srocc": True, "plcc": True, "mse": False, "krocc": True, "rmse": False}

READINGS = {
    "literal": "the (0.5 + b) K largest channels are active",
    "suppress_top": "all but the (0.5 − b) K largest channels are active",
    "keep_top": "the (0.5 − b) K largest channels are active",
    "argsort": "(0.5 + b) K channels are active, chosen by sort indices in place of ranks",
    "suppress_middle": "the (0.5 − b) K largest and as many smallest channels are active",
}
"""How Eq. 7 of the paper may be read, by the name that `models.cprl` gives to a reading."""

STAND_IN = "stands in for a database: its images are procedural and its labels computed, not given by people"


def model_name(name: str) -> str:
    """A model as the paper spells it, or by its own name."""
    return MODELS.get(name, name)


def dataset_name(name: str) -> str:
    """A dataset as the paper spells it, or by its own name."""
    return DATASETS.get(name, name)


def attack_name(name: str) -> str:
    """An attack as the paper spells it, or by its own name."""
    return ATTACKS.get(name, name)
