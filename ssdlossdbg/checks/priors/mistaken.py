"""Priors that are not the network's own."""

from __future__ import annotations

from collections.abc import Iterator

from ssdlossdbg.checks.priors.family import PRIORS
from ssdlossdbg.checks.registry import refusal_case
from ssdlossdbg.results import Case, PriorTable, Refusal, Severity


@PRIORS.check(1, "number of priors does not match the predictions", Severity.ERROR, Refusal)
def wrong_count(refusal: Refusal) -> Iterator[Case]:
    """There are more or fewer priors than the predictions are for.

    What it means:
        A network predicts four offsets and one score a class for every prior, so the rows of loc and conf and the
        rows of the priors must be as many. A level has columns x rows x shapes priors; 38 x 38 x 4 = 5776, say.

    Why it matters:
        Row i of the predictions belongs to prior i. With other priors nothing can be compared: the training code
        raises, or, where the surplus is cut off, every row behind the first difference is taught the wrong place.

    How to tell:
        The rows are counted. The fix names the presets with the right number, and which levels of one of them the
        priors lack; else what would explain it to the last row with the least change: a level left out or added, one
        feature map of another size, more or fewer shapes a cell on one level or on several, the same shapes on the
        feature maps of another input, square or not (their sizes follow from the steps between those that there are),
        or a preset's; or the rows of several images in one list. Two are named where two are about as simple.

    How to fix:
        Give the priors of this very network. If they are: print the feature maps' sizes in forward() and compare
        them with the config; a pooling that rounds up instead of down makes 38 cells of 37. For another input, change
        image_size, and feature_map and stride of every level. An explicit aspect ratio of 1 in the list adds a prior a
        cell, since the square is there already.

    Where people met it:
        MhLiao/TextBoxes#31; julimueller/tl_ssd#15; lufficc/SSD#148 and #172; open-mmlab/mmdetection#902.
    """
    yield from refusal_case(refusal, "PRI001")


@PRIORS.check(2, "the same priors several times", Severity.ERROR, Refusal)
def repeated_grid(refusal: Refusal) -> Iterator[Case]:
    """The whole list of priors is there two, three, ... times over.

    What it means:
        The network returns (loc, conf, priors). DataParallel runs a copy of it on every GPU and joins what they
        return along the first dimension: right for loc and conf, whose first dimension is the batch, and wrong for
        the priors, which have no batch dimension. On two GPUs 8732 priors become 17464.

    Why it matters:
        Code that takes the number of priors from the priors raises, or matches objects to copies that no
        prediction belongs to.

    How to tell:
        The number of priors is a multiple of the number of predictions, and every block of rows equals the first.

    How to fix:
        Use priors[:loc.shape[1]], as the later versions of ssd.pytorch's loss do, or keep the priors out of what
        forward() returns.

    Where people met it:
        amdegroot/ssd.pytorch#20; amdegroot/ssd.pytorch#459.
    """
    yield from refusal_case(refusal, "PRI002")


@PRIORS.check(12, "priors of another preset", Severity.NOTE, PriorTable, follows_from=("PRI013", "PRE013"))
def of_other_class_count(table: PriorTable) -> Iterator[Case]:
    """The codebase itself takes other priors for so many classes.

    What it means:
        ssd.pytorch has two sets of priors and picks one by the number of classes: 21, background included, gets
        those for Pascal VOC, and any other number those for COCO. Whoever trains on classes of their own gets the
        COCO priors, whatever the command line or the name of the dataset says. Here it is not so.

    Why it matters:
        The two differ on every level: the smallest prior is 21 pixels for COCO and 30 for VOC. Both train. But
        weights trained with the one decode wrongly with the other, and figures from one do not hold for the other.

    How to tell:
        The priors equal one of the two presets, the dialect is ssd.pytorch's, and its network takes the other one for
        as many classes as the predictions have.

    How to fix:
        If the priors were named here (--config), name the other preset. If they were saved with the predictions, the
        network was changed (the line `self.cfg = (coco, voc)[num_classes == 21]` in ssd.py), and nothing need be done.

    Where people met it:
        amdegroot/ssd.pytorch, ssd.py line 32: the choice is made there.
    """
    rule, config = table.rules.class_priors, table.config
    if table.classes is None or not rule.otherwise or rule.preset != table.rules.prior_config:
        return
    own, usual = config.name, table.rules.priors_for(table.classes)
    if config.codebase and own in (rule.preset, rule.otherwise) and own != usual:
        message = f"those of {own}, though {table.rules.name} itself takes {usual} for {table.classes} classes"
        fix = f"Say --config {usual}, unless the network was changed to have {own}."
        yield Case(table.where(), message, own, usual, fix)


@PRIORS.check(13, "other priors than the saved ones", Severity.ERROR, PriorTable)
def overruled(table: PriorTable) -> Iterator[Case]:
    """The predictions were saved together with other priors than those named.

    What it means:
        The file holds loc, conf and the priors that the network was built with. --config names others, and it is these
        that everything here is computed with.

    Why it matters:
        Row i of the predictions is about row i of the network's own priors. With others, the same offsets stand for
        other boxes: the loss is not the one that training computed. If the config is what you believe to train with,
        the network does not.

    How to tell:
        A number of the saved priors differs from that of the config by more than 1e-5, as centre and size and as
        corners.

    How to fix:
        Leave --config out, so that the saved priors are taken; or find out why the network builds others.

    Where people met it:
        amdegroot/ssd.pytorch's ssd.py:32 gives its COCO priors to every number of classes but 21, whatever the user
        believes to train with.
    """
    if table.overruled is not None:
        message = (
            f"{table.differing} of {len(table.boxes)} priors differ from those that the predictions were saved with, "
            f"{table.overruled}"
        )
        fix = "Leave --config out, or find out why the network builds other priors."
        yield Case(table.where(), message, table.differing, 0, fix)
