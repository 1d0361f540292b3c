"""Of an SVG file a report takes shapes and pictures, and nothing that acts, styles or loads."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from iqabench.reports.figures.svg import shapes

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9"'


def svg(inside, head=""):
    return f"{HEAD} {head}>{inside}</svg>"


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<style>*{color: red}</style>",
        "<foreignObject><iframe src='data:text/html,x'/></foreignObject>",
        "<a xlink:href='javascript:alert(1)'><path d='M 0 0'/></a>",
        "<text>hello</text>",
        "<g><animate attributeName='href'/></g>",
        "<html:script xmlns:html='http://www.w3.org/1999/xhtml'>alert(1)</html:script>",
    ],
)
def test_elements_other_than_shapes_are_left_out(inside):
    assert shapes(svg(inside), "p") == shapes(svg(""), "p")


@pytest.mark.parametrize(
    "attribute",
    [
        "onload='alert(1)'",
        "class='summary'",
        "filter='url(http://x)'",
        "style='fill: url(http://x)'",
        "style='fill: url( &quot;//x&quot;)'",
        "style='fill: \\75rl(//x)'",
        "style='background: URL(http:x)'",
        "clip-path='url(http://x#a)'",
        "xlink:href='http://x'",
        "xlink:href='data:image/svg+xml;base64,AAAA'",
    ],
)
def test_attributes_that_act_or_load_are_left_out(attribute):
    assert "<path/>" in shapes(svg(f"<path {attribute}/>"), "p")


def test_nothing_of_the_files_own_element_is_kept_but_its_size():
    assert shapes(svg("", "onload='alert(1)' id='main' style='position: fixed'"), "p") == shapes(svg(""), "p")


def test_pictures_inside_the_file_and_references_stay_with_identifiers_of_their_own():
    inside = (
        "<defs><clipPath id='c'><rect x='0' y='0' width='1' height='1'/></clipPath><path id='m' d='M 0\n0'/>"
        "</defs><g id='axes_1' clip-path='url(#c)'><use xlink:href='#m' x='1' y='2' style='fill: #ffffff'/>"
        "<image xlink:href='data:image/png;base64,\nAA\n==' width='3' height='4'/></g>"
    )
    assert shapes(svg(inside), "p", '"<label>"').split("butt")[1] == (
        '"><defs><clipPath id="p-0"><rect x="0" y="0" width="1" height="1"/></clipPath>'
        '<path id="p-1" d="M 0 0"/></defs><g clip-path="url(#p-0)">'
        '<use xlink:href="#p-1" x="1" y="2" style="fill: #ffffff"/>'
        '<image xlink:href="data:image/png;base64,AA==" width="3" height="4"/></g></svg>\n'
    )
    assert 'aria-label="&quot;&lt;label&gt;&quot;"' in shapes(svg(inside), "p", '"<label>"')


@pytest.mark.parametrize(
    "text", ["", "no XML", "<svg/>", HEAD, HEAD.replace("9", "calc(1)") + "/>", "<html/>"]
)
def test_what_is_no_svg_file_is_refused(text):
    with pytest.raises(ValueError, match="no SVG file"):
        shapes(text, "p")


def test_every_shape_that_matplotlib_draws_stays_and_every_reference_has_its_target(explained_folder):
    for number in "145":
        drawn = (explained_folder / f"figure{number}.svg").read_text()
        shown = shapes(drawn, "p")
        for element in ("path", "use", "image", "rect", "clipPath"):
            assert len(re.findall(f"<{element}[ />]", shown)) == len(re.findall(f"<{element}[ />]", drawn))
        identifiers = re.findall(r' id="(.*?)"', shown)
        assert len(identifiers) == len(set(identifiers))
        assert set(re.findall(r'(?:href="|url\()#(.*?)["\)]', shown)) == set(identifiers)
        assert shown.count(" style=") == 1 + drawn.count(" style=")
        assert shown.count(" transform=") == drawn.count(" transform=")
        ElementTree.fromstring(shown)
