// The page of `match`: which priors each object gets, at the threshold of the report or at another.

const ROLE_WORDS = ["negative", "positive by IoU", "forced positive", "ignored"];
const TROUBLE = ["unmatched", "invalid"];
const MARKS = { matched: "\u25cf", "forced-only": "\u25cc", unmatched: "\u25a8", invalid: "\u2715" };
const NEAR = 4; // beside the four roles: negatives that nearly reach the threshold

function pageTitle() {
  return `${lastPart(DOCUMENT.image.path)}: which priors each object gets`;
}

async function makePage(root) {
  const arrays = await unpackAll(EXTRA.arrays);
  const photo = await loadPhoto(EXTRA.photos[0]);
  const view = new MatchPage(arrays, photo);
  window.report.Matcher = Matcher;
  window.report.unpackAll = unpackAll;
  window.report.matchAt = (threshold) => view.matcher.match(threshold, DOCUMENT.levels);
  window.report.priors = arrays;
  root.append(...view.sections());
  view.refresh();
}

class MatchPage {
  constructor(arrays, photo) {
    this.arrays = arrays;
    this.threshold = DOCUMENT.threshold;
    this.matcher = EXTRA.rule ? new Matcher(EXTRA.rule, DOCUMENT.ground_truth, arrays) : null;
    this.levels = new Set(DOCUMENT.levels.map((_, level) => level));
    this.shown = new Set([POSITIVE, FORCED]);
    this.chosen = null; // place of an object in the list
    this.hovered = null; // {prior} or {object}
    this.boxes = DOCUMENT.ground_truth.map((item) => shareOf(item.input_box));
    this.now = this.asReported();
    this.tiles = el("div", { class: "tiles", "aria-live": "polite" });
    this.about = el("div", { class: "about", "aria-live": "polite" });
    this.picture = new Picture({
      photo,
      size: photo ? [photo.naturalWidth, photo.naturalHeight] : DOCUMENT.config.image_size,
      draw: (pen) => this.draw(pen),
      hits: () => this.hits(),
      hover: (item) => this.hover(item),
      choose: (item) => this.choose(item),
      label: "The photo with its objects and the priors that they get; the tables below say the same in numbers.",
    });
    this.objectTable = this.makeObjectTable();
    this.levelTable = this.makeLevelTable();
    this.roleToggles = new Map();
  }

  // Until the threshold is moved, every number is the document's own.
  asReported() {
    const { ground_truth: objects, levels, totals, threshold } = DOCUMENT;
    const roles = this.matcher ? this.matcher.roles(threshold) : { role: [], object: [], overlap: [] };
    return { ...roles, objects, levels, totals };
  }

  sections() {
    const { config, dialect, device } = DOCUMENT;
    const objects = section(
      "Objects",
      "Choose one to see its priors alone. The best prior is the one that overlaps it most.",
      this.objectTable.element,
    );
    const left = DOCUMENT.annotation.left_out;
    if (left.length) {
      const names = left.map((item) => `${item.index} (${item.label})`).join(", ");
      objects.append(el("p", { class: "words" }, `Left out by the dialect's loader: ${names}.`));
    }
    const made = [
      facts([
        ["photo", `${DOCUMENT.image.path} (${DOCUMENT.image.width} x ${DOCUMENT.image.height})`],
        ["objects", `${DOCUMENT.annotation.path} (${DOCUMENT.annotation.format})`],
        ["priors", priorsLine(config)],
        ["dialect", `${dialect}, on ${device}`],
      ]),
      this.tiles,
      el(
        "section",
        { class: "beside" },
        this.picture.element,
        el("div", { class: "panel" }, this.controls(), this.about, this.legend()),
      ),
      objects,
      section("Levels", "Where the positives are: fine levels serve small objects, coarse ones large objects.", this.levelTable.element),
      this.thresholds(),
    ];
    if (DOCUMENT.dialects.length) made.push(this.changes());
    return made;
  }

  controls() {
    const levels = DOCUMENT.levels.map((level, place) =>
      toggle(featureMap(level.feature_map), true, (on) => {
        this.levels[on ? "add" : "delete"](place);
        this.picture.paint();
      }),
    );
    const kinds = [POSITIVE, FORCED, NEAR, ...(EXTRA.rule && EXTRA.rule.ignore_from !== null ? [IGNORED] : []), NEGATIVE];
    const roles = kinds.map((kind) => {
      const words = kind === NEAR ? "near misses" : kind === NEGATIVE ? "other negatives" : ROLE_WORDS[kind];
      return toggle(words, this.shown.has(kind), (on) => {
        this.shown[on ? "add" : "delete"](kind);
        this.picture.paint();
      });
    });
    const help = `The dialect's is ${DOCUMENT.threshold}. Moved, everything here is matched again as ${DOCUMENT.dialect} would.`;
    if (this.matcher) {
      this.slider = slider({
        label: "Match threshold",
        value: DOCUMENT.threshold,
        min: 0,
        max: 1,
        step: 0.01,
        help,
        change: (value) => this.moveTo(value),
      });
    }
    return el(
      "div",
      { class: "controls" },
      this.slider
        ? this.slider.element
        : el("p", { class: "words" }, "The priors are not part of this report, so it cannot match at another threshold."),
      el("h3", {}, "Levels"),
      el("div", { class: "toggles", role: "group", "aria-label": "Levels shown" }, levels),
      el("h3", {}, "Priors"),
      el("div", { class: "toggles", role: "group", "aria-label": "Roles shown" }, roles),
    );
  }

