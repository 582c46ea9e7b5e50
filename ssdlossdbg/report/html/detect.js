// The page of `detect`: what is detected, at the thresholds of the report or at others, and which objects that finds.

const OUTCOMES = { found: "\u25cf found", "found-as-other": "\u25d0 as another class", missed: "\u25a8 missed" };
const ROLES = { finds: "finds it", repeats: "again", "other-class": "wrong class", nothing: "nothing" };

function pageTitle() {
  const { totals } = DOCUMENT;
  const seen = `${count(totals.detections, "detection")}`;
  return DOCUMENT.targets ? `${seen}, ${totals.found} of ${count(totals.ground_truth, "object")} found` : seen;
}

async function makePage(root) {
  const arrays = await unpackAll(EXTRA.arrays);
  const photos = await Promise.all(DOCUMENT.images.map((_, image) => loadPhoto(EXTRA.photos[image])));
  const view = new DetectPage(arrays, photos);
  Object.assign(window.report, { Detector, unpackAll, page: view });
  root.append(...view.sections());
  if (DOCUMENT.images.length) view.showImage(view.worstImage());
}

class DetectPage {
  constructor(arrays, photos) {
    this.photos = photos;
    this.judged = Boolean(DOCUMENT.targets);
    this.detector = arrays.score ? new Detector(DOCUMENT.rules, arrays, EXTRA.unit) : null;
    this.score = DOCUMENT.rules.score_threshold;
    this.nms = DOCUMENT.rules.nms_iou;
    this.labels = Object.fromEntries(DOCUMENT.classes.map((item) => [item.class_id, item.label]));
    this.image = 0;
    this.shown = new Set(this.judged ? Object.keys(ROLES) : [null]);
    this.most = EXTRA.drawn;
    this.chosen = null; // {rank} or {object}
    this.hovered = null;
    this.tiles = el("div", { class: "tiles", "aria-live": "polite" });
    this.about = el("div", { class: "about", "aria-live": "polite" });
    this.heading = el("h2", {});
    this.images = this.asReported();
    this.picture = new Picture({
      photo: null,
      size: DOCUMENT.config.image_size,
      draw: (pen) => this.draw(pen),
      hits: () => this.hits(),
      hover: (item) => {
        this.hovered = item;
        this.tell();
      },
      choose: (item) => this.choose(item),
      label: "The image with its detections and its objects; the tables below say the same in numbers.",
    });
    this.tables();
  }

  asReported() {
    return DOCUMENT.images.map((image) => ({
      ...image,
      detections: image.detections.map((item) => ({ ...item, share: item.box_normalized.map(toNumber) })),
      ground_truth: image.ground_truth.map((item) => ({ ...item, share: item.box_normalized.map(toNumber) })),
    }));
  }

  // The same at the thresholds at hand; the numbers on the way to a detection are known for the report's alone.
  again() {
    const found = this.detector.detect(this.score, this.nms, DOCUMENT.images.length);
    return this.asReported().map((image, index) => {
      const detections = found[index].map((item) => ({ ...item, label: this.labels[item.class_id], role: null, level: null }));
      if (this.judged) this.detector.link(detections, image.ground_truth);
      for (const item of image.ground_truth) item.taken_for = item.taken_for === null ? null : this.labels[item.taken_for];
      return { ...image, detections };
    });
  }

  get moved() {
    return this.score !== DOCUMENT.rules.score_threshold || this.nms !== DOCUMENT.rules.nms_iou;
  }

  totals() {
    if (!this.moved) return DOCUMENT.totals;
    const detections = this.images.flatMap((image) => image.detections);
    const objects = this.images.flatMap((image) => image.ground_truth);
    const having = (items, key, value) => items.filter((item) => item[key] === value).length;
    return {
      detections: detections.length,
      finds: having(detections, "role", "finds"),
      repeats: having(detections, "role", "repeats"),
      other_class: having(detections, "role", "other-class"),
      nothing: having(detections, "role", "nothing"),
      ground_truth: objects.length,
      found: having(objects, "status", "found"),
      found_as_other: having(objects, "status", "found-as-other"),
      missed: having(objects, "status", "missed"),
    };
  }

