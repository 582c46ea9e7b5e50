// The page of `audit`: what becomes of the objects by class, size, shape and level, and the worst of them.

const FATES = [
  ["matched", "matched", "fate-matched"],
  ["forced_only", "forced only", "fate-forced"],
  ["without_positive", "without a positive", "fate-lost"],
  ["invalid", "invalid", "fate-invalid"],
];
const STATUS_WORDS = { matched: "\u25cf matched", "forced-only": "\u25cc forced only", unmatched: "\u25a8 unmatched", invalid: "\u2715 invalid" };
const IN_STRIP = 8; // photos below the list
const ROWS_SHOWN = 500; // of a filtered list, before it asks to be narrowed

function pageTitle() {
  const { totals } = DOCUMENT;
  return `${whole(totals.ground_truth)} objects, ${whole(totals.unmatched)} without a positive, ${whole(totals.forced_only)} forced only`;
}

async function makePage(root) {
  const arrays = await unpackAll(EXTRA.arrays);
  const photos = await Promise.all(DOCUMENT.images_first.map((_, rank) => loadPhoto(EXTRA.photos[rank])));
  const view = new AuditPage(arrays, photos);
  window.report.page = view;
  root.append(...view.sections());
  view.refresh();
}

class AuditPage {
  constructor(arrays, photos) {
    Object.assign(this, { arrays, photos });
    this.filters = new Map(); // by what is filtered: {name, keeps(place)}
    this.count = arrays.status ? arrays.status.length : 0;
    this.words = el("p", { class: "words", "aria-live": "polite" });
    this.clear = el("button", { type: "button", onclick: () => this.clearFilters() }, "show all");
    this.bars = [];
    this.table = this.makeTable();
    this.shownImage = null;
    this.small = new Map(); // photos that were asked for, by image
    this.strip = el("div", { class: "gallery" });
    this.stripWords = el("p", { class: "words" });
    this.heading = el("h3", {});
    this.picture = new Picture({
      photo: null,
      size: DOCUMENT.config.image_size,
      draw: (pen) => this.draw(pen),
      label: "A photo with its objects, those in trouble hatched or crossed.",
    });
    this.command = el("p", { class: "words command" });
    this.large = el("div", { class: "large", hidden: "" }, this.heading, this.picture.element, this.command);
  }

  sections() {
    const { dataset, config, dialect, device, totals, threshold } = DOCUMENT;
    const sound = totals.ground_truth - totals.invalid;
    const made = [
      facts([
        ["dataset", `${dataset.path} (${dataset.format}), ${count(dataset.images, "image")}`],
        ["priors", priorsLine(config)],
        ["dialect", `${dialect}, match threshold ${threshold}, on ${device}`],
        ["left out", dataset.left_out ? `${count(dataset.left_out, "object")} that the dialect's loader drops` : ""],
        ["refused", dataset.refused ? `${count(dataset.refused, "file or part", "files or parts")} that could not be read` : ""],
      ]),
      el(
        "div",
        { class: "tiles" },
        tile(totals.matched, "matched", `of ${count(totals.ground_truth, "object")}`, "good"),
        tile(totals.forced_only, "forced only", "no prior reaches the threshold", totals.forced_only ? "doubtful" : ""),
        tile(totals.without_positive, "without a positive", "train nothing", totals.without_positive ? "bad" : ""),
        tile(totals.invalid, "invalid", "boxes that are none", totals.invalid ? "bad" : ""),
        shareTile(totals.best_possible_recall, "best possible recall", `of ${whole(sound)} sound objects`),
      ),
      el(
        "div",
        { class: "side-by-side" },
        this.histogram("By class", "class", DOCUMENT.classes, (row) => row.label, (row) => this.ofClass(row.label)),
        this.histogram("By size", "size", DOCUMENT.sizes, (row) => `${row.name} px`, (row) => this.ofSize(row), "The root of the area, in pixels of the network's input."),
        this.levelHistogram(),
        this.histogram("By shape", null, DOCUMENT.aspects, (row) => row.name, null, "Width to height, in the network's input."),
      ),
      this.count
        ? section("The worst objects", "", el("div", { class: "toggles" }, this.words, this.clear), this.table.element, this.stripWords, this.strip)
        : section("The worst objects", "They are not part of this report."),
    ];
    if (DOCUMENT.images_first.length) made.push(this.imagesFirst());
    else made.push(this.large);
    made.push(this.recalls());
    return made;
  }

