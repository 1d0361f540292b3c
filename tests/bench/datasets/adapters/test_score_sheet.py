import math
import re
import zipfile
from xml.sax.saxutils import escape

import pytest

from iqabench import UserError
from iqabench.bench.datasets.adapters.score_sheet import read_score_sheet

NAME = re.compile(r"IMG_\d+_[A-Z0-9]+_\d+")
PAIRS = [("IMG_01_AWGN_1", 71.7215), ("IMG_01_JPG_2", 58.8617)]


def read(tmp_path, text, heading=None, suffix="csv"):
    file = tmp_path / f"scores.{suffix}"
    file.write_text(text, encoding="utf-8")
    return read_score_sheet(file, NAME, heading)


@pytest.mark.parametrize(
    "text",
    [
        "IMG_01_AWGN_1.bmp,71.7215\nIMG_01_JPG_2.jpg,58.8617\n",
        "image,MOS\nIMG_01_AWGN_1,71.7215\nIMG_01_JPG_2,58.8617\n",
        "MOS,image\n71.7215,vcl_fer/img_01_awgn_1.BMP\n58.8617,vcl_fer/img_01_jpg_2.JPG\n",
        "image;MOS\nvcl_fer\\IMG_01_AWGN_1.bmp;71,7215\nvcl_fer\\IMG_01_JPG_2.jpg;58,8617\n",
        "IMG_01_AWGN_1.bmp   71.7215\nIMG_01_JPG_2.jpg  58.8617\n",
        "'IMG_01_AWGN_1.bmp'\t71.7215\n'IMG_01_JPG_2.jpg'\t58.8617\n",
        '"IMG_01_AWGN_1.bmp","71.7215"\n"IMG_01_JPG_2.jpg","58.8617"\n',
        "Results\n\nno,image,type,MOS,std\n1,IMG_01_AWGN_1,WN,71.7215,3\n2,IMG_01_JPG_2,JPEG,58.8617,4\n",
        "image,std of MOS,MOS\nIMG_01_AWGN_1,3,71.7215\nIMG_01_JPG_2,4,58.8617\n",
    ],
    ids=["bare", "heading", "swapped", "decimal-comma", "spaces", "tabs", "quoted", "title", "deviation"],
)
def test_names_and_scores_are_found_whatever_the_shape(tmp_path, text):
    assert read(tmp_path, text) == PAIRS


def test_table_without_image_names_is_none(tmp_path):
    assert read(tmp_path, "observer,age\n1,24\n") is None
    assert read(tmp_path, "") is None


def test_cell_without_a_number_is_nan(tmp_path):
    text = "image,MOS\nIMG_01_AWGN_1,71.7\nIMG_01_JPG_2,58.8\nIMG_01_JPG_3,9\nIMG_02_BLU_1,\nIMG_02_BLU_2,-\n"
    scores = dict(read(tmp_path, text))
    assert math.isnan(scores["IMG_02_BLU_1"])
    assert math.isnan(scores["IMG_02_BLU_2"])


def test_columns_that_cannot_be_told_apart_are_an_error_until_one_is_named(tmp_path):
    text = "image,first,second\nIMG_01_AWGN_1,71.7215,1\nIMG_01_JPG_2,58.8617,2\n"
    told = r"scores\.csv: several columns .*'first', 'second'; .*`score_column`"
    with pytest.raises(UserError, match=told):
        read(tmp_path, text)
    assert read(tmp_path, text, heading="first") == PAIRS
    with pytest.raises(UserError, match="no column could be the scores, among 'first', 'second'"):
        read(tmp_path, text, heading="third")


def test_a_decimal_comma_between_commas_is_refused(tmp_path):
    text = "image,MOS\nIMG_01_AWGN_1,71,7215\nIMG_01_JPG_2,58,8617\n"
    told = r"scores\.csv: a row of 3 fields under a heading of 2, .*decimal comma"
    with pytest.raises(UserError, match=told):
        read(tmp_path, text)


@pytest.mark.parametrize("comma", [False, True])
def test_spreadsheet_is_read_with_any_decimal_mark_and_a_sheet_of_raw_answers_is_passed_over(tmp_path, comma):
    answers = [["image", "observer 1", "observer 2"], *([name, 1, 2] for name, _ in PAIRS)]
    scores = [(name, f"{score}".replace(".", ",") if comma else score) for name, score in PAIRS]
    write_xlsx(tmp_path / "results.xlsx", [answers, [["VCL@FER"], ["image", "MOS"], *scores]])
    assert read_score_sheet(tmp_path / "results.xlsx", NAME) == PAIRS


def test_damaged_spreadsheet_is_named(tmp_path):
    with pytest.raises(UserError, match=r"scores\.xls: cannot be read as a table of scores"):
        read(tmp_path, "not a spreadsheet", suffix="xls")


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
RELATIONSHIP = "<Relationship Id='r{0}' Type='" + OFFICE + "/{1}' Target='{2}'/>"


def write_xlsx(file, sheets):
    """Write the least that the format asks for: cells with inline text, no styles."""
    numbers = range(1, len(sheets) + 1)
    to_sheets = [RELATIONSHIP.format(n, "worksheet", f"worksheets/s{n}.xml") for n in numbers]
    named = "".join(f"<sheet name='s{n}' sheetId='{n}' r:id='r{n}'/>" for n in numbers)
    parts = {
        "[Content_Types].xml": f"<Types xmlns='{PACKAGE}/content-types'><Default Extension='rels' "
        "ContentType='application/vnd.openxmlformats-package.relationships+xml'/>"
        "<Override PartName='/xl/workbook.xml' ContentType="
        "''application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml'/></Types>",
        "_rels/.rels": relationships([RELATIONSHIP.format("", "officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f"<workbook xmlns='{MAIN}' xmlns:r='{OFFICE}'><sheets>{named}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relationships(to_sheets),
    }
    for n, rows in zip(numbers, sheets, strict=True):
        body = "".join(f"<row>{''.join(map(xlsx_cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/s{n}.xml"] = (
            f"<worksheet xmlns='{MAIN}'><sheetData>{body}</sheetData></worksheet>"
        )
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def relationships(entries):
    return f"<Relationships xmlns='{PACKAGE}/relationships'>{''.join(entries)}</Relationships>"


def xlsx_cell(value):
    if isinstance(value, str):
        return f"<c t='inlineStr'><is><t>{escape(value)}</t></is></c>"
    return f"<c><v>{value}</v></c>"