  legend() {
    const { palette, red, white } = EXTRA.theme;
    const items = [
      [sign(palette[0], { width: 4 }), "object, each in a colour of its own"],
      [sign(palette[0], { width: 1 }), "prior that trains as it: a positive, by IoU"],
      [sign(palette[0], { width: 2, dashed: true }), "forced positive: below the threshold, but its best prior"],
      [sign(red, { hatched: true }), "unmatched object: no prior trains as it"],
      [sign(red, { crossed: true }), "invalid box"],
      [sign(white, { width: 1, dashed: true }), "near miss: a negative within 0.1 of the threshold"],
    ];
    return el(
      "div",
      { class: "legend" },
      items.map(([mark, words]) => el("div", {}, mark, words)),
      el("p", { class: "words" }, "Drag to move; + and \u2212 or the wheel, once you clicked the photo, zoom."),
    );
  }

  makeObjectTable() {
    const columns = [
      { title: "#", value: (row) => row.index },
      { title: "class", value: (row) => row.label, left: true },
      { title: "status", value: (row) => row.status, show: (row) => `${MARKS[row.status]} ${row.status}`, left: true },
      { title: "positives", value: (row) => row.positives, help: "priors that train as this object, forced ones included" },
      { title: "forced", value: (row) => row.forced, help: "of them, those below the threshold" },
      { title: "best IoU", value: (row) => row.best_iou, show: (row) => fixed(row.best_iou, 3) },
      { title: "best prior", value: (row) => row.best_prior },
      { title: "level", value: (row) => row.level, show: (row) => featureMap(DOCUMENT.levels[row.level].feature_map) },
      {
        title: "prior px",
        value: (row) => toNumber(row.shape[0]) * toNumber(row.shape[1]),
        show: (row) => row.shape.map((side) => fixed(side, 0)).join(" x "),
        help: "width and height of the best prior in pixels of the network's input",
      },
      {
        title: "box px",
        value: (row) => areaOf(row.input_box),
        show: (row) => sizeOf(row.input_box),
        help: "width and height of the object in pixels of the network's input",
      },
      { title: "lost to", value: (row) => row.lost_to, help: "the object that took its best prior" },
      { title: "problem", value: (row) => row.problem, show: (row) => row.problem || "", wrap: true },
    ];
    return new SortedTable(columns, DOCUMENT.ground_truth, {
      caption: "Objects",
      key: (row) => row.index,
      choose: (row) => this.choose({ object: this.placeOf(row.index) }),
      tone: (row) => (TROUBLE.includes(row.status) ? "bad" : row.status === "forced-only" ? "doubtful" : ""),
    });
  }

  makeLevelTable() {
    const columns = [
      { title: "level", value: (row) => row.level, show: (row) => featureMap(row.feature_map) },
      { title: "stride px", value: (row) => row.stride[0], show: (row) => [...new Set(row.stride)].map((s) => fixed(s, 1)).join(" x ") },
      { title: "priors", value: (row) => row.priors, show: (row) => whole(row.priors) },
      { title: "positives", value: (row) => row.positives },
      { title: "forced", value: (row) => row.forced },
      { title: "objects", value: (row) => row.ground_truth, help: "objects that have a positive on it" },
      { title: "", value: () => null, show: (row) => this.bar(row.positives), left: true },
    ];
    return new SortedTable(columns, DOCUMENT.levels, { caption: "Levels" });
  }

  bar(positives) {
    const most = Math.max(1, ...this.now.levels.map((level) => level.positives));
    return bar(positives / most);
  }

  thresholds() {
    const columns = [
      { title: "threshold", value: (row) => row.threshold, show: (row) => fixed(row.threshold, 2) },
      { title: "positives", value: (row) => row.positives, show: (row) => whole(row.positives) },
      { title: "objects that reach it", value: (row) => row.ground_truth_reached },
    ];
    const table = new SortedTable(columns, DOCUMENT.thresholds, {
      caption: "Other thresholds",
      key: (row) => row.threshold,
      choose: this.slider ? (row) => this.slider.set(row.threshold) : null,
    });
    return section("At other thresholds", this.slider ? "Choose one to see everything at it." : "", table.element);
  }

