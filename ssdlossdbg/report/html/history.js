// The page of `history`: the course of a training with what stands out in it, what is learnt by class, size and level,
// and the objects that are not.

const STATES = ["learnt", "never learnt", "forgotten", "taken for another", "open"];
const STATE_WORDS = { "never learnt": "\u2715 never learnt", forgotten: "\u25bc forgotten", "taken for another": "\u21c4 taken for another", open: "\u25cb open" };
const STATE_TONES = { "never learnt": "bad", "taken for another": "bad", forgotten: "doubtful", open: "" };
const REASON_HELP = "no positive: no prior reaches it; prior lost: its best prior is another object's; forced only: no prior reaches the threshold";
const GROUPINGS = [
  ["class", "class"],
  ["size", "size"],
  ["level", "level"],
];
const MEASURES = [
  { key: "right", name: "right", words: "Of the objects, the share whose class is likeliest at their best positive prior.", low: 0, high: 1, form: (value) => percent(value) },
  { key: "cost", name: "mean loss", words: "Loss of the positives, boxes and classes, for each of them.", low: 0 },
  { key: "positives", name: "positives", words: "Positive priors in a sampled batch.", low: 0 },
];
const LINES_AT_FIRST = 8;
const MOST_SWITCHES = 24;
const MOST_IMAGES = 3; // of a batch in the table; the panel names all
const SMALL = 0.12; // of the photo's side, below which an object is shown by itself, too

function pageTitle() {
  const { steps, loss, events, objects } = DOCUMENT;
  const known = loss.map(toNumber).filter((value) => !Number.isNaN(value));
  const course = known.length ? `, loss ${short(known[0])} to ${short(known[known.length - 1])}` : "";
  const unlearnt = objects.filter(({ state }) => state !== "open").length;
  return `${count(steps, "step")}${course}, ${count(events.length, "event")}, ${count(unlearnt, "object")} not learnt`;
}

async function makePage(root) {
  const arrays = await unpackAll(EXTRA.arrays);
  const photos = await Promise.all(EXTRA.photos.map((uri) => loadPhoto(uri)));
  const view = new HistoryPage(arrays, photos);
  window.report.page = view;
  root.append(...view.sections());
}

class HistoryPage {
  constructor(arrays, photos) {
    this.course = new Course(arrays);
    this.groups = new GroupsOverTime();
    this.objects = new Objects(arrays, photos);
  }

  sections() {
    const { run, ranks, first_step, last_step, epochs, seconds, criterion, dialect, sampled, known_objects, states, easiest } = DOCUMENT;
    const tiles = STATES.map((state, place) => [state, states[place] ?? 0]);
    const tones = { learnt: "good", ...STATE_TONES };
    const help = { open: "seen too rarely, or too little is learnt at all" };
    return [
      facts([
        ["run", `${run}: steps ${whole(first_step)} to ${whole(last_step)}, ${epochs ? `${count(epochs, "epoch")}, ` : ""}${ranks > 1 ? `${count(ranks, "process", "processes")}, ` : ""}${duration(seconds)}`],
        ["criterion", `${criterion || "not known"}${dialect ? `, as ${dialect}` : ""}`],
        ["sampled", `${count(sampled, "batch", "batches")}, ${count(known_objects, "object")} told apart`],
        ["easiest", easiest ? `${count(easiest, "object")} that cost a hundredth of all together` : ""],
      ]),
      known_objects ? el("div", { class: "tiles" }, tiles.map(([state, number]) => tile(number, state, help[state], number ? tones[state] : ""))) : null,
      ...this.course.sections(),
      ...this.groups.sections(),
      ...this.objects.sections(),
    ].filter((made) => made !== null);
  }
}

