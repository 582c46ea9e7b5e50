// The page of `loss`: what each image, object, positive and mined negative costs, and what another ratio would mine.

function pageTitle() {
  return `Loss ${fixed(DOCUMENT.loss.total, 4)}: what it is made of`;
}

async function makePage(root) {
  const arrays = await unpackAll(EXTRA.arrays);
  const photos = await Promise.all(DOCUMENT.images.map((_, image) => loadPhoto(EXTRA.photos[image])));
  const view = new LossPage(new LossData(arrays, DOCUMENT.images.length), photos);
  Object.assign(window.report, { priors: arrays, page: view });
  root.append(...view.sections());
  if (DOCUMENT.images.length) view.showImage(view.worstImage());
}

const LOSS_PARTS = [
  ["localization", "localisation", "one"],
  ["confidence_positive", "confidence, positives", "two"],
  ["confidence_negative", "confidence, negatives", "three"],
  ["landmarks", "landmarks", "four"],
];

class LossPage {
  constructor(data, photos) {
    Object.assign(this, { data, photos });
    this.image = 0;
    this.ratio = EXTRA.ratio; // null where every negative counts
    this.least = 0; // probability below which nothing is listed
    this.shown = new Set(["positives", "negatives"]);
    this.chosen = null; // {object}, {positive} or {negative}
    this.hovered = null;
    this.labels = DOCUMENT.classes.map((item) => item.label);
    this.tiles = el("div", { class: "tiles", "aria-live": "polite" });
    this.bar = el("div", {});
    this.about = el("div", { class: "about", "aria-live": "polite" });
    this.heading = el("h2", { tabindex: -1 });
    this.picture = new Picture({
      photo: null,
      size: DOCUMENT.config.image_size,
      draw: (pen) => this.draw(pen),
      hits: () => this.hits(),
      hover: (item) => this.hover(item),
      choose: (item) => this.choose(item),
      label: "The image with its objects, its decoded positives and its negatives; the tables below say the same in numbers.",
    });
    this.tables();
  }

  sections() {
    const { predictions, targets, config, dialect, device } = DOCUMENT;
    const recorded = DOCUMENT.recorded;
    const said = recorded && recorded.total !== null ? `${fixed(recorded.total, 4)} (off by ${percent(DOCUMENT.recorded_error, 3)})` : "";
    const made = [
      facts([
        ["predictions", `${predictions.path}: ${predictions.layout}, ${predictions.dtype}`],
        ["targets", `${targets.path}: ${targets.layout}`],
        ["priors", priorsLine(config)],
        ["dialect", `${dialect}, ${DOCUMENT.threshold === null ? "" : `match threshold ${DOCUMENT.threshold}, `}on ${device}`],
        ["your own loss", said],
        ["whose", DOCUMENT.whose],
      ]),
      this.tiles,
      this.bar,
      section("By image", "Choose one to see it below.", this.imageTable.element),
      this.heading,
      el("section", { class: "beside" }, this.picture.element, el("div", { class: "panel" }, this.controls(), this.about, this.legend())),
      section("Its objects", "What the priors that train as each of them cost.", this.objectTable.element),
      el(
        "div",
        { class: "side-by-side" },
        section("Its positives, the costliest first", "A positive is a prior that trains as an object.", this.positiveTable.element),
        section("Its negatives, as mining ranks them", this.negativeWords(), this.aroundCutoff(), this.negativeTable.element),
      ),
      el(
        "div",
        { class: "side-by-side" },
        this.groups("By level", "level", DOCUMENT.levels, (row) => featureMap(row.feature_map)),
        this.groups("By target class", "class", DOCUMENT.classes.filter((row) => row.positives || row.negatives), (row) => row.label),
      ),
    ];
    if (DOCUMENT.batches.length) made.push(this.batches());
    this.refresh();
    return made;
  }

  negativeWords() {
    if (DOCUMENT.all_negatives) return `Under ${DOCUMENT.dialect} every negative counts; these cost most.`;
    return "Those above the cut-off train as background; those below it, dimmed, do not, and cost nothing.";
  }

  // What lies on both sides of the cut-off is far down a long list.
  aroundCutoff() {
    if (!EXTRA.ratios.length) return null;
    return el(
      "div",
      { class: "toggles" },
      toggle("around the cut-off only", false, (on) => {
        this.aroundOnly = on;
        this.fillTables();
      }),
    );
  }