  ofClass(label) {
    const wanted = EXTRA.labels.indexOf(label);
    return (place) => this.arrays.label[place] === wanted;
  }

  ofSize({ low, high }) {
    const { side } = this.arrays;
    return (place) => (low === null || side[place] >= low) && (high === null || side[place] < high) && !Number.isNaN(side[place]);
  }

  // Bars by group, the longest as wide as its cell; a group that is chosen narrows the list of the worst objects.
  histogram(title, kind, groups, name, keeps, words = "") {
    const most = Math.max(1, ...groups.map((row) => row.ground_truth));
    const rows = groups.map((row) => {
      const pieces = FATES.map(([key, label, tone]) => {
        const made = el("span", { class: `piece ${tone}`, title: `${label}: ${whole(row[key])}` });
        made.style.width = `${(100 * row[key]) / most}%`;
        return made;
      });
      const numbers = FATES.filter(([key]) => row[key]).map(([key, label]) => `${whole(row[key])} ${label}`);
      return this.histogramRow(kind, name(row), row.ground_truth, pieces, numbers.join(", ") || "none", keeps && keeps(row));
    });
    const legend = el("div", { class: "pieces-words" }, FATES.map(([, label, tone]) => el("span", {}, el("span", { class: `swatch ${tone}` }), label)));
    return section(title, words, legend, el("div", { class: "histogram", role: "group", "aria-label": title }, rows));
  }

  levelHistogram() {
    const most = Math.max(1, ...DOCUMENT.levels.map((row) => row.ground_truth));
    const rows = DOCUMENT.levels.map((row) => {
      const made = el("span", { class: "piece fate-matched" });
      made.style.width = `${(100 * row.ground_truth) / most}%`;
      const words = `${whole(row.positives)} positives, ${whole(row.forced)} of them forced`;
      return this.histogramRow("level", featureMap(row.feature_map), row.ground_truth, [made], words, (place) => this.arrays.level[place] === row.level);
    });
    const words = "Objects whose best prior is on it, and the positives that it gives.";
    return section("By level", words, el("div", { class: "histogram", role: "group", "aria-label": "By level" }, rows));
  }

  histogramRow(kind, name, number, pieces, words, keeps) {
    const inside = [
      el("span", { class: "name" }, name),
      el("span", { class: "pieces" }, pieces),
      el("span", { class: "number", "data-value": JSON.stringify(number) }, whole(number)),
      el("span", { class: "detail" }, words),
    ];
    if (!keeps || !this.count) return el("div", { class: "histogram-row" }, inside);
    const button = el("button", { type: "button", class: "histogram-row", "aria-pressed": false }, inside);
    button.addEventListener("click", () => this.filter(kind, name, keeps));
    this.bars.push({ button, kind, name });
    return button;
  }

  filter(kind, name, keeps) {
    if (this.filters.get(kind)?.name === name) this.filters.delete(kind);
    else this.filters.set(kind, { name, keeps });
    this.refresh();
  }

  clearFilters() {
    this.filters.clear();
    this.refresh();
  }

  refresh() {
    for (const { button, kind, name } of this.bars) button.setAttribute("aria-pressed", this.filters.get(kind)?.name === name);
    if (!this.count) return;
    const filters = [...this.filters.values()];
    const rows = [];
    let found = 0;
    for (let place = 0; place < this.count; place += 1) {
      if (!filters.every(({ keeps }) => keeps(place))) continue;
      found += 1;
      if (rows.length < ROWS_SHOWN) rows.push(this.row(place));
    }
    const of = filters.map(({ name }) => name).join(", ");
    const more = found > rows.length ? `; the worst ${whole(rows.length)} are listed` : "";
    this.words.textContent = `${count(found, "object")}${of ? ` of ${of}` : ""}${more}. ${of ? "" : "Choose a class, a size or a level above to narrow them."}`;
    this.clear.hidden = !filters.length;
    this.found = found;
    this.table.update(rows);
    this.showStrip(rows);
  }