function duration(seconds) {
  if (seconds < 60) return `${fixed(seconds, 0)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// A value among words: its name, and the number as the document or the rows have it.
function fact(name, value, shown) {
  return [el("dt", {}, name), el("dd", { "data-value": JSON.stringify(value ?? null) }, shown ?? (typeof value === "number" ? short(value) : fixed(value, 4)))];
}

// A choice of one from a few, by mouse and by keyboard.
function choice(label, words, value, change) {
  const made = el("select", { "aria-label": label, onchange: () => change(made.value) }, words.map(([key, shown]) => el("option", { value: key }, shown)));
  made.value = value;
  return el("label", { class: "choice" }, label, made);
}

// Step by step: losses, learning rate, gradients, and what stands out.
class Course {
  constructor(arrays) {
    this.arrays = arrays;
    this.about = el("div", { class: "about", "aria-live": "polite" });
    this.rank = 0;
    const { part_steps, events } = DOCUMENT;
    this.isWhole = Boolean(arrays.step);
    this.parts = part_steps;
    this.table = this.makeTable();
    const known = this.isWhole ? Array.from(arrays.loss).filter((value) => value > 0 && Number.isFinite(value)) : [];
    const middle = known.sort((a, b) => a - b)[known.length >> 1];
    this.isLog = known.length > 0 && known[known.length - 1] > 8 * middle;
    this.ranks = this.isWhole ? [...new Set(arrays.rank)] : [0];
    this.take();
    this.plot = new Plot({
      strips: this.strips(),
      stops: this.stops,
      marks: events.map((event) => ({ x: event.step, tone: toneOf(event.kind), words: `step ${event.step}: ${event.kind}` })),
      span: [Math.min(DOCUMENT.first_step, ...this.stops.slice(0, 1)), Math.max(DOCUMENT.last_step, ...this.stops.slice(-1))],
      point: (step) => this.show(step),
      label: "Losses, learning rate and gradient norm over the steps. Left and right move the cursor, n and p go to what stands out, plus and minus zoom, 0 shows all.",
    });
    this.show(null);
  }

  // The rows of one process, those of the training apart from those of a validation.
  take() {
    const { arrays: a } = this;
    this.at = new Map();
    this.lines = { validation: { xs: [], ys: [] } };
    const names = ["loss", "localization", "confidence", "rate", "norm"];
    for (const name of names) this.lines[name] = { xs: [], ys: [] };
    if (!this.isWhole) {
      const held = { loss: DOCUMENT.loss, rate: DOCUMENT.rate, norm: DOCUMENT.norm };
      for (const [name, values] of Object.entries(held)) this.lines[name] = { xs: this.parts, ys: values.map(toNumber) };
      this.stops = this.parts;
      return;
    }
    for (let place = 0; place < a.step.length; place += 1) {
      if (a.rank[place] !== this.rank) continue;
      const step = a.step[place];
      if (a.validation[place]) {
        this.lines.validation.xs.push(step);
        this.lines.validation.ys.push(a.loss[place]);
      } else {
        for (const name of names) {
          this.lines[name].xs.push(step);
          this.lines[name].ys.push(a[name][place]);
        }
      }
      this.at.set(step, place);
    }
    this.stops = [...this.at.keys()];
  }

  strips() {
    const line = (key, name, tone, more = {}) => ({ name, tone, ...this.lines[key], ...more });
    const has = (key) => this.lines[key].ys.some((value) => !Number.isNaN(value));
    const losses = [line("loss", "loss", 0, { crossesNaN: this.isWhole })];
    if (has("localization")) losses.push(line("localization", "boxes", 1));
    if (has("confidence")) losses.push(line("confidence", "classes", 2));
    if (this.lines.validation.xs.length) losses.push(line("validation", "validation", 4, { dots: true }));
    this.named = losses;
    const made = [{ title: this.isWhole ? "loss" : "loss, medians of each part of the run", height: 230, log: this.isLog, lines: losses }];
    if (has("rate")) made.push({ title: "learning rate", height: 56, lines: [line("rate", "learning rate", 3)], low: 0 });
    if (has("norm")) made.push({ title: "gradient norm", height: 70, lines: [line("norm", "gradient norm", 5)], low: 0 });
    return made;
  }

  sections() {
    const legend = el(
      "div",
      { class: "pieces-words" },
      this.named.map(({ name, tone }) => el("span", {}, lineSign(tone), name)),
      el("span", {}, el("span", { class: "mark-sign" }, "\u25bc"), "what stands out"),
      this.isWhole && this.arrays.loss.some((value) => !Number.isFinite(value)) ? el("span", {}, el("span", { class: "odd-sign" }, "\u2715"), "not finite") : null,
    );
    const controls = [toggle("logarithmic", this.isLog, (on) => this.setLog(on))];
    if (this.ranks.length > 1) controls.push(choice("process", this.ranks.map((rank) => [rank, rank]), this.rank, (rank) => this.setRank(Number(rank))));
    const words = "Drag over a stretch to see it closer. Move the pointer, or click and use the arrow keys, to read each step; n and p go to what stands out.";
    return [
      section(
        "The course of the run",
        words,
        el("div", { class: "toggles" }, controls),
        legend,
        el("div", { class: "beside" }, this.plot.element, el("div", { class: "panel" }, this.about)),
      ),
      DOCUMENT.events.length ? section("What stands out", "Choose one to see it above.", this.table.element) : section("What stands out", "Nothing does."),
    ];
  }

  setLog(on) {
    this.isLog = on;
    this.plot.update(this.strips());
  }

  setRank(rank) {
    this.rank = rank;
    this.take();
    this.plot.stops = this.stops;
    this.plot.update(this.strips());
  }

  show(step) {
    this.table.select(step === null ? null : (DOCUMENT.events.findIndex((event) => event.step === step) ?? null), true);
    if (step === null) {
      this.about.replaceChildren(el("p", { class: "words" }, "Point at a step to read it."));
      return;
    }
    const { arrays: a } = this;
    const place = this.at.get(step);
    const values = (name) => (place === undefined ? NaN : a[name][place]);
    const rows = [];
    if (this.isWhole && place !== undefined) {
      if (a.epoch[place]) rows.push(fact("epoch", a.epoch[place]));
      if (a.validation[place]) rows.push(fact("validation", 1, "yes"));
      for (const [name, key] of [["loss", "loss"], ["boxes", "localization"], ["classes", "confidence"], ["learning rate", "rate"], ["gradient norm", "norm"]]) {
        if (!Number.isNaN(values(key)) || key === "loss") rows.push(fact(name, values(key), Number.isFinite(values(key)) ? String(Number(values(key).toPrecision(5))) : WORDS[String(values(key))]));
      }
    } else {
      for (const [name, key] of [["loss", "loss"], ["learning rate", "rate"], ["gradient norm", "norm"]]) rows.push(fact(name, valueAt(this.lines[key], step)));
    }
    const events = DOCUMENT.events.filter((event) => event.step === step);
    this.about.replaceChildren(
      el("h3", {}, this.isWhole ? `Step ${whole(step)}` : `From step ${whole(step)} on`),
      el("dl", { class: "facts" }, rows.flat()),
      ...events.map((event) => this.eventWords(event)),
    );
  }

  eventWords(event) {
    const usual = event.usual === null ? "" : `, usually ${short(toNumber(event.usual))}`;
    const after = event.before === null || event.after === null ? "" : ` The loss went from ${short(toNumber(event.before))} to ${short(toNumber(event.after))}.`;
    const images = event.images.filter(Boolean);
    return el(
      "div",
      { class: `event ${toneOf(event.kind)}` },
      el("p", {}, el("b", {}, event.kind), DOCUMENT.ranks > 1 ? ` in process ${event.rank}` : "", `: ${short(toNumber(event.value))}${usual}.${after}`),
      event.cause ? el("p", {}, event.cause) : null,
      images.length ? el("p", { class: "words" }, `Images: ${images.map(lastPart).join(", ")}`) : null,
      event.file ? el("p", { class: "command" }, `$ ssdlossdbg loss ${event.file}`) : el("p", { class: "words" }, "Its batch was not saved."),
    );
  }

  makeTable() {
    const number = (key) => ({ value: (row) => row[key], show: (row) => (row[key] === null ? "-" : short(toNumber(row[key]))) });
    const columns = [
      { title: "step", value: (row) => row.step, show: (row) => whole(row.step) },
      { title: "epoch", value: (row) => row.epoch },
      ...(DOCUMENT.ranks > 1 ? [{ title: "process", value: (row) => row.rank }] : []),
      { title: "what", value: (row) => row.kind, left: true },
      { title: "value", ...number("value") },
      { title: "usual", ...number("usual"), help: "median of those before" },
      { title: "learning rate", ...number("rate") },
      { title: "gradient norm", ...number("norm") },
      { title: "loss before", ...number("before"), help: "median of the twenty steps before" },
      { title: "loss after", ...number("after"), help: "median of the twenty steps after" },
      { title: "cause", value: (row) => row.cause, left: true, wrap: true },
      { title: "images", value: (row) => row.images.join(", "), show: (row) => imagesOf(row), left: true, wrap: true },
    ];
    const places = new Map(DOCUMENT.events.map((event, place) => [event, place]));
    return new SortedTable(columns, DOCUMENT.events, {
      caption: "Events",
      key: (row) => places.get(row),
      choose: (row) => this.plot.moveTo(row.step),
    });
  }
}

function imagesOf(event) {
  const names = event.images.map((name) => (name ? lastPart(name) : "not known"));
  const more = names.length > MOST_IMAGES ? ` and ${names.length - MOST_IMAGES} more` : "";
  return names.slice(0, MOST_IMAGES).join(", ") + more || (event.file ? lastPart(event.file) : "not saved");
}

function toneOf(kind) {
  return { "not finite": "bad", raised: "bad", spike: "doubtful", "learning rate": "note" }[kind] || "note";
}

// Classes, sizes and levels from part to part of the run.
class GroupsOverTime {
  constructor() {
    this.by = GROUPINGS.map(([key]) => key).find((by) => this.of(by).length) || null;
    if (!this.by) return;
    this.measure = MEASURES[0];
    this.hidden = new Set();
    this.words = el("p", { class: "words" });
    this.legend = el("div", { class: "toggles" });
    this.tableHolder = el("div", {});
    this.about = el("div", { class: "about", "aria-live": "polite" });
    const steps = DOCUMENT.part_steps;
    this.plot = new Plot({
      strips: [],
      stops: steps,
      span: [steps[0], DOCUMENT.last_step],
      point: (step) => this.show(step),
      label: "Groups of objects over the parts of the run, each from its first step on.",
    });
    this.setBy(this.by);
  }

  of(by) {
    return DOCUMENT.groups.filter((group) => group.by === by && group.objects);
  }

  sections() {
    if (!this.by) return [];
    const there = GROUPINGS.filter(([by]) => this.of(by).length);
    return [
      section(
        "What is learnt",
        "By class, size and level, over the parts of the run. Choose one in the table to show its line, or to hide it.",
        el(
          "div",
          { class: "toggles" },
          choice("by", there, this.by, (by) => this.setBy(by)),
          choice("what", MEASURES.map(({ key, name }) => [key, name]), this.measure.key, (key) => this.setMeasure(key)),
        ),
        this.words,
        this.legend,
        el("div", { class: "beside" }, this.plot.element, el("div", { class: "panel" }, this.about)),
        this.tableHolder,
      ),
    ];
  }

  setBy(by) {
    this.by = by;
    this.shown = [...this.of(by)].sort((a, b) => b.objects - a.objects);
    this.hidden = new Set(this.shown.slice(LINES_AT_FIRST).map(({ key }) => key));
    this.table = this.makeTable();
    this.tableHolder.replaceChildren(this.table.element);
    this.plot.marks = this.of(by).flatMap((group) => [
      ...(group.lost_at === null ? [] : [{ x: group.lost_at, tone: "doubtful", words: `${group.name}: shown no more` }]),
      ...(group.forgotten_at === null ? [] : [{ x: group.forgotten_at, tone: "bad", words: `${group.name}: no longer found` }]),
    ]);
    this.refresh();
    this.show(null);
  }

  // Show the line of a group, or hide it.
  set(group, on) {
    if (on) this.hidden.delete(group.key);
    else this.hidden.add(group.key);
    this.refresh();
  }

  // A switch for each of the largest groups, and for those that were chosen in the table.
  drawLegend() {
    const held = this.shown.map((group, place) => ({ group, place, on: !this.hidden.has(group.key) })).filter(({ on, place }) => on || place < MOST_SWITCHES);
    const focused = [...this.legend.children].indexOf(document.activeElement);
    this.legend.replaceChildren(...held.map(({ group, place, on }) => toggle(group.name, on, (now) => this.set(group, now), lineSign(place % TONES))));
    this.legend.children[focused]?.focus();
  }

  setMeasure(key) {
    this.measure = MEASURES.find((measure) => measure.key === key);
    this.refresh();
    this.show(this.plot.cursor);
  }

  refresh() {
    const { name: title, words, low, high, form, key } = this.measure;
    this.words.textContent = `${words} A line ends where there are no more objects.`;
    const lines = this.shown
      .map((group, place) => ({ group, name: group.name, tone: place % TONES, xs: DOCUMENT.part_steps, ys: (group[key] || []).map(toNumber), dots: true }))
      .filter(({ group }) => !this.hidden.has(group.key));
    this.drawLegend();
    this.plot.update([{ title, height: 220, low, high, form, lines }]);
  }

  show(step) {
    const place = step === null ? -1 : DOCUMENT.part_steps.indexOf(step);
    if (place < 0) {
      const told = this.plot.marks.map(({ x, words }) => el("p", {}, `Step ${whole(x)}: ${words}.`));
      this.about.replaceChildren(el("p", { class: "words" }, "Point at a part of the run to read it."), ...told);
      return;
    }
    const { key, form, name } = this.measure;
    const end = DOCUMENT.part_steps[place + 1];
    this.about.replaceChildren(
      el("h3", {}, `Steps ${whole(step)} to ${whole(end === undefined ? DOCUMENT.last_step : end - 1)}: ${name}`),
      el("dl", { class: "facts" }, this.shown.filter((group) => !this.hidden.has(group.key)).flatMap((group) => {
        const value = group[key]?.[place];
        return fact(group.name, value, form && typeof value === "number" ? form(value) : undefined);
      })),
    );
  }

  makeTable() {
    const ends = (key, at, form) => ({
      value: (row) => known(row[key]).at(at) ?? null,
      show: (row) => form(known(row[key]).at(at)),
    });
    const share = (value) => (value === undefined ? "-" : percent(value));
    const number = (value) => (value === undefined ? "-" : short(toNumber(value)));
    const columns = [
      { title: this.by, value: (row) => row.name, left: true },
      { title: "objects", value: (row) => row.objects, show: (row) => whole(row.objects), help: "in all samples together" },
      { title: "unmatched", value: (row) => row.unmatched, show: (row) => percent(row.unmatched, 1) },
      { title: "forced only", value: (row) => row.forced_only, show: (row) => percent(row.forced_only, 1) },
      { title: "right, start to end", value: (row) => row.right, show: (row) => spark(row.right, 0, 1), left: true },
      { title: "first", ...ends("right", 0, share) },
      { title: "last", ...ends("right", -1, share) },
      { title: "mean loss, start to end", value: (row) => row.cost, show: (row) => spark(row.cost, 0), left: true },
      { title: "mean loss last", ...ends("cost", -1, number) },
      { title: "positives last", ...ends("positives", -1, number), help: "per sampled batch" },
      { title: "gone from", value: (row) => row.lost_at, show: (row) => whole(row.lost_at), help: "the step from which no batch holds it" },
      { title: "forgotten from", value: (row) => row.forgotten_at, show: (row) => whole(row.forgotten_at), help: "the step from which it is not found any more" },
    ].filter(({ title }) => !/ from$/.test(title) || this.of(this.by).some((row) => (title[0] === "g" ? row.lost_at : row.forgotten_at) !== null));
    return new SortedTable(columns, this.of(this.by), {
      caption: "Groups",
      key: (row) => row.key,
      choose: (row) => this.set(row, this.hidden.has(row.key)),
    });
  }
}

function known(values) {
  return (values || []).filter((value) => !Number.isNaN(toNumber(value)));
}

// The objects that are not learnt: narrowed by what became of them, class, size and reason; one of them large.
class Objects {
  constructor(arrays, photos) {
    Object.assign(this, { arrays, photos });
    const rows = DOCUMENT.objects.map((row, place) => ({ ...row, place }));
    this.rows = rows;
    this.filters = { class: "", size: "", reason: "", state: "" };
    this.starts = [0];
    for (const number of arrays.sample_count || []) this.starts.push(this.starts[this.starts.length - 1] + number);
    this.words = el("p", { class: "words", "aria-live": "polite" });
    this.chosen = null;
    this.table = this.makeTable();
    this.panel = el("div", { class: "about one-object", "aria-live": "polite" }, el("p", { class: "words" }, "Point at an object, or choose it."));
    const under = (event) => event.target.closest?.("tr")?.dataset.key;
    const look = (event) => under(event) !== undefined && this.show(this.rows[Number(under(event))]);
    this.table.body.addEventListener("pointerover", look);
    this.table.body.addEventListener("focusin", look);
    this.table.body.addEventListener("pointerleave", () => this.chosen && this.show(this.chosen));
    this.refresh();
  }

  sections() {
    if (!DOCUMENT.known_objects) return [];
    if (!this.rows.length) return [section("Objects that are not learnt", "All of them are learnt.")];
    const options = (key, name) => {
      const found = [...new Set(this.rows.map((row) => row[key]))];
      return [["", `all (${found.length})`], ...found.sort((a, b) => a.localeCompare(b)).map((value) => [value, `${name ? name(value) : value} (${this.rows.filter((row) => row[key] === value).length})`])];
    };
    const sizes = [...new Set(this.rows.map((row) => sizeName(row.side)))];
    const order = (name) => SIDES.indexOf(name);
    const bySize = [["", `all (${sizes.length})`], ...sizes.sort((a, b) => order(a) - order(b)).map((name) => [name, `${name} (${this.rows.filter((row) => sizeName(row.side) === name).length})`])];
    const narrowed = (name) => (value) => {
      this.filters[name] = value;
      this.refresh();
    };
    return [
      section(
        "Objects that are not learnt",
        "The dearest first. A probability is that of its class at its best positive prior.",
        el(
          "div",
          { class: "toggles" },
          choice("state", options("state"), "", narrowed("state")),
          choice("class", options("label_name"), "", narrowed("class")),
          choice("size", bySize, "", narrowed("size")),
          choice("reason", options("reason"), "", narrowed("reason")),
        ),
        this.words,
        el("div", { class: "beside" }, el("div", { class: "growing" }, this.table.element), el("div", { class: "panel" }, this.panel)),
      ),
    ];
  }

  refresh() {
    const { filters } = this;
    const kept = this.rows.filter(
      (row) =>
        (!filters.state || row.state === filters.state) &&
        (!filters.class || row.label_name === filters.class) &&
        (!filters.size || sizeName(row.side) === filters.size) &&
        (!filters.reason || row.reason === filters.reason),
    );
    this.found = kept.length;
    this.words.textContent = `${count(kept.length, "object")} of ${whole(this.rows.length)}.`;
    this.table.update(kept);
  }

  makeTable() {
    const share = (value) => fixed(value, 2);
    const columns = [
      { title: "image", value: (row) => row.name || row.image, show: (row) => imageName(row), left: true },
      { title: "class", value: (row) => row.label_name, left: true },
      { title: "px", value: (row) => row.side, show: (row) => fixed(row.side, 0), help: "side of a square of its area, in the network's input" },
      { title: "status", value: (row) => row.state, show: (row) => STATE_WORDS[row.state] || row.state, left: true },
      { title: "reason", value: (row) => row.reason, left: true, help: REASON_HELP },
      { title: "mean loss", value: (row) => row.cost, show: (row) => short(toNumber(row.cost)) },
      { title: "last p", value: (row) => row.probability[2], show: (row) => share(row.probability[2]) },
      { title: "best IoU", value: (row) => row.best_iou, show: (row) => share(row.best_iou) },
      { title: "taken for", value: (row) => (row.state === "taken for another" ? row.rival_name : row.taken_name), left: true, help: "the class that was likeliest there last, or that speaks against its label" },
      { title: "sure", value: (row) => row.sure, show: (row) => share(row.sure), help: "how likely that was" },
      { title: "first p", value: (row) => row.probability[0], show: (row) => share(row.probability[0]) },
      { title: "best p", value: (row) => row.probability[1], show: (row) => share(row.probability[1]) },
      { title: "positives", value: (row) => row.positives, show: (row) => short(toNumber(row.positives)) },
      { title: "seen", value: (row) => row.seen, show: (row) => whole(row.seen), help: "in so many samples" },
    ];
    return new SortedTable(columns, [], {
      caption: "Objects",
      key: (row) => row.place,
      choose: (row) => this.choose(row),
      most: 25,
      tone: (row) => STATE_TONES[row.state] || "",
    });
  }

  choose(row) {
    this.chosen = row;
    this.table.select(row.place, false);
    this.show(row);
  }

  show(row) {
    if (this.shown === row) return;
    this.shown = row;
    const photo = this.photos[EXTRA.photo_of[row.place]];
    const isMoved = EXTRA.moved[row.place];
    const isLess = row.unsure ? "It could not always be told from others of its class in the image." : "";
    const placed = photo ? (isMoved ? "Its place changes from epoch to epoch, and is not shown." : "") : "Its photo is not part of this page.";
    this.panel.replaceChildren(
      el("h3", {}, `${imageName(row)}, ${row.label_name}`),
      ...(photo ? this.thumbnails(row, photo, !isMoved) : []),
      el("p", { class: "words" }, `${placed} ${isLess}`),
      el("dl", { class: "facts" }, [
        fact("state", row.state, STATE_WORDS[row.state] || row.state),
        fact("reason", row.reason, `${row.reason}, best IoU ${fixed(row.best_iou, 2)}, by shape ${fixed(row.shape_iou, 2)}`),
        fact("last taken for", row.taken_name, `${row.taken_name}, ${percent(row.sure)} sure`),
        ...(row.rival ? [fact("rather", row.rival_name, `${row.rival_name}, far likelier in ${whole(row.against)} of ${count(row.judged, "sample")}`)] : []),
        fact("seen", row.seen, `${whole(row.seen)} times, steps ${whole(row.first_step)} to ${whole(row.last_step)}`),
      ].flat()),
      this.coursePlot(row),
    );
  }

  // The photo with the object, and what lies around one that is small, as [x1, y1, x2, y2] of the photo.
  thumbnails(row, photo, hasBox) {
    const [x1, y1, x2, y2] = row.box.map(toNumber);
    const made = [this.thumbnail(row, photo, hasBox, [0, 0, 1, 1], "The photo with the object")];
    const side = Math.max(x2 - x1, y2 - y1);
    if (hasBox && side > 0 && side < SMALL) {
      const [x, y, reach] = [(x1 + x2) / 2, (y1 + y2) / 2, Math.max(0.03, 2 * side)];
      made.push(this.thumbnail(row, photo, true, [x - reach, y - reach, x + reach, y + reach], "The object and what is around it"));
    }
    return made;
  }

  thumbnail(row, photo, hasBox, [left, top, right, bottom], label) {
    const [wide, high] = [photo.naturalWidth * (right - left), photo.naturalHeight * (bottom - top)];
    const isWhole = right - left === 1;
    const width = isWhole ? 420 : 210;
    const canvas = el("canvas", { class: "thumbnail", width, height: Math.max(1, Math.round((width * high) / wide)), role: "img", "aria-label": label });
    const ink = canvas.getContext("2d");
    ink.drawImage(photo, photo.naturalWidth * left, photo.naturalHeight * top, wide, high, 0, 0, canvas.width, canvas.height);
    if (hasBox) {
      const placed = (box) => box.map((value, at) => (at % 2 ? ((value - top) / (bottom - top)) * canvas.height : ((value - left) / (right - left)) * canvas.width));
      new Pen(ink, { width: canvas.width, height: canvas.height, placed }).box(row.box.map(toNumber), EXTRA.theme.red, { width: isWhole ? 2.5 : 1.5, rim: true, dashed: row.reason === "forced only" });
    }
    return canvas;
  }

  coursePlot(row) {
    const { arrays: a, starts } = this;
    const [from, to] = [starts[row.place], starts[row.place + 1]];
    if (to === undefined) return el("p", { class: "words" }, "Its samples are not part of this page.");
    const steps = Array.from(a.sample_step.slice(from, to));
    const line = (array, tone) => ({ name: "", tone, xs: steps, ys: Array.from(array.slice(from, to)), dots: steps.length <= 40 });
    const said = el("p", { class: "words", "aria-live": "polite" });
    const plot = new Plot({
      strips: [
        { title: "probability of its class", height: 90, low: 0, high: 1, form: (value) => percent(value), lines: [line(a.sample_probability, 1)] },
        { title: "loss", height: 60, low: 0, lines: [line(a.sample_cost, 2)] },
      ],
      stops: steps,
      span: [DOCUMENT.first_step, DOCUMENT.last_step],
      point: (step) => {
        const at = steps.indexOf(step);
        said.textContent = at < 0 ? "" : `Step ${whole(step)}: ${percent(a.sample_probability[from + at], 1)}, loss ${short(a.sample_cost[from + at])}.`;
      },
      label: "The object's probability and loss in each sample.",
    });
    return el("div", {}, plot.element, said);
  }
}

function imageName(row) {
  return `${row.name ? lastPart(row.name) : `image ${row.image}`}${row.unsure ? " ?" : ""}`;
}

// As in the groups by size.
const BOUNDS = [16, 32, 64, 128, 256];
const SIDES = ["not known", `up to ${BOUNDS[0]} px`, ...BOUNDS.slice(1).map((bound, place) => `${BOUNDS[place]} to ${bound} px`), `above ${BOUNDS[BOUNDS.length - 1]} px`];

function sizeName(side) {
  if (typeof side !== "number") return SIDES[0];
  const place = BOUNDS.findIndex((bound) => side <= bound);
  return SIDES[(place < 0 ? BOUNDS.length : place) + 1];
}