  controls() {
    const { ratios } = EXTRA;
    const kinds = { positives: "decoded positives", negatives: "negatives that count", past: "just past the cut-off" };
    const toggles = Object.entries(kinds).map(([kind, words]) =>
      toggle(words, this.shown.has(kind), (on) => {
        this.shown[on ? "add" : "delete"](kind);
        this.picture.paint();
      }),
    );
    const made = [];
    if (ratios.length) {
      made.push(
        slider({
          label: "Negatives per positive",
          value: EXTRA.ratio,
          min: ratios[0].ratio,
          max: ratios[ratios.length - 1].ratio,
          step: 0.5,
          help: `${DOCUMENT.dialect} has ${EXTRA.ratio}. Moved, you see which negatives come in or go, and the loss then.`,
          change: (value) => this.moveTo(value),
        }).element,
      );
    } else {
      const why = DOCUMENT.all_negatives
        ? `Under ${DOCUMENT.dialect} every negative counts, so there is no ratio to move.`
        : "What each prior costs is not part of this report, so there is no ratio to move.";
      made.push(el("p", { class: "words" }, why));
    }
    made.push(
      slider({
        label: "Shown from probability",
        value: 0,
        min: 0,
        max: 1,
        step: 0.01,
        help: "Of positives that of their class, of negatives that of the class that they are taken for.",
        change: (value) => {
          this.least = value;
          this.fillTables();
        },
      }).element,
      el("h3", {}, "Shown"),
      el("div", { class: "toggles", role: "group", "aria-label": "Shown" }, toggles),
    );
    return el("div", { class: "controls" }, made);
  }

  legend() {
    const { palette, white } = EXTRA.theme;
    const items = [
      [sign(palette[0], { width: 4 }), "object"],
      [sign(palette[0], { width: 1 }), "what a positive of it predicts"],
      [sign(EXTRA.shades[3], { width: 3 }), "negative that counts, brighter the more it costs"],
      [sign(white, { width: 1, dashed: true }), "just past the cut-off"],
    ];
    return el(
      "div",
      { class: "legend" },
      items.map(([mark, words]) => el("div", {}, mark, words)),
      el("p", { class: "words" }, "Drag to move; + and \u2212 or the wheel, once you clicked the photo, zoom."),
    );
  }

  tables() {
    const cost = (title, key, help) => ({ title, value: (row) => row[key], show: (row) => fixed(row[key], 4), help });
    const marks = DOCUMENT.loss.landmarks === null ? [] : [cost("landmarks", "landmarks")];
    const score = (edge) => (edge ? fixed(edge.score, 3) : "-");
    this.imageTable = new SortedTable(
      [
        { title: "#", value: (row) => row.index },
        { title: "image", value: (row) => row.name || row.path, show: (row) => nameOf(row), left: true },
        { title: "objects", value: (row) => row.ground_truth },
        { title: "pos", value: (row) => row.positives, help: "positives" },
        { title: "neg", value: (row) => row.negatives, help: "negatives that count" },
        cost("loc", "localization"),
        cost("conf pos", "confidence_positive"),
        cost("conf neg", "confidence_negative"),
        ...marks,
        cost("total", "total"),
        { title: "last mined", value: (row) => row.last_mined && row.last_mined.score, show: (row) => score(row.last_mined) },
        { title: "first not", value: (row) => row.first_not_mined && row.first_not_mined.score, show: (row) => score(row.first_not_mined) },
      ],
      DOCUMENT.images,
      { caption: "Images", key: (row) => row.index, choose: (row) => this.showImage(row.index), most: 20 },
    );
    this.objectTable = new SortedTable(
      [
        { title: "#", value: (row) => row.index },
        { title: "class", value: (row) => row.label, left: true },
        { title: "box px", value: (row) => areaOf(row.box), show: (row) => sizeOf(row.box), help: "pixels of the network's input" },
        { title: "IoU", value: (row) => row.best_iou, show: (row) => fixed(row.best_iou, 3) },
        { title: "pos", value: (row) => row.positives },
        { title: "forced", value: (row) => row.forced },
        cost("loc", "localization"),
        cost("conf", "confidence"),
        ...marks,
        cost("total", "total"),
        { title: "problem", value: (row) => row.problem, show: (row) => row.problem || "", wrap: true },
      ],
      [],
      { caption: "Objects", key: (row) => row.index, choose: (row) => this.choose({ object: row.index }), most: 12 },
    );
    const prior = [
      { title: "prior", value: (row) => row.prior },
      { title: "level", value: (row) => row.level, show: (row) => featureMap(DOCUMENT.levels[row.level].feature_map) },
    ];
    const probability = { title: "prob", value: (row) => row.probability, show: (row) => fixed(row.probability, 3) };
    this.positiveTable = new SortedTable(
      [
        ...prior,
        { title: "object", value: (row) => row.object },
        { title: "class", value: (row) => this.labels[row.class_id], left: true },
        { ...probability, help: "of its class" },
        { title: "forced", value: (row) => (row.forced ? "forced" : ""), left: true },
        cost("loc", "localization"),
        cost("conf", "confidence"),
        ...marks,
        cost("total", "total"),
      ],
      [],
      { caption: "Positives", key: (row) => row.prior, choose: (row) => this.choose({ positive: row.prior }), most: 20 },
    );
    this.negativeTable = new SortedTable(
      [
        { title: "rank", value: (row) => row.rank },
        ...prior,
        { title: "taken for", value: (row) => this.labels[row.class_id], left: true },
        { ...probability, help: "of the class that it is taken for" },
        { title: "score", value: (row) => row.score, show: (row) => fixed(row.score, 4), help: "what mining ranks by" },
        { ...cost("loss", "loss"), help: "what it costs; past the cut-off, what it would" },
        { title: "IoU", value: (row) => row.iou, show: (row) => fixed(row.iou, 3), help: "with the nearest object" },
        { title: "object", value: (row) => row.object, help: "the nearest" },
        { title: "", value: (row) => this.isIn(row), show: (row) => this.standing(row), left: true },
      ],
      [],
      {
        caption: "Negatives",
        key: (row) => row.prior,
        choose: (row) => this.choose({ negative: row.prior }),
        tone: (row) => (this.isIn(row) ? (row.mined ? "" : "comes") : row.mined ? "goes" : "past"),
        most: 30,
      },
    );
  }