  sections() {
    const { predictions, targets, config, dialect, device } = DOCUMENT;
    this.refresh();
    return [
      facts([
        ["predictions", `${predictions.path}: ${predictions.layout}, ${predictions.dtype}`],
        ["targets", targets && `${targets.path}: ${targets.layout}`],
        ["priors", priorsLine(config)],
        ["dialect", `${dialect}, ${this.rulesLine()}, on ${device}`],
      ]),
      this.tiles,
      section("By image", "Choose one to see it below.", this.imageTable.element),
      this.heading,
      el("section", { class: "beside" }, this.picture.element, el("div", { class: "panel" }, this.controls(), this.about, this.legend())),
      el(
        "div",
        { class: "side-by-side" },
        this.judged ? section("Its objects", "Positives that reach each step on the way: all, above the score, into NMS, out of it.", this.objectTable.element) : null,
        section("Its detections", "", this.detectionTable.element),
      ),
      section("By class", "Pairs of a class and a prior that get so far, at the report's thresholds.", this.classTable.element),
    ];
  }

  rulesLine() {
    const { rules } = DOCUMENT;
    const enter = rules.candidates ? `the top ${rules.candidates} of each ${rules.candidates_of}` : "all";
    const kept = [rules.keep_per_class && `${rules.keep_per_class} of a class`, rules.keep_per_image && `${rules.keep_per_image} of an image`];
    const keep = kept.filter(Boolean).join(" and ");
    return `${rules.scores} above ${rules.score_threshold}, ${enter} enter NMS at ${rules.nms_iou}${keep ? `, at most ${keep} kept` : ""}`;
  }

  controls() {
    const made = [];
    if (this.detector) {
      const { score_threshold: score, nms_iou: nms } = DOCUMENT.rules;
      const part = (label, value, min, help, change) => slider({ label, value, min, max: 1, step: 0.01, help, change }).element;
      const from = Math.max(score, EXTRA.leastScore);
      made.push(
        part("Score above", score, score, `The report's is ${score}. Below that nothing entered NMS: run it again with --score-threshold.`, (value) => {
          this.score = value === score ? value : Math.max(value, from);
          this.moveTo();
        }),
        part("NMS drops from IoU", nms, 0, `The report's is ${nms}. Moved, it is suppressed anew as ${DOCUMENT.dialect} would.`, (value) => {
          this.nms = value;
          this.moveTo();
        }),
      );
    } else {
      made.push(el("p", { class: "words" }, "What enters NMS is not part of this report, so there are no thresholds to move."));
    }
    const toggles = !this.judged
      ? []
      : Object.entries(ROLES).map(([role, words]) =>
          toggle(words, true, (on) => {
            this.shown[on ? "add" : "delete"](role);
            this.fillTables();
          }),
        );
    const all = toggle(`only the ${EXTRA.drawn} of highest score`, true, (on) => {
      this.most = on ? EXTRA.drawn : Infinity;
      this.picture.paint();
    });
    made.push(el("h3", {}, "Detections shown"), el("div", { class: "toggles", role: "group", "aria-label": "Detections shown" }, toggles, all));
    return el("div", { class: "controls" }, made);
  }

  legend() {
    const { palette, red, white } = EXTRA.theme;
    const judged = [
      [sign(palette[0], { width: 3 }), "detection that finds an object, in the colour of its class"],
      [sign(palette[0], { width: 1 }), "any other detection"],
      [sign(white, { width: 2, dashed: true }), "object"],
      [sign(red, { width: 2, hatched: true }), "missed object"],
    ];
    const items = this.judged ? judged : [[sign(palette[0], { width: 1 }), "detection, in the colour of its class"]];
    return el(
      "div",
      { class: "legend" },
      items.map(([mark, words]) => el("div", {}, mark, words)),
      el("p", { class: "words" }, "The lower its score, the fainter it is. Drag to move; + and \u2212 or the wheel, once you clicked the photo, zoom."),
    );
  }