  changes() {
    const columns = [
      { title: "dialect", value: (row) => row.name, left: true },
      { title: "positives", value: (row) => row.positives },
      { title: "negatives", value: (row) => row.negatives },
      { title: "gained", value: (row) => row.gained, help: "priors that are positive only there" },
      { title: "lost", value: (row) => row.lost, help: "priors that are positive only here" },
      { title: "moved", value: (row) => row.moved, help: "priors that are positive for another object there" },
      { title: "agrees with", value: (row) => row.agrees_with, left: true },
      { title: "why", value: (row) => row.reasons.join("; "), wrap: true },
    ];
    const table = new SortedTable(columns, DOCUMENT.dialects, { caption: "Other dialects" });
    return section("Under other dialects", `Each at its own threshold, against ${DOCUMENT.dialect} here.`, table.element);
  }

  placeOf(index) {
    return DOCUMENT.ground_truth.findIndex((item) => item.index === index);
  }

  moveTo(threshold) {
    this.threshold = threshold;
    this.now = threshold === DOCUMENT.threshold ? this.asReported() : this.matcher.match(threshold, DOCUMENT.levels);
    this.refresh();
  }

  refresh() {
    const { totals, objects, levels } = this.now;
    const moved = this.threshold !== DOCUMENT.threshold;
    this.tiles.classList.toggle("moved", moved);
    this.tiles.replaceChildren(
      tile(totals.matched, "matched", `${MARKS.matched} of ${count(totals.ground_truth, "object")}`, "good"),
      tile(totals.forced_only, "forced only", `${MARKS["forced-only"]} no prior reaches ${this.threshold}`, totals.forced_only ? "doubtful" : ""),
      tile(totals.without_positive, "unmatched", `${MARKS.unmatched} train nothing`, totals.without_positive ? "bad" : ""),
      tile(totals.invalid, "invalid", `${MARKS.invalid} boxes that are none`, totals.invalid ? "bad" : ""),
      tile(totals.positives, "positive priors", `${whole(totals.forced)} of them forced`),
      tile(totals.near_misses, "near misses", "negatives within 0.1 of the threshold"),
      moved ? el("p", { class: "words" }, `At ${this.threshold}; the report is at ${DOCUMENT.threshold}.`) : "",
    );
    this.objectTable.update(objects);
    this.levelTable.update(levels);
    this.tell();
    this.picture.paint();
  }

  choose(item) {
    if (item && item.prior !== undefined && this.now.role[item.prior] === NEGATIVE) return;
    const place = item === null ? null : (item.object ?? this.now.object[item.prior]);
    this.chosen = place === this.chosen ? null : place;
    const index = this.chosen === null ? null : DOCUMENT.ground_truth[this.chosen].index;
    this.objectTable.select(index, false);
    if (this.chosen !== null) this.picture.reveal(this.boxes[this.chosen]);
    this.tell();
    this.picture.paint();
  }

  hover(item) {
    this.hovered = item;
    this.tell();
  }

  // What is said beside the photo: of what the pointer means, else of the object that is chosen.
  tell() {
    const item = this.hovered || (this.chosen === null ? null : { object: this.chosen });
    const said = !item
      ? [el("p", { class: "words" }, "Point at a box to read about it; click an object to see its priors alone.")]
      : item.prior === undefined
        ? this.aboutObject(item.object)
        : this.aboutPrior(item.prior);
    this.about.replaceChildren(...said);
  }

  aboutObject(place) {
    const item = this.now.objects[place];
    const lost = item.lost_to === null ? null : this.now.objects[this.placeOf(item.lost_to)];
    const pairs = [
      ["status", `${MARKS[item.status]} ${item.status}`],
      ["positives", `${item.positives}, ${item.forced} of them forced`],
      ["best prior", `${item.best_prior}, IoU ${fixed(item.best_iou, 3)}`],
      ["lost to", lost && `object ${lost.index} (${lost.label})`],
      ["size", `${sizeOf(item.input_box)} px of input`],
      ["problem", item.problem],
    ];
    return [el("h3", {}, `object ${item.index}: ${item.label}`), facts(pairs)];
  }