  standing(row) {
    const isIn = this.isIn(row);
    if (isIn === row.mined) return isIn ? "" : "not mined";
    return isIn ? "comes in" : "goes out";
  }

  // Whether a negative counts at the ratio at hand.
  isIn(row) {
    return this.ratio === null || this.ratio === EXTRA.ratio ? row.mined : Boolean((row.minedAt >> this.place) & 1);
  }

  groups(title, heading, rows, name) {
    const cost = (label, key, digits = 4) => ({ title: label, value: key, show: (row) => fixed(key(row), digits) });
    const columns = [
      { title: heading, value: name, left: true },
      { title: "pos", value: (row) => row.positives },
      { title: "neg", value: (row) => row.negatives },
      cost("loc", (row) => row.localization),
      cost("conf pos", (row) => row.confidence_positive),
      cost("conf neg", (row) => row.confidence_negative),
      cost("total", (row) => row.total),
      { title: "", value: () => null, show: (row) => bar(row.total / DOCUMENT.loss.total), left: true },
    ];
    return section(title, "", new SortedTable(columns, rows, { caption: title }).element);
  }

  batches() {
    const columns = [
      { title: "file", value: (row) => row.file, show: (row) => lastPart(row.file), left: true },
      { title: "step", value: (row) => row.step },
      { title: "reason", value: (row) => row.reason, left: true },
      { title: "your loss", value: (row) => row.recorded && row.recorded.total, show: (row) => fixed(row.recorded && row.recorded.total, 4) },
      { title: "recomputed", value: (row) => row.recomputed, show: (row) => fixed(row.recomputed, 4) },
      { title: "findings", value: (row) => row.codes.join(" "), wrap: true },
    ];
    return section("Batches of the run", "This page shows the worst of them.", new SortedTable(columns, DOCUMENT.batches, { caption: "Batches" }).element);
  }

  worstImage() {
    const worst = DOCUMENT.images.reduce((one, other) => (rankOf(toNumber(other.total)) > rankOf(toNumber(one.total)) ? other : one));
    return worst.index;
  }

  // Between two ratios that were reckoned, the lower one is meant.
  moveTo(ratio) {
    const places = EXTRA.ratios.map((each) => each.ratio);
    this.place = places.filter((each) => each <= ratio).length - 1;
    this.ratio = places[this.place];
    this.refresh();
    this.fillTables();
  }