  tables() {
    const number = (title, key, help) => ({ title, value: key, show: (row) => whole(key(row)), help });
    const roles = (role) => (row) => row.detections.filter((item) => item.role === role).length;
    const statuses = (status) => (row) => row.ground_truth.filter((item) => item.status === status).length;
    const judged = [
      number("objects", (row) => row.ground_truth.length),
      number("found", statuses("found")),
      number("as other", statuses("found-as-other"), "taken for another class"),
      number("missed", statuses("missed")),
      number("finds", roles("finds"), "detections that find an object"),
      number("again", roles("repeats"), "detections of an object that a higher one found"),
      number("wrong", roles("other-class"), "detections that take an object for another class"),
      number("nothing", roles("nothing"), "detections that overlap no object enough"),
    ];
    this.imageTable = new SortedTable(
      [
        { title: "#", value: (row) => row.index },
        { title: "image", value: (row) => row.name || row.path, show: (row) => (row.name || row.path ? lastPart(row.name || row.path) : "-"), left: true },
        number("detections", (row) => row.detections.length),
        ...(this.judged ? judged : []),
      ],
      this.images,
      { caption: "Images", key: (row) => row.index, choose: (row) => this.showImage(row.index), most: 20 },
    );
    this.objectTable = new SortedTable(
      [
        { title: "#", value: (row) => row.index },
        { title: "class", value: (row) => row.label, left: true },
        { title: "status", value: (row) => row.status, show: (row) => this.outcome(row), left: true },
        { title: "score", value: (row) => row.score, show: (row) => fixed(row.score, 3) },
        { title: "IoU", value: (row) => row.iou ?? row.best_iou, show: (row) => fixed(row.iou ?? row.best_iou, 3) },
        { title: "box px", value: (row) => areaOf(row.box), show: (row) => sizeOf(row.box), help: "pixels of the network's input" },
        { title: "positives", value: (row) => row.positives, show: (row) => this.way(row), help: "all > above the score > into NMS > out of it, at the report's thresholds" },
      ],
      [],
      { caption: "Objects", key: (row) => row.index, choose: (row) => this.choose({ object: row.index }), tone: (row) => (row.status === "missed" ? "bad" : row.status === "found" ? "" : "doubtful") },
    );
    const links = [
      { title: "IoU", value: (row) => row.best_iou, show: (row) => fixed(row.best_iou, 3), help: "with the nearest object of any class" },
      { title: "object", value: (row) => row.ground_truth },
      { title: "what it does", value: (row) => row.role, show: (row) => ROLES[row.role] || "-", left: true },
    ];
    this.detectionTable = new SortedTable(
      [
        { title: "rank", value: (row) => row.rank },
        { title: "class", value: (row) => row.label, left: true },
        { title: "score", value: (row) => row.score, show: (row) => fixed(row.score, 3) },
        { title: "prior", value: (row) => row.prior },
        ...(this.judged ? links : []),
      ],
      [],
      { caption: "Detections", key: (row) => row.rank, choose: (row) => this.choose({ rank: row.rank }), most: 20 },
    );
    const stage = (title, key) => number(title, (row) => row[key]);
    this.classTable = new SortedTable(
      [
        { title: "class", value: (row) => row.label, left: true },
        ...(this.judged ? [stage("objects", "ground_truth"), stage("found", "found"), stage("as other", "found_as_other"), stage("missed", "missed")] : []),
        stage("above", "above_threshold"),
        stage("enter NMS", "candidates"),
        stage("leave NMS", "survivors"),
        stage("kept", "detections"),
        { title: "best score", value: (row) => row.best_score, show: (row) => fixed(row.best_score, 4) },
      ],
      DOCUMENT.classes.filter((row) => row.above_threshold || row.ground_truth),
      { caption: "Classes", most: 25 },
    );
  }

  outcome(row) {
    return row.status === "found-as-other" ? `\u25d0 as ${row.taken_for}` : OUTCOMES[row.status];
  }

  way(row) {
    return `${row.positives} > ${row.above_threshold} > ${row.candidates} > ${row.survivors}`;
  }

  worstImage() {
    const missed = (image) => image.ground_truth.filter((item) => item.status === "missed").length;
    return this.images.reduce((one, other) => (missed(other) > missed(one) ? other : one)).index;
  }

  moveTo() {
    this.images = this.moved ? this.again() : this.asReported();
    this.refresh();
    this.fillTables();
    this.tell();
  }

  refresh() {
    const totals = this.totals();
    this.tiles.classList.toggle("moved", this.moved);
    const judged = [
      tile(totals.found, "found", `of ${count(totals.ground_truth, "object")}`, "good"),
      tile(totals.found_as_other, "as another class", "", totals.found_as_other ? "doubtful" : ""),
      tile(totals.missed, "missed", "", totals.missed ? "bad" : ""),
    ];
    const merits = [
      tile(totals.repeats, "again", "an object that is found already"),
      tile(totals.other_class, "wrong class"),
      tile(totals.nothing, "nothing", "overlap no object by a half"),
    ];
    this.tiles.replaceChildren(
      ...(this.judged ? judged : []),
      tile(totals.detections, "detections", this.judged ? `${whole(totals.finds)} of them find an object` : ""),
      ...(this.judged ? merits : []),
      this.moved
        ? el("p", { class: "words" }, `With scores above ${this.score} and NMS at ${this.nms}; the report has ${DOCUMENT.rules.score_threshold} and ${DOCUMENT.rules.nms_iou}.`)
        : "",
    );
    this.imageTable.update(this.images);
  }