  aboutPrior(prior) {
    const { role, object } = this.now;
    const [width, height] = DOCUMENT.config.image_size;
    const level = this.arrays.level[prior];
    const owner = this.now.objects[object[prior]];
    const [cx, cy, w, h] = this.centre(prior);
    const isPositive = role[prior] === POSITIVE || role[prior] === FORCED;
    const pairs = [
      ["role", ROLE_WORDS[role[prior]]],
      [isPositive ? "trains as" : "nearest", owner && `object ${owner.index} (${owner.label})`],
      ["IoU with it", `${fixed(this.now.overlap[prior], 3)}, threshold ${this.threshold}`],
      ["level", `${level} (${featureMap(DOCUMENT.levels[level].feature_map)})`],
      ["shape", `${fixed(w * width, 1)} x ${fixed(h * height, 1)} px of input`],
      ["centre", `${fixed(cx * width, 1)}, ${fixed(cy * height, 1)}`],
    ];
    return [el("h3", {}, `prior ${prior}`), facts(pairs)];
  }

  centre(prior) {
    const { boxes, level } = this.arrays;
    return [0, 1, 2, 3].map((column) => boxes[column * level.length + prior]);
  }

  corners(prior) {
    const [cx, cy, w, h] = this.centre(prior);
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
  }

  kindOf(prior) {
    const role = this.now.role[prior];
    const isNear = role === NEGATIVE && this.arrays.iou[prior] >= this.matcher.rounded(this.threshold - 0.1);
    return isNear ? NEAR : role;
  }

  // Priors that are shown, as {prior, kind, faint}.
  visible() {
    const made = [];
    if (!this.matcher) return made;
    for (let prior = 0; prior < this.matcher.priors; prior += 1) {
      const kind = this.kindOf(prior);
      if (!this.shown.has(kind) || !this.levels.has(this.arrays.level[prior])) continue;
      const isOthers = this.chosen !== null && this.now.object[prior] !== this.chosen;
      if (!isOthers) made.push({ prior, kind });
    }
    return made;
  }

  hits() {
    const priors = this.visible().map(({ prior }) => ({ box: this.corners(prior), item: this.itemOf(prior) }));
    const objects = this.boxes.map((box, object) => ({ box, item: this.objectItems[object] }));
    return [...priors, ...objects];
  }

  // The same item for the same prior, so that hovering tells when it has changed.
  itemOf(prior) {
    this.items = this.items || new Map();
    if (!this.items.has(prior)) this.items.set(prior, { prior });
    return this.items.get(prior);
  }

  get objectItems() {
    this.ofObjects = this.ofObjects || this.boxes.map((_, object) => ({ object }));
    return this.ofObjects;
  }

  draw(pen) {
    const visible = this.visible();
    const crowded = visible.length > 150;
    for (const { prior, kind } of visible) this.drawPrior(pen, prior, kind, crowded);
    const places = [...this.boxes.keys()].sort((a, b) => this.isTrouble(a) - this.isTrouble(b));
    for (const place of places) this.drawObject(pen, place);
    for (const place of places) this.nameObject(pen, place);
    const prior = this.hovered && this.hovered.prior;
    if (prior !== undefined && prior !== null) {
      pen.box(this.corners(prior), EXTRA.theme.white, { width: 3, rim: true });
      const [cx, cy] = this.centre(prior);
      pen.dot(cx, cy, EXTRA.theme.white, 6, 1);
    }
  }

  isTrouble(place) {
    return TROUBLE.includes(this.now.objects[place].status);
  }

  colour(place) {
    return this.isTrouble(place) ? EXTRA.theme.red : colourOf(place);
  }

  drawPrior(pen, prior, kind, crowded) {
    const [cx, cy] = this.centre(prior);
    if (kind === NEGATIVE) return pen.dot(cx, cy, EXTRA.theme.white, 2, 0.5);
    const colour = kind === NEAR || kind === IGNORED ? EXTRA.theme.white : colourOf(this.now.object[prior]);
    if (kind === FORCED) return pen.box(this.corners(prior), colour, { width: 2, dashed: true });
    const alpha = kind === POSITIVE ? (crowded ? 0.45 : 0.75) : 0.4;
    return pen.box(this.corners(prior), colour, { width: 1, alpha, dashed: kind === NEAR });
  }

  drawObject(pen, place) {
    const faint = this.chosen !== null && this.chosen !== place;
    const box = this.boxes[place];
    const colour = this.colour(place);
    const status = this.now.objects[place].status;
    pen.box(box, colour, { width: faint ? 1.5 : 3.5, alpha: faint ? 0.6 : 1, rim: !faint });
    if (status === "unmatched") pen.hatch(box, colour);
    if (status === "invalid") pen.cross(box, colour);
  }

  nameObject(pen, place) {
    const { index, label, status } = this.now.objects[place];
    if (this.chosen !== null && this.chosen !== place) return;
    const words = this.boxes.length <= 12 || this.chosen === place ? `${index} ${label}` : String(index);
    pen.chip(this.boxes[place], this.isTrouble(place) ? `${words} ${status}` : words, this.colour(place));
  }
}