  refresh() {
    const moved = this.ratio !== EXTRA.ratio;
    const loss = moved ? EXTRA.ratios[this.place].loss : DOCUMENT.loss;
    const parts = LOSS_PARTS.filter(([key]) => loss[key] !== null && loss[key] !== undefined);
    const total = toNumber(loss.total);
    this.tiles.classList.toggle("moved", moved);
    this.tiles.replaceChildren(
      tile(loss.total, "loss", `divided by ${fixed(DOCUMENT.loss.normalizer, 0)}`, Number.isFinite(total) ? "good" : "bad"),
      ...parts.map(([key, label]) => tile(loss[key], label, Number.isFinite(total) && total ? percent(toNumber(loss[key]) / total, 1) : "")),
      moved ? el("p", { class: "words" }, `With ${this.ratio} negatives per positive; the report has ${EXTRA.ratio}.`) : "",
    );
    if (moved) this.tiles.querySelector(".more").textContent = "";
    this.bar.replaceChildren(stackedBar(parts.map(([key, label, tone]) => ({ label, value: toNumber(loss[key]), tone })), total));
  }

  showImage(image) {
    this.image = image;
    this.chosen = null;
    const told = DOCUMENT.images[image];
    const negatives = DOCUMENT.all_negatives ? "negatives" : "mined negatives";
    this.heading.textContent =
      `Image ${image}${told.name || told.path ? ` (${nameOf(told)})` : ""}: ${fixed(told.total, 4)} of the loss, ` +
      `${count(told.positives, "positive")}, ${whole(told.negatives)} ${negatives}`;
    this.imageTable.select(image, false);
    const own = DOCUMENT.ground_truth.filter((item) => item.image === image);
    this.objects = own.map((item) => ({ ...item, share: shareOf(item.box) }));
    this.allPositives = this.data.positives(image);
    this.allNegatives = this.data.negatives(image);
    const costs = this.allNegatives.filter((row) => row.mined && Number.isFinite(row.loss)).map((row) => row.loss);
    this.dearest = costs.reduce((most, loss) => Math.max(most, loss), 0);
    const photo = this.photos[image];
    this.picture.show(photo, photo ? [photo.naturalWidth, photo.naturalHeight] : DOCUMENT.config.image_size);
    this.fillTables();
    this.tell();
  }

  fillTables() {
    this.positives = this.allPositives.filter((row) => !(row.probability < this.least));
    this.negatives = this.allNegatives.filter((row) => !(row.probability < this.least));
    this.items = new Map();
    this.objectTable.update(this.objects);
    this.positiveTable.update(this.positives);
    const counting = this.negatives.filter((row) => this.isIn(row));
    const past = this.negatives.filter((row) => !this.isIn(row));
    this.negativeTable.update(this.aroundOnly ? [...counting.slice(-10), ...past.slice(0, 20)] : this.negatives);
    this.picture.paint();
  }

  choose(item) {
    const same = item && this.chosen && JSON.stringify(item) === JSON.stringify(this.chosen);
    this.chosen = same ? null : item;
    const key = (kind) => (this.chosen && this.chosen[kind] !== undefined ? this.chosen[kind] : null);
    this.objectTable.select(key("object"), false);
    this.positiveTable.select(key("positive"), false);
    this.negativeTable.select(key("negative"), false);
    this.tell();
    this.picture.paint();
  }

  hover(item) {
    this.hovered = item;
    this.tell();
  }

  find({ object, positive, negative }) {
    if (object !== undefined) return this.objects.find((row) => row.index === object);
    if (positive !== undefined) return this.allPositives.find((row) => row.prior === positive);
    return this.allNegatives.find((row) => row.prior === negative);
  }