  showImage(image) {
    this.image = image;
    this.chosen = null;
    const { name, path } = DOCUMENT.images[image];
    this.heading.textContent = `Image ${image}${name || path ? ` (${lastPart(name || path)})` : ""}`;
    this.imageTable.select(image, false);
    const photo = this.photos[image];
    this.picture.show(photo, photo ? [photo.naturalWidth, photo.naturalHeight] : DOCUMENT.config.image_size);
    this.fillTables();
    this.tell();
  }

  get now() {
    return this.images[this.image];
  }

  fillTables() {
    this.items = new Map();
    const worst = ["missed", "found-as-other", "found"];
    this.objectTable.update([...this.now.ground_truth].sort((a, b) => worst.indexOf(a.status) - worst.indexOf(b.status)));
    this.detectionTable.update(this.now.detections.filter((item) => this.shown.has(item.role)));
    this.picture.paint();
  }

  drawn() {
    return this.now ? this.now.detections.filter((item) => this.shown.has(item.role)).slice(0, this.most) : [];
  }

  choose(item) {
    const same = item && this.chosen && JSON.stringify(item) === JSON.stringify(this.chosen);
    this.chosen = same ? null : item;
    this.objectTable.select(this.chosen?.object ?? null, false);
    this.detectionTable.select(this.chosen?.rank ?? null, false);
    const row = this.chosen && this.find(this.chosen);
    if (row) this.picture.reveal(row.share);
    this.tell();
    this.picture.paint();
  }

  find({ rank, object }) {
    return rank === undefined ? this.now.ground_truth.find((row) => row.index === object) : this.now.detections.find((row) => row.rank === rank);
  }

  tell() {
    const item = this.hovered || this.chosen;
    const row = item && this.now && this.find(item);
    if (!row) {
      this.about.replaceChildren(el("p", { class: "words" }, "Point at a box to read about it; choose a row to see it here."));
      return;
    }
    const nearest = row.ground_truth === null || row.ground_truth === undefined ? "none" : `object ${row.ground_truth}, IoU ${fixed(row.best_iou, 3)}`;
    const pairs =
      item.rank !== undefined
        ? [["score", fixed(row.score, 4)], ["prior", String(row.prior)], ["does", this.judged && ROLES[row.role]], ["nearest", this.judged && nearest]]
        : [["status", this.outcome(row)], ["score", row.score === null ? null : fixed(row.score, 4)], ["best IoU", fixed(row.best_iou, 3)], ["found by", row.detection === null ? null : `detection ${row.detection}`], ["positives", this.way(row)], ["problem", row.problem]];
    const title = item.rank !== undefined ? `detection ${row.rank}: ${row.label}` : `object ${row.index}: ${row.label}`;
    this.about.replaceChildren(el("h3", {}, title), facts(pairs));
  }

  item(kind, key) {
    const name = `${kind} ${key}`;
    if (!this.items.has(name)) this.items.set(name, { [kind]: key });
    return this.items.get(name);
  }

  hits() {
    if (!this.now || !this.items) return [];
    const objects = this.now.ground_truth.map((row) => ({ box: row.share, item: this.item("object", row.index) }));
    return [...objects, ...this.drawn().reverse().map((row) => ({ box: row.share, item: this.item("rank", row.rank) }))];
  }

  draw(pen) {
    if (!this.now) return;
    const { red, white } = EXTRA.theme;
    for (const row of this.now.ground_truth) {
      const missed = row.status === "missed";
      if (missed) pen.hatch(row.share, red);
      pen.box(row.share, missed ? red : white, { width: 2, dashed: true, rim: true });
    }
    const drawn = this.drawn();
    for (const row of [...drawn].reverse()) {
      const alpha = 0.25 + 0.75 * Math.min(Math.max(row.score, 0), 1);
      pen.box(row.share, colourOf(row.class_id - 1), { width: row.role === "finds" ? 3 : 1.5, alpha });
    }
    for (const row of this.now.ground_truth) if (row.status === "missed") pen.chip(row.share, `${row.label} missed`, red, 11);
    for (const row of drawn.slice(0, 30)) pen.chip(row.share, `${row.label} ${fixed(row.score, 2)}`, colourOf(row.class_id - 1), 11);
    for (const item of [this.chosen, this.hovered]) {
      const row = item && this.find(item);
      if (row) pen.box(row.share, white, { width: 3, rim: true });
    }
  }
}