  // The photo of an image, if this page has one: large of those to look at first, small of others.
  async photoOf(image) {
    const rank = EXTRA.first.indexOf(image);
    if (rank >= 0 && this.photos[rank]) return this.photos[rank];
    if (!EXTRA.small[image]) return null;
    if (!this.small.has(image)) this.small.set(image, loadPhoto(EXTRA.small[image]));
    return this.small.get(image);
  }

  hasPhoto(image) {
    return Boolean(EXTRA.small[image] || (EXTRA.first.includes(image) && this.photos[EXTRA.first.indexOf(image)]));
  }

  // The photos of the objects that are listed.
  async showStrip(rows) {
    const images = [...new Set(rows.map((row) => row.image))];
    const shown = images.filter((image) => this.hasPhoto(image)).slice(0, IN_STRIP);
    const photos = await Promise.all(shown.map((image) => this.photoOf(image)));
    const there = EXTRA.images.filter((_, image) => this.hasPhoto(image)).length;
    if (there) this.stripWords.textContent = `Their photos, of the first ${whole(shown.length)} images. This page has those of ${whole(there)} of ${count(EXTRA.images.length, "image")} with objects; choose one to see it large.`;
    this.strip.replaceChildren(
      ...shown.map((image, at) =>
        el("button", { type: "button", class: "card", onclick: () => this.showImage(image) }, this.thumbnail(photos[at], image), el("div", { class: "name" }, lastPart(EXTRA.images[image][0]))),
      ),
    );
  }

  row(place) {
    const { arrays: a } = this;
    const [name, file] = EXTRA.images[a.image[place]];
    return {
      place,
      name,
      file,
      image: a.image[place],
      index: a.index[place],
      label: EXTRA.labels[a.label[place]],
      status: EXTRA.statuses[a.status[place]],
      width: a.sides[place],
      height: a.sides[this.count + place],
      side: a.side[place],
      level: a.level[place],
      iou: a.iou[place],
      positives: a.positives[place],
      forced: a.forced[place],
    };
  }

  makeTable() {
    return new SortedTable(
      [
        { title: "image", value: (row) => row.name, show: (row) => lastPart(row.name), left: true },
        { title: "#", value: (row) => row.index, help: "place in its image's list" },
        { title: "class", value: (row) => row.label, left: true },
        { title: "status", value: (row) => row.status, show: (row) => STATUS_WORDS[row.status], left: true },
        { title: "size px", value: (row) => row.side, show: (row) => `${fixed(row.width, 1)} x ${fixed(row.height, 1)}`, help: "in the network's input" },
        { title: "best IoU", value: (row) => row.iou, show: (row) => fixed(row.iou, 3) },
        { title: "level", value: (row) => row.level, show: (row) => featureMap(DOCUMENT.levels[row.level].feature_map) },
        { title: "positives", value: (row) => row.positives },
        { title: "forced", value: (row) => row.forced },
      ],
      [],
      { caption: "Worst objects", key: (row) => row.place, choose: (row) => this.choose(row), most: 20, tone: (row) => (row.status === "matched" ? "" : row.status === "forced-only" ? "doubtful" : "bad") },
    );
  }

  choose(row) {
    this.table.select(row.place, false);
    this.chosen = row;
    if (this.hasPhoto(row.image)) this.showImage(row.image);
  }

