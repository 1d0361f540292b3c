"""The HTML report: one file that needs nothing else, with every number, and every name escaped."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from iqabench.bench.store.results import Results
from iqabench.reports.catalogue import in_order
from iqabench.reports.formats.html import render_html
from iqabench.reports.paper.report import compose

from ...fabricated import under_auto
from ..hostile import hostile_report

HOSTILE = "</script></svg><script>alert(1)</script><!--\"'&{{ 7 * 7 }}"
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Tables as lists of rows of texts, all tags and attributes, and whether tags are balanced."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.tables, self.open = [], [], [], []
        self.scripts, self.captions = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "caption":
            self.captions.append("")
        elif tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data.strip() and f"{data.strip()} "
        elif "caption" in self.open:
            self.captions[-1] += data
        elif "script" in self.open:
            self.scripts[-1] += data


@pytest.fixture(scope="module")
def text(swept_results):
    return render_html(compose(swept_results))


def test_tags_are_balanced_ids_unique_and_every_link_inside_the_page_has_its_target(text):
    page = Page(text)
    assert page.open == []
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    for name, value in page.attributes:
        if name in ("href", "xlink:href"):
            assert value.startswith("#")
            assert value[1:] in ids
        if name in ("aria-labelledby", "aria-describedby"):
            assert value in ids


def test_nothing_is_loaded_from_anywhere(text):
    page = Page(text)
    assert not {"link", "img", "iframe"} & set(page.tags)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not [value for name, value in page.attributes if name == "src"]


def test_the_only_script_that_may_run_is_the_reports_own(text):
    page = Page(text)
    (policy,) = (value for name, value in page.attributes if name == "content" and "default-src" in value)
    data, script = page.scripts
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert "img-src" not in policy
    assert json.loads(data)


def test_every_table_has_a_caption(text, ablated):
    for page in (Page(text), Page(render_html(compose(ablated)))):
        assert len(page.captions) == len(page.tables)
    assert Page(text).captions[0].startswith("Agreement of predicted with labelled quality")


def test_every_measured_number_leads_to_the_row_of_its_cell(text, swept_table):
    tables = text.split("<tbody>")[1].split("</tbody>")[0]
    cells = in_order(swept_table)
    numbers = re.findall(r'href="#cell(\d+)" data-cells="(\d+)" data-metric="(\w+)"[^>]*>([^<]+)<', tables)
    assert len(numbers) == 7 * 2 * 3
    for target, place, metric, shown in numbers:
        row = cells.iloc[int(place)]
        assert target == place
        assert (row["attack"], row["epsilon"]) == ("fgsm", 1)
        assert shown == f"{row[metric.lower()]:.4f}".replace("-", "−")


def test_ten_thousand_cells_weigh_less_than_eight_megabytes(swept_table):
    many = pd.concat([swept_table] * 80, ignore_index=True)
    variants = [f"variant {place}" if place >= len(swept_table) else "" for place in range(len(many))]
    rows = many.assign(variant=variants, key=[f"{place:020}" for place in range(len(many))])
    assert len(rows) > 10_000
    assert len(render_html(compose(Results(rows))).encode()) < 8e6


def test_every_cell_of_the_store_is_in_the_last_but_one_table(text, swept_table):
    cells = Page(text).tables[-2]
    assert len(cells) == 1 + len(swept_table)
    assert {row[7] for row in cells[1:]} == {"0 ", "1 ", "2 ", "4 ", "8 "}


def test_in_the_table_of_all_cells_a_worst_case_leads(results):
    page = Page(render_html(compose(results({"srocc": 0.9}, under_auto("resnet", 1.0, -0.2, srocc=0.3)))))
    head, clean, attacked = page.tables[-2]
    assert head[10:12] == ["Worst-case SROCC ", "SROCC "]
    assert clean[10:12] == ["", "0.9000 [0.800, 1.000] "]
    assert attacked[10:12] == ["−0.2000 [−0.300, −0.100] ", "0.3000 [0.200, 0.400] "]


def test_beside_auto_the_table_of_all_cells_says_which_attack_to_believe(results):
    fgsm = {"attack": "fgsm", "epsilon": 1.0}
    for rows, told in (((fgsm, under_auto("resnet", 1.0, -0.2)), True), ((fgsm,), False)):
        caption = Page(render_html(compose(results({"srocc": 0.9}, *rows)))).captions[-2]
        assert caption.startswith("Every cell of the store")
        assert ("Believe the worst case under auto, " in caption) == told
        assert ("FGSM, as the paper has it, is weaker and can overstate robustness." in caption) == told


def test_a_stand_in_is_marked_wherever_its_numbers_appear(text):
    assert text.count('<span class="stand-in">stand-in</span>') == 4
    assert "† synthetic stands in for a database" in text
    assert "synthetic (stand-in) · PGD" in text


def test_a_variant_is_named_in_the_list_of_all_cells_and_its_weights_in_the_provenance(ablated):
    page = Page(render_html(compose(ablated)))
    assert sum("b=0.3, pns_weight=0.0 " in row for row in page.tables[-2]) == 6
    assert any("w-b=0.4, pns_wei" in row[4] for row in page.tables[-1][1:])


def test_what_was_not_run_or_drawn_leaves_advice(text):
    assert "Not run. <code>iqabench run --profile table5</code> fills this table." in text
    assert "Not drawn. <code>iqabench explain cprl --dataset D</code> draws them for a dataset D" in text


def test_every_text_of_a_user_is_escaped(tmp_path):
    text = render_html(hostile_report(HOSTILE, tmp_path))
    page = Page(text)
    assert page.tags.count("script") == 2
    assert page.open == []
    assert "{{ 7 * 7 }}" in text
    assert not [name for name, _ in page.attributes if name.startswith("on")]


def test_a_store_without_clean_training_still_makes_a_page(results):
    text = render_html(compose(results({"regime": "adversarial"})))
    assert "no cell of a model with clean training" in text
    assert Page(text).open == []


def test_undefined_intervals_leave_no_brackets(results):
    text = render_html(compose(results({"srocc": 0.5, "srocc_low": np.nan, "srocc_high": np.nan})))
    assert Page(text).tables[1][2][1] == "0.5000 paper 0.8807 (−0.3807) "
    assert not re.search(r"\bnan\b", text)