  tell() {
    const item = this.hovered || this.chosen;
    const row = item && this.find(item);
    if (!row) {
      this.about.replaceChildren(el("p", { class: "words" }, "Point at a box to read what it costs; choose a row to see it here."));
      return;
    }
    const costs = [
      ["localisation", row.localization === undefined ? null : fixed(row.localization, 4)],
      ["confidence", row.confidence === undefined ? null : fixed(row.confidence, 4)],
      ["landmarks", row.landmarks === undefined || row.landmarks === null ? null : fixed(row.landmarks, 4)],
    ];
    const made =
      item.object !== undefined
        ? [`object ${row.index}: ${row.label}`, [["total", fixed(row.total, 4)], ...costs, ["positives", `${row.positives}, ${row.forced} forced`], ["best IoU", fixed(row.best_iou, 3)], ["problem", row.problem]]]
        : item.positive !== undefined
          ? [`positive, prior ${row.prior}`, [["total", fixed(row.total, 4)], ...costs, ["class", `${this.labels[row.class_id]}, probability ${fixed(row.probability, 3)}`], ["object", row.object === null ? null : String(row.object)]]]
          : [
              `negative, prior ${row.prior}`,
              [
                [this.isIn(row) ? "costs" : "would cost", fixed(row.loss, 4)],
                ["rank", `${row.rank}, score ${fixed(row.score, 4)}${this.isIn(row) ? "" : ", past the cut-off"}`],
                ["taken for", `${this.labels[row.class_id]}, probability ${fixed(row.probability, 3)}`],
                ["nearest", row.object === null ? "no object" : `object ${row.object}, IoU ${fixed(row.iou, 3)}`],
              ],
            ];
    const level = row.level === undefined ? [] : [["level", featureMap(DOCUMENT.levels[row.level].feature_map)]];
    this.about.replaceChildren(el("h3", {}, made[0]), facts([...made[1], ...level]));
  }

  // Negatives that are drawn: those that count, and the first that do not.
  drawn() {
    const counting = this.shown.has("negatives") ? this.negatives.filter((row) => this.isIn(row)) : [];
    const past = this.shown.has("past") ? this.negatives.filter((row) => !this.isIn(row)).slice(0, 50) : [];
    return [...past, ...counting];
  }

  item(kind, key) {
    const name = `${kind} ${key}`;
    if (!this.items.has(name)) this.items.set(name, { [kind]: key });
    return this.items.get(name);
  }

  hits() {
    if (!this.objects) return [];
    const negatives = this.drawn().map((row) => ({ box: this.data.corners(row.prior), item: this.item("negative", row.prior) }));
    const positives = this.shown.has("positives") ? this.positives : [];
    return [
      ...negatives,
      ...positives.map((row) => ({ box: row.decoded, item: this.item("positive", row.prior) })),
      ...this.objects.map((row) => ({ box: row.share, item: this.item("object", row.index) })),
    ];
  }

  draw(pen) {
    if (!this.objects) return;
    const { white } = EXTRA.theme;
    const of = this.chosen && this.chosen.object;
    const isObjects = of !== null && of !== undefined;
    for (const row of isObjects ? [] : this.drawn().reverse()) this.drawNegative(pen, row);
    for (const row of this.shown.has("positives") ? this.positives : []) {
      if (isObjects && row.object !== of) continue;
      pen.box(row.decoded, row.object === null ? white : colourOf(row.object), { width: 1, alpha: 0.8, dashed: row.forced });
    }
    for (const row of this.objects) {
      pen.box(row.share, colourOf(row.index), { width: 3, rim: true });
      if (row.problem) pen.cross(row.share, colourOf(row.index));
    }
    for (const row of this.objects) {
      const words = this.objects.length <= 12 ? `${row.index} ${row.label}` : String(row.index);
      pen.chip(row.share, words, colourOf(row.index), 11);
    }
    for (const item of [this.chosen, this.hovered]) this.drawMark(pen, item);
  }

  drawNegative(pen, row) {
    const box = this.data.corners(row.prior);
    if (!this.isIn(row)) return pen.box(box, EXTRA.theme.white, { width: 1, alpha: 0.55, dashed: true });
    const share = this.dearest > 0 && Number.isFinite(row.loss) ? Math.min(1, row.loss / this.dearest) : 1;
    return pen.box(box, shade(share), { width: 1 + 1.5 * share, alpha: 0.35 + 0.65 * share });
  }

  drawMark(pen, item) {
    const row = item && this.find(item);
    if (!row) return;
    if (item.object === undefined) pen.box(this.data.corners(row.prior), EXTRA.theme.white, { width: 1.5, dashed: Boolean(row.decoded), rim: true });
    if (row.decoded) pen.box(row.decoded, EXTRA.theme.white, { width: 3, rim: true });
    else if (item.object === undefined) pen.box(this.data.corners(row.prior), EXTRA.theme.white, { width: 3, rim: true });
  }
}

function nameOf(image) {
  const name = image.name || image.path;
  return name ? lastPart(name) : "-";
}

// From cheap to dear, as in the PNG pictures.
function shade(share) {
  const place = share * (EXTRA.shades.length - 1);
  const low = Math.min(Math.floor(place), EXTRA.shades.length - 2);
  return EXTRA.shades[low].map((from, part) => Math.round(from + (EXTRA.shades[low + 1][part] - from) * (place - low)));
}
