"""`iqabench check`: compares a store with the numbers that it should hold."""

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from .. import shared


@click.command()
@click.option(
    "--against",
    metavar="published|FILE",
    help="The papers' numbers, or those pinned in FILE. Default: published.",
)
@click.option(
    "--pin",
    type=shared.PATH,
    metavar="FILE",
    help="Write the store's numbers to FILE, to check against later.",
)
@click.option("--claims", is_flag=True, help="Evaluate the paper's claims instead.")
@click.option("--certified", is_flag=True, help="Check that no attack has left a certified interval.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole check as JSON.")
@click.option("--junit", type=shared.PATH, metavar="FILE", help="Also write the check as JUnit XML, for CI.")
@shared.configuration
@shared.results_to_read
def check(
    against: str | None,
    pin: Path | None,
    claims: bool,
    certified: bool,
    as_json: bool,
    junit: Path | None,
    results: Path,
    **options: Any,
) -> None:
    """Compare the store with published or pinned numbers, within the tolerances of `[check]`.

    Exit status 0: all that was compared holds. 1: a number is worse, or better, by more than its tolerance,
    a pinned one was not run, a claim is false, or an attack left a certified interval. 2: wrong usage, or
    nothing to compare.
    """
    if sum([against is not None, pin is not None, claims, certified]) > 1:
        raise click.UsageError("--against, --pin, --claims and --certified exclude one another: give one")
    if pin and (as_json or junit):
        raise click.UsageError("--pin writes FILE and checks nothing: leave out --json and --junit")
    if certified:
        if junit:
            raise click.UsageError("--junit goes with --against and --claims")
        _check_certified(results, as_json)
    settings = shared.settings_of(options)
    if pin:
        from ....reports.checks.baseline import pin as pin_numbers

        shared.say(pin_numbers(results, pin))
        return
    if against is not None and not against.strip():
        raise click.UsageError("--against is empty; it is published, or a file of pinned numbers")
    verdict = _verdict(against or "published", claims, settings.check.model_dump(), results)
    if junit:
        from ....reports.checks.junit import write_junit

        write_junit(junit, verdict.suite, verdict.cases())
    if as_json:
        shared.say(json.dumps(verdict.record(), indent=1, allow_nan=False))
    else:
        shared.say(verdict.text(), nl=False)
    sys.exit(verdict.exit_status)


def _check_certified(store: Path, as_json: bool) -> NoReturn:
    from ....reports.checks.certified import against_certificates

    found = against_certificates(store)
    if as_json:
        shared.say(json.dumps([one.record() for one in found], indent=1, allow_nan=False))
    else:
        shared.say("\n".join(one.sentence for one in found))
    sys.exit(1 if any(one.outside for one in found) else 0)


def _verdict(against: str, claims: bool, tolerances: dict[str, float], store: Path) -> Any:
    from ...store.results import read_results

    results = read_results(store, resamples=0)
    if claims:
        from ....reports.checks.claims import evaluate_claims

        return evaluate_claims(results, tolerances["srocc"])
    if against == "published":
        from ....reports.checks.published import against_published

        return against_published(results, tolerances)
    from ....reports.checks.baseline import against_baseline

    return against_baseline(results, Path(against), tolerances)
