"""Where objects stand in texts of each format: their extents, numbers and facts, and the text without some of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssdlossdbg.readers.annotations.elements.edit import mend
from ssdlossdbg.readers.annotations.elements.element import Written
from ssdlossdbg.readers.annotations.elements.locate import locate
from ssdlossdbg.results import Where
from ssdlossdbg.results.repairs import Action, Limits, Mend, Proposals, Twins

YOLO = "0 0.5 0.5 0.25 0.25\n\n1 0.25\t0.5 0.5 0.5\r\n2 0.1 0.1 0.2 0.2 0.3 0.3\n"
KITTI = "Car 0.00 0 1.5 10 20 30.5 40 1 2 3\nVan 0 1 0 1 2 3 4\n"
VISDRONE = "\ufeff1,2, 30,40,1,4,0,0\n5,6,7,8,0,99,0,1,\n9,9,9\n"
WIDER = "a/b.jpg\n2\n1 2 30 40 0 0 0 0\n5 6 7 8 0 0 0 1\nc.jpg\n0\n0 0 0 0 0 0 0 0\nd.JPG\n3\n1 1 2 2 0 0 0 0\n"
WIDER += "e.png\n1 1 2 2 0 0 0 0\n"
FACES = "2\n1 2 30 40 0 0 0 0\n5 6 7 8 0 0 0 1\n"
RETINA = "# a/b.jpg\n1 2 30 40 0.5\n\n#c.jpg\n5 6 7 8\n"
PHOTOS = "a.jpg 1,2,30,40,0  5,6,7,8,1\nb c.jpg 1,1,2,2,0\n"
OPEN = (
    "\ufeffImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf\n"
    'a,x,/m/1,1,0.1,"0.5", 0.2 ,0.6,0\n\nb,"x,\ny",/m/2,1,0,1,0,1,1\na,x,/m/1,1,0,1\nc\n'
)
TF = (
    "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    "a.jpg,9,9, cat ,1,2,3,4\n,9,9,dog,1,2,3,4\na.jpg,9,9,dog,5,6,7,8\n"
)
CORNERS_FIRST = "xmin,ymin,xmax,ymax,filename,width,height,class"
COCO = (
    '{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 1, "file_name": "c.jpg"}],\n'
    '"categories": [{"id": 3, "name": "cat"}],\n"annotations" : [\n'
    ' {"id": 7, "image_id": 1, "category_id": 3, "bbox": [1, 2.5, 30, 4e1], "iscrowd": 0} ,\n'
    ' {"id": 8, "image_id": 2.0, "category_id": 9, "bbox": [1, 2, 3]},\n'
    ' {"id": 9, "image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4]},\n'
    ' {"id": 10, "image_id": 2, "category_id": 3.0, "bbox": "x"}, {"id": 11, "image_id": 2, "category_id": 3}]}\n'
)
LABELME = (
    '\ufeff {"shapes": [{"label": "cat", "shape_type": "rectangle", "points": [[1, 2], [30.5, 40]]},\n'
    '{"label": "dog", "points": [[1, 2]]}, 5, {"shape_type": "rectangle", "points": [[3,4],[1,9]]}], "shapes_": []}'
)
VOC = (
    "<annotation><object><name> cat </name><part><name>no</name><bndbox><xmin>9</xmin></bndbox></part>\n"
    "<bndbox><xmin> 1</xmin><ymin>2</ymin><xmax>3 </xmax><ymax>4</ymax></bndbox>"
    "<bndbox><xmin>7</xmin></bndbox></object>\n"
    "<object><name>dog</name><object><name>cup</name></object><bndbox><xmin>1</xmin></bndbox></object >\n"
    "</annotation>"
)
CVAT = (
    '<annotations><image name="a\\b.jpg"><box label="cat" xtl="1" ytl=\'2\' xbr="3" ybr="4"/>\n'
    '<polygon label="dog" points="1,2;3,4"></polygon><box label="cup" xtl="1" ytl="2" xbr="3" rotation="0.0"></box>'
    '<box label="cup" xtl="1" ytl="2" xbr="3" ybr="4" rotation="10.5"/></image>\n'
    '<track label="bus"><box frame="7" outside="0" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    '<box frame="8" outside="1" xtl="1" ytl="2" xbr="3" ybr="4"/><box frame="x" xtl="1" ytl="2" xbr="3" ybr="4"/>'
    '<box frame="1234567890" xtl="1" ytl="2" xbr="3" ybr="4"/></track><box label="no" xtl="1"/></annotations>'
)
SHAPE = (
    '<a><image name="i"><box label="x  y" pose="Unspecified" xtl="1" ytl="2" xbr="3" ybr="4">'
    '<attribute name="truncated">true</attribute></box></image></a>'
)
TAGS = "<a><object><name>x</name><pose>Left</pose><pose>Right</pose><truncated> 0 </truncated><sex> </sex></object></a>"
TURNED, OUTLINE = "is a turned box", "is the outline of a {}, and no box was drawn"
TRACK = "is a frame of a track, which its tool fills from the frames beside it"
UNCOUNTED = "is not counted by the number above its rows"
# Of each object by its image: class, numbers, why it is left.
STAND: list[tuple[str, str, dict[str | None, list[tuple[str, list[str], str]]]]] = [
    (
        "yolo",
        YOLO,
        {None: [("", ["0.5", "0.5", "0.25", "0.25"], ""), ("", ["0.25", "0.5", "0.5", "0.5"], ""), ("", [], "")]},
    ),
    ("kitti", KITTI, {None: [("Car", ["10", "20", "30.5", "40"], ""), ("Van", ["1", "2", "3", "4"], "")]}),
    (
        "visdrone",
        VISDRONE,
        {None: [("car", ["1", "2", "30", "40"], ""), ("", ["5", "6", "7", "8"], ""), ("", ["9", "9", "9"], "")]},
    ),
    (
        "wider-face",
        WIDER,
        {
            "a/b.jpg": [("face", ["1", "2", "30", "40"], ""), ("face", ["5", "6", "7", "8"], "")],
            "c.jpg": [],
            "d.JPG": [("face", ["1", "1", "2", "2"], UNCOUNTED)],
            "e.png": [("face", ["1", "1", "2", "2"], UNCOUNTED)],
        },
    ),
    (
        "retinaface",
        RETINA,
        {"a/b.jpg": [("face", ["1", "2", "30", "40"], "")], "c.jpg": [("face", ["5", "6", "7", "8"], "")]},
    ),
    (
        "photo-list",
        PHOTOS,
        {
            "a.jpg": [("", ["1", "2", "30", "40"], ""), ("", ["5", "6", "7", "8"], "")],
            "b c.jpg": [("", ["1", "1", "2", "2"], "")],
        },
    ),
    (
        "open-images",
        OPEN,
        {
            "a.jpg": [("", ["0.1", "0.2", "0.5", "0.6"], ""), ("", [], "")],
            "b.jpg": [("", ["0", "0", "1", "1"], "")],
            "c.jpg": [("", [], "")],
        },
    ),
    ("tf-csv", f"{CORNERS_FIRST}\n12,2,3,4,a.jpg,9,9,cat\n", {"a.jpg": [("cat", ["12", "2", "3", "4"], "")]}),
    ("tf-csv", TF, {"a.jpg": [("cat", ["1", "2", "3", "4"], ""), ("dog", ["5", "6", "7", "8"], "")]}),
    (
        "coco",
        COCO,
        {"a.jpg": [("cat", ["1", "2.5", "30", "4e1"], "")], "b.jpg": [("", [], ""), ("cat", [], ""), ("cat", [], "")]},
    ),
    (
        "labelme",
        LABELME,
        {
            None: [
                ("cat", ["1", "2", "30.5", "40"], ""),
                ("dog", [], OUTLINE.format("polygon")),
                ("", [], OUTLINE.format("")),
                ("", ["3", "4", "1", "9"], ""),
            ]
        },
    ),
    (
        "voc",
        VOC,
        {None: [("cat", ["1", "2", "3", "4"], ""), ("dog", [], "holds another object"), ("cup", [], "")]},
    ),
    (
        "cvat",
        CVAT,
        {
            "a/b.jpg": [
                ("cat", ["1", "2", "3", "4"], ""),
                ("dog", [], OUTLINE.format("polygon")),
                ("cup", [], ""),
                ("cup", [], TURNED),
            ],
            "frame_000007.png": [("bus", ["1", "2", "3", "4"], TRACK)],
        },
    ),
]


def found(text: str, format: str, folder: Path) -> Written:
    path = folder / "file"
    path.write_bytes(text.encode("utf-8"))
    written = locate(path, format)
    assert written is not None
    return written


@pytest.mark.parametrize(("format", "text", "wanted"), STAND, ids=[each[0] for each in STAND])
def test_objects_stand_where_they_are_written(format: str, text: str, wanted: Any, tmp_path: Path) -> None:
    written = found(text, format, tmp_path)
    told = {
        image: [
            (each.label, [written.text[a:b] for a, b in written.spans(each)], each.fixed or each.bound) for each in own
        ]
        for image, own in written.at.items()
    }
    assert told == wanted
    assert written.edited([]) == text.encode()


@pytest.mark.parametrize(
    ("format", "text", "image", "index", "left"),
    [
        ("yolo", YOLO, None, 1, YOLO.replace("1 0.25\t0.5 0.5 0.5\r\n", "")),
        ("yolo", YOLO, None, 2, YOLO[: YOLO.index("2 0.1")]),
        ("kitti", KITTI, None, 0, KITTI[KITTI.index("Van") :]),
        ("visdrone", VISDRONE, None, 0, "\ufeff" + VISDRONE[VISDRONE.index("5,6") :]),
        ("wider-face", WIDER, "a/b.jpg", 0, WIDER.replace("2\n1 2 30 40 0 0 0 0\n", "1\n", 1)),
        ("wider-face", WIDER, "a/b.jpg", (0, 1), WIDER.replace(FACES, "0\n0 0 0 0 0 0 0 0\n", 1)),
        ("retinaface", RETINA, "a/b.jpg", 0, RETINA.replace("1 2 30 40 0.5\n", "")),
        ("photo-list", PHOTOS, "a.jpg", 0, "a.jpg  5,6,7,8,1\nb c.jpg 1,1,2,2,0\n"),
        ("photo-list", PHOTOS, "a.jpg", (0, 1), "a.jpg\nb c.jpg 1,1,2,2,0\n"),
        ("open-images", OPEN, "b.jpg", 0, OPEN.replace('b,"x,\ny",/m/2,1,0,1,0,1,1\n', "")),
        ("tf-csv", TF, "a.jpg", 1, TF[: TF.index("a.jpg,9,9,dog")]),
        ("coco", COCO, "a.jpg", 0, COCO.replace(COCO[COCO.index('{"id": 7') : COCO.index('{"id": 8')], "")),
        ("coco", COCO, "b.jpg", 2, COCO.replace(', {"id": 11, "image_id": 2, "category_id": 3}', "")),
        ("coco", COCO, "b.jpg", (1, 2), COCO.replace(COCO[COCO.index(',\n {"id": 10') : COCO.index("]}\n")], "")),
        ("labelme", LABELME, None, (0, 1, 2, 3), '\ufeff {"shapes": [], "shapes_": []}'),
        ("labelme", LABELME, None, (0, 2), LABELME[:14] + LABELME[91:].replace(" 5, ", " ")),
        ("cvat", CVAT, "a/b.jpg", 0, CVAT.replace('<box label="cat" xtl="1" ytl=\'2\' xbr="3" ybr="4"/>', "")),
        ("cvat", CVAT, "a/b.jpg", 1, CVAT.replace('<polygon label="dog" points="1,2;3,4"></polygon>', "")),
    ],
)  # fmt: skip
def test_the_text_without_some(format: str, text: str, image: Any, index: Any, left: str, tmp_path: Path) -> None:
    written = found(text, format, tmp_path)
    gone = [written.at[image][each] for each in (index if isinstance(index, tuple) else (index,))]
    assert written.edited(written.without(gone)).decode() == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<a>\n  <object></object>\n</a>", "<a>\n</a>"),
        ("<a>\r  <object></object> \r</a>", "<a>\r</a>"),
        ("<a>\r\n  <object></object>\r\n</a>", "<a>\r\n</a>"),
        ("<a>\n  <object></object> x\n</a>", "<a>\n   x\n</a>"),
        ("<a>\n x<object></object>\n</a>", "<a>\n x\n</a>"),
        ("<a><object></object>\n</a>", "<a>\n</a>"),
        ("<a>\n<object></object></a>", "<a>\n</a>"),
    ],
)
def test_a_line_goes_with_what_is_alone_in_it(text: str, left: str, tmp_path: Path) -> None:
    written = found(text, "voc", tmp_path)
    assert written.edited(written.without(written.at[None])).decode() == left


@pytest.mark.parametrize(
    ("format", "text", "image", "facts"),
    [
        ("yolo", "3.0 0.5 0.5 0.25 0.250\n", None, {"column 1": "3"}),
        ("kitti", KITTI, None, {"type": "Car", "alpha": "1.5", "column 9": "1", "column 10": "2", "column 11": "3"}),
        ("coco", COCO, "a.jpg", {"image_id": "1", "category_id": "3", "bbox": "[0, 0, 0, 0]"}),
        ("tf-csv", TF, "a.jpg", {"filename": "a.jpg", "width": "9", "height": "9", "class": "cat"}),
        ("cvat", SHAPE, "i", {"label": "x y", "attribute truncated": "true"}),
        ("voc", TAGS, None, {"name": "x", "pose": "Left", "pose 2": "Right"}),
    ],
)
def test_what_is_said_beside_the_box(format: str, text: str, image: Any, facts: Any, tmp_path: Path) -> None:
    written = found(text, format, tmp_path)
    told = written.facts(written.at[image][0])
    assert {name: value for name, value in told.items() if value != "0"} == facts
    zeros = {"yolo": 4, "kitti": 6, "coco": 1, "tf-csv": 4, "cvat": 4, "voc": 1}
    assert len(told) == len(facts) + zeros[format], "the numbers of the box are left out"


def test_lines_are_counted_from_one_at_any_break(tmp_path: Path) -> None:
    written = found("0 1 1 1 1\n1 1 1 1 1\r\n\r2 1 1 1 1\n3 1 1 1 1", "yolo", tmp_path)
    assert written.lines(written.at[None]) == [1, 2, 4, 5]


def test_an_object_by_its_place(tmp_path: Path) -> None:
    written = found(COCO, "coco", tmp_path)
    assert written.find("a.jpg", 0) is None, "two images have its number"
    assert written.find("b.jpg", 2) is written.at["b.jpg"][2]
    assert written.find("b.jpg", 3) is None
    assert written.find("z.jpg", 0) is None
    twice = found("#a.jpg\n1 2 3 4\n#a.jpg\n1 2 3 4\n", "retinaface", tmp_path)
    assert twice.find("a.jpg", 0) is None


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("parquet", "x"),
        ("coco", "[]"),
        ("coco", '{"images": [], "categories": []}'),
        ("coco", '{"images": 5'),
        ("voc", "<a>"),
        ("voc", "<a>\0</a>"),
        ("open-images", ""),
        ("tf-csv", "filename,width\n"),
        ("kitti", "\ufeff\n \n\u00e9"),
    ],
)
def test_texts_that_nothing_is_told_of(format: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    written = locate(path, format)
    assert written is None or not any(map(written.spans, written.at[None]))
    path.write_bytes(b"0 1 1 1 1\n")
    assert locate(path, "yolo", 9) is None
    assert locate(path, "yolo", 10) is not None


# What is done to a text

LARGE = '{"shapes": [{"shape_type": "rectangle", "points": [[120, 60.5], [-3, 7]]}]}'
WIDE = (
    '{"images": [{"id": 1, "file_name": "a"}], "categories": [], '
    '"annotations": [{"image_id": 1, "bbox": [1e1, -2, 95, 12]}]}'
)
LIMITS = Limits((0.0, 0.0), (100.0, 50.0))


def mended(text: str, format: str, folder: Path, *mends: Mend, twins: Any = ()) -> Any:
    made = mend(found(text, format, folder), Proposals(list(mends), list(twins)))
    done = [(each.code, each.action.value, each.before, each.after) for each in made.done]
    return (made.data or b"").decode("utf-8"), done, [(each.code, each.why) for each in made.left]


def at(index: int | None, image: Any = None) -> Where:
    return Where("file", image, index)


@pytest.mark.parametrize(
    ("format", "text", "image", "box", "after"),
    [
        ("kitti", "A 0 0 0 -1.50 20 130.0 40\n", None, (-1.5, 20, 130, 40), "0.00,20,100.0,40"),
        ("visdrone", "-5,10,20,50,0\n", None, (-5, 10, 15, 60), "0,10,15,40"),
        ("labelme", LARGE, None, (-3, 7, 120, 60.5), "100,50.0,0,7"),
        ("coco", WIDE, "a", (10, -2, 105, 10), "1e1,0,90,10"),
    ],
)
def test_numbers_are_clipped_as_they_are_spelt(
    format: str, text: str, image: Any, box: Any, after: str, tmp_path: Path
) -> None:
    wanted = Mend(at(0, image), box, {Action.CLIP: "BOX006"}, limits=LIMITS)
    made, [(code, action, before, now)], left = mended(text, format, tmp_path, wanted)
    assert (code, action, now, left) == ("BOX006", "clip", after, [])
    written = found(made, format, tmp_path)
    [element] = written.at[image]
    assert ",".join(written.text[a:b] for a, b in written.spans(element)) == after
    assert before != now


@pytest.mark.parametrize(
    ("swapped", "after"),
    [
        ((True, False), "0.3,0.5,0.2,0.20"),
        ((False, True), "0.3,0.5,-0.2,-0.20"),
        ((True, True), "0.3,0.5,0.2,-0.20"),
    ],
)
def test_ends_are_exchanged(swapped: Any, after: str, tmp_path: Path) -> None:
    wanted = Mend(at(0), (0.4, 0.4, 0.2, 0.6), {Action.SWAP: "BOX002"}, swapped)
    made, done, _ = mended("0 0.3 0.5 -0.2 0.20\n", "yolo", tmp_path, wanted)
    assert done == [("BOX002", "swap", "0.3,0.5,-0.2,0.20", after)]
    assert made == f"0 {after.replace(',', ' ')}\n"


def test_two_steps_are_told_one_after_the_other(tmp_path: Path) -> None:
    both = {Action.SWAP: "BOX002", Action.CLIP: "BOX006"}
    wanted = Mend(at(0), (120, 10, 20, 40), both, (True, False), LIMITS)
    made, done, _ = mended("A 0 0 0 120 10 20 40\n", "kitti", tmp_path, wanted)
    assert made == "A 0 0 0 20 10 100 40\n"
    assert done == [
        ("BOX002", "swap", "120,10,20,40", "20,10,120,40"),
        ("BOX006", "clip", "20,10,120,40", "20,10,100,40"),
    ]


@pytest.mark.parametrize(
    ("text", "where", "box", "why"),
    [
        ("A 0 0 0 1 2 3 4\n", at(1), (1, 2, 3, 4), "it cannot be told from others in the file"),
        ("A 0 0 0 1 2 3 4\n", at(None), (1, 2, 3, 4), "it cannot be told from others in the file"),
        ("A 0 0 0 1 2 3 4\n", at(0, 5), (1, 2, 3, 4), "it cannot be told from others in the file"),
        ("A 0 0 0 1 2 3 4\n", at(0), (1, 2, 3, 4.00001), "its numbers were not found in the file again"),
        ("A 0 0 0 1 2 3 x\n", at(0), (1, 2, 3, 4), "its numbers were not found in the file again"),
        ("A 0 0 0 1 2 3 nan\n", at(0), (1, 2, 3, 4), "its numbers were not found in the file again"),
        (f"A 0 0 0 1.{'0' * 400} 2 3 4\n", at(0), (1, 2, 3, 4), "its numbers were not found in the file again"),
        ("A 0 0 0 1 2 3\n", at(0), (1, 2, 3, 4), "its numbers were not found in the file again"),
        ("A 1 0 0 1 2 3 4\n", at(0), (1, 2, 3, 4), "it is marked truncated, and such objects stay"),
    ],
)
def test_what_stays(text: str, where: Where, box: Any, why: str, tmp_path: Path) -> None:
    assert mended(text, "kitti", tmp_path, Mend(where, box, {Action.DROP: "BOX001"})) == ("", [], [("BOX001", why)])


def test_a_point_that_is_no_number_stays(tmp_path: Path) -> None:
    text = '{"shapes": [{"shape_type": "rectangle", "points": [[1, 2], [NaN, 4]]}]}'
    _, _, left = mended(text, "labelme", tmp_path, Mend(at(0), (1, 2, 3, 4), {Action.DROP: "BOX001"}))
    assert left == [("BOX001", "its numbers were not found in the file again")]


@pytest.mark.parametrize("mark", ["0", "-1", "0.0", "false"])
def test_what_is_not_marked_goes(mark: str, tmp_path: Path) -> None:
    wanted = Mend(at(0), (1, 2, 3, 4), {Action.DROP: "BOX001"})
    made = mended(f"A {mark} 0 0 1 2 3 4.0000001\nB 0 0 0 1 2 3 4\n", "kitti", tmp_path, wanted)
    assert made == ("B 0 0 0 1 2 3 4\n", [("BOX001", "drop", "1,2,3,4.0000001", "")], [])


@pytest.mark.parametrize(
    ("rows", "left", "why"),
    [
        (["A 0 0 0 1 2 3 4", "A 0 0 0 1.0 2 3 4"], [0], []),
        (["A 0 0 0 1 2 3 4", "A 0 0 0 1 2 3 4 7"], [1], []),
        (["A 0 0 0 1 2 3 4 6", "A 0 0 0 1 2 3 4 7"], [0, 1], ["the two differ in column 9"]),
        (["A 0 0 0 1 2 3 4", "A 0 1 0 1 2 3 4 7", "A 0 0 0 1 2 3 4"], [0, 1, 2], ["the two differ in occluded"] * 2),
        (["A 0 0 0 1 2 3 4", "A 0 0 0 1 2 3 x"], [0, 1], ["its numbers were not found in the file again"]),
    ],
)
def test_of_twins_the_one_that_says_most_stays(
    rows: list[str], left: list[int], why: list[str], tmp_path: Path
) -> None:
    twins = Twins("BOX005", tuple((at(place), (1, 2, 3, 4)) for place in range(len(rows))))
    text = "".join(f"{row}\n" for row in rows)
    made, done, stays = mended(text, "kitti", tmp_path, twins=[twins])
    assert (made or text) == "".join(f"{rows[place]}\n" for place in left)
    assert [action for _, action, *_ in done] == ["dedupe"] * (len(rows) - len(left))
    assert stays == [("BOX005", each) for each in why]