  imagesFirst() {
    const made = DOCUMENT.images_first.map((image, rank) => {
      const numbers = [
        [image.invalid, "invalid"],
        [image.without_positive, "without a positive"],
        [image.forced_only, "forced only"],
      ];
      const said = numbers.filter(([number]) => number).map(([number, words]) => `${whole(number)} ${words}`);
      const inside = [
        this.photos[rank] ? this.thumbnail(this.photos[rank], EXTRA.first[rank]) : el("div", { class: "no-photo" }, image.photo ? "photo left out" : "photo not found"),
        el("div", { class: "name" }, lastPart(image.name)),
        el("div", { class: "words" }, `${count(image.ground_truth, "object")}: ${said.join(", ")}`),
      ];
      if (!this.photos[rank]) return el("div", { class: "card" }, inside);
      return el("button", { type: "button", class: "card", onclick: () => this.showImage(EXTRA.first[rank], rank) }, inside);
    });
    return section("Images to look at first", "Choose one to see it large, with its objects.", el("div", { class: "gallery" }, made), this.large);
  }

  thumbnail(photo, image) {
    const canvas = el("canvas", { width: 240, height: Math.max(1, Math.round((240 * photo.naturalHeight) / photo.naturalWidth)), "aria-hidden": "true" });
    const ink = canvas.getContext("2d");
    ink.drawImage(photo, 0, 0, canvas.width, canvas.height);
    const pen = new Pen(ink, { width: canvas.width, height: canvas.height, placed: (box) => box.map((value, at) => value * (at % 2 ? canvas.height : canvas.width)) });
    for (const item of this.objectsOf(image)) this.drawObject(pen, item, false);
    return canvas;
  }

  objectsOf(image) {
    if (image === null || image === undefined || !this.count) return [];
    const places = [];
    for (let place = 0; place < this.count; place += 1) if (this.arrays.image[place] === image) places.push(place);
    const box = (place) => [0, 1, 2, 3].map((column) => this.arrays.box[column * this.count + place]);
    return places.map((place) => ({ place, box: box(place), status: EXTRA.statuses[this.arrays.status[place]], index: this.arrays.index[place], label: EXTRA.labels[this.arrays.label[place]] })).reverse();
  }

  // `rank` among those to look at first, of which the document knows more.
  async showImage(image, rank = EXTRA.first.indexOf(image)) {
    const known = DOCUMENT.images_first[rank];
    const photo = rank >= 0 && this.photos[rank] ? this.photos[rank] : await this.photoOf(image);
    this.large.hidden = false;
    this.shownImage = image;
    this.heading.textContent = known ? known.name : EXTRA.images[image][0];
    this.command.textContent = known && known.command ? `$ ${known.command}` : "";
    this.picture.show(photo, [photo.naturalWidth, photo.naturalHeight]);
    this.large.scrollIntoView({ block: "nearest" });
  }

  draw(pen) {
    if (this.shownImage === null) return;
    for (const item of this.objectsOf(this.shownImage)) this.drawObject(pen, item, true);
  }

  drawObject(pen, { place, box, status, index, label }, isLarge) {
    const isTrouble = status === "unmatched" || status === "invalid";
    const colour = isTrouble ? EXTRA.theme.red : colourOf(index);
    const isChosen = isLarge && this.chosen && this.chosen.place === place;
    pen.box(box, isChosen ? EXTRA.theme.white : colour, { width: isChosen ? 4 : isLarge ? 2.5 : 1.5, dashed: status === "forced-only", rim: isLarge });
    if (status === "unmatched") pen.hatch(box, colour);
    if (status === "invalid") pen.cross(box, colour);
    if (isLarge && status !== "matched") pen.chip(box, `${index} ${label} ${status}`, colour, 11);
  }

  recalls() {
    const columns = [
      { title: "threshold", value: (row) => row.threshold, show: (row) => fixed(row.threshold, 2) },
      { title: "best possible recall", value: (row) => row.best_possible_recall, show: (row) => percent(row.best_possible_recall, 1) },
      { title: "by shape alone", value: (row) => row.shape_recall, show: (row) => percent(row.shape_recall, 1), help: "were a prior of every shape centred on the object" },
    ];
    return section("At other thresholds", "", new SortedTable(columns, DOCUMENT.recalls, { caption: "Recalls" }).element);
  }
}

// A share as a large number.
function shareTile(value, label, more) {
  const made = tile(value, label, more);
  made.querySelector(".figure").textContent = percent(value, 1);
  return made;
}
