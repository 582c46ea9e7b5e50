// Lines over steps in strips above one another: what lies under the pointer, zoom by dragging, and the keyboard.

const STRIP_GAP = 14;
const LEFT_ROOM = 62; // for the numbers of an axis
const MOST_POINTS = 4000; // of a line, beyond which each column of pixels shows its lowest and highest
const TONES = 8; // lines are told apart by colour and dash; the style sheet has as many

function svg(tag, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, String(value));
  }
  made.append(...children.flat(2).filter((child) => child !== null && child !== undefined));
  return made;
}

// A number as short as its size allows.
function short(value) {
  if (!Number.isFinite(value)) return WORDS[String(value)];
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1).replace("e+", "e");
  return String(Number(value.toPrecision(3)));
}

// strips: [{title, height, log, low, high, form, lines: [{name, xs, ys, tone, dots}]}]; `stops` are the places that
// the cursor goes to; marks: [{x, tone, words}]; `span` is the least and the greatest place; `point(x)` hears of the
// cursor, null where there is none; `label` says what it is to who cannot see it.
class Plot {
  constructor({ strips, stops, marks, span, point, label }) {
    Object.assign(this, { strips, stops, marks: marks || [], point: point || (() => {}) });
    this.span = span[0] < span[1] ? span : [span[0] - 0.5, span[1] + 0.5];
    this.range = [...this.span];
    this.cursor = null;
    this.svg = svg("svg", { tabindex: 0, role: "img", "aria-label": label });
    const button = (words, help, act) => el("button", { type: "button", title: help, "aria-label": help, onclick: act }, words);
    this.out = button("show all", "Show the whole run", () => this.fit());
    this.out.hidden = true;
    this.element = el("div", { class: "plot" }, this.svg, this.out);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  update(strips) {
    this.strips = strips;
    this.draw();
  }

  listen() {
    let from = null;
    const at = (event) => event.clientX - this.svg.getBoundingClientRect().left;
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      from = at(event);
      if (event.pointerType === "mouse") this.svg.setPointerCapture(event.pointerId);
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (from !== null && Math.abs(at(event) - from) > 5) this.select(from, at(event));
      else this.moveTo(this.nearest(this.step(at(event))));
    });
    this.svg.addEventListener("pointerup", (event) => {
      if (from !== null && Math.abs(at(event) - from) > 5) this.zoomTo(this.step(Math.min(from, at(event))), this.step(Math.max(from, at(event))));
      else this.moveTo(this.nearest(this.step(at(event))));
      from = null;
      this.select(0, 0);
    });
    this.svg.addEventListener("pointercancel", () => {
      from = null;
      this.select(0, 0);
    });
    this.svg.addEventListener("dblclick", () => this.fit());
    this.svg.addEventListener("keydown", (event) => {
      const by = event.shiftKey ? 10 : 1;
      const act = {
        ArrowLeft: () => this.moveBy(-by),
        ArrowRight: () => this.moveBy(by),
        Home: () => this.moveTo(this.stops[0]),
        End: () => this.moveTo(this.stops[this.stops.length - 1]),
        n: () => this.toMark(1),
        p: () => this.toMark(-1),
        "+": () => this.zoomBy(2),
        "=": () => this.zoomBy(2),
        "-": () => this.zoomBy(0.5),
        0: () => this.fit(),
        Escape: () => this.moveTo(null),
      }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act();
    });
  }

  x(step) {
    return LEFT_ROOM + ((step - this.range[0]) / (this.range[1] - this.range[0])) * this.inner;
  }

  step(x) {
    return this.range[0] + ((x - LEFT_ROOM) / this.inner) * (this.range[1] - this.range[0]);
  }

  nearest(step) {
    const { stops } = this;
    if (!stops.length) return null;
    const place = firstAtLeast(stops, step);
    if (place === 0) return stops[0];
    if (place === stops.length) return stops[place - 1];
    return step - stops[place - 1] <= stops[place] - step ? stops[place - 1] : stops[place];
  }

  moveBy(places) {
    const now = this.cursor === null ? (places > 0 ? -1 : this.stops.length) : firstAtLeast(this.stops, this.cursor);
    this.moveTo(this.stops[Math.min(this.stops.length - 1, Math.max(0, now + places))] ?? null);
  }

  toMark(way) {
    const from = this.cursor ?? (way > 0 ? -Infinity : Infinity);
    const beyond = this.marks.filter(({ x }) => (way > 0 ? x > from : x < from)).sort((a, b) => way * (a.x - b.x));
    if (beyond.length) this.moveTo(beyond[0].x);
  }

  // Put the cursor at a step, and that into sight.
  moveTo(step) {
    this.cursor = step ?? null;
    if (this.cursor !== null && (step < this.range[0] || step > this.range[1])) {
      const half = (this.range[1] - this.range[0]) / 2;
      this.range = this.inside(step - half, step + half);
      this.draw();
    } else {
      this.drawCursor();
    }
    this.point(this.cursor);
  }

  inside(low, high) {
    const wide = Math.min(high - low, this.span[1] - this.span[0]);
    const start = Math.min(Math.max(low, this.span[0]), this.span[1] - wide);
    return [start, start + wide];
  }

  zoomTo(low, high) {
    const least = (this.span[1] - this.span[0]) / 1e4;
    if (high - low >= least) this.range = [Math.max(low, this.span[0]), Math.min(high, this.span[1])];
    if (!(this.range[1] > this.range[0])) this.range = [...this.span];
    this.draw();
  }

  zoomBy(factor) {
    const middle = this.cursor ?? (this.range[0] + this.range[1]) / 2;
    const half = (this.range[1] - this.range[0]) / factor / 2;
    this.zoomTo(...this.inside(middle - half, middle + half));
  }

  fit() {
    this.range = [...this.span];
    this.draw();
  }

  select(from, to) {
    if (!this.chosen) return;
    this.chosen.setAttribute("x", Math.max(LEFT_ROOM, Math.min(from, to)));
    this.chosen.setAttribute("width", Math.abs(to - from));
  }

  draw() {
    this.width = this.element.clientWidth;
    if (!this.width) return;
    this.inner = Math.max(1, this.width - LEFT_ROOM - 12);
    this.out.hidden = this.range[0] === this.span[0] && this.range[1] === this.span[1];
    const heights = this.strips.map(({ height }) => height + 22 + STRIP_GAP);
    const bottom = heights.reduce((sum, height) => sum + height, 0);
    const height = bottom + 18;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    this.svg.setAttribute("height", height);
    this.places = [];
    let top = 0;
    const made = this.strips.map((strip, place) => {
      const drawn = this.drawStrip(strip, top + 22);
      top += heights[place];
      return drawn;
    });
    this.bottom = bottom - STRIP_GAP;
    this.chosen = svg("rect", { class: "zoomed", x: 0, y: 0, width: 0, height: this.bottom });
    this.cursorGroup = svg("g", { class: "cursor" });
    this.svg.replaceChildren(svg("g", {}, this.steps()), svg("g", {}, this.drawMarks()), ...made, this.chosen, this.cursorGroup);
    this.drawCursor();
  }

  steps() {
    const [low, high] = this.range;
    return ticks(low, high, Math.max(2, Math.floor(this.inner / 90)), true).map((step) => [
      svg("line", { class: "grid", x1: this.x(step), x2: this.x(step), y1: 22, y2: this.bottom }),
      svg("text", { x: this.x(step), y: this.bottom + 15, "text-anchor": "middle" }, whole(step)),
    ]);
  }

  drawMarks() {
    return this.marks
      .filter(({ x }) => x >= this.range[0] && x <= this.range[1])
      .map(({ x, tone, words }) =>
        svg(
          "g",
          { class: `mark ${tone}` },
          svg("title", {}, words),
          svg("line", { x1: this.x(x), x2: this.x(x), y1: 18, y2: this.bottom }),
          svg("path", { d: `M${this.x(x) - 5},8 h10 l-5,9 z` }),
        ),
      );
  }

  drawStrip(strip, top) {
    const lines = strip.lines.map((line) => ({ line, points: this.visible(line) }));
    const scale = scaleOf(strip, lines.flatMap(({ points }) => points.map(([, y]) => y)));
    const bottom = top + strip.height;
    const y = (value) => bottom - Math.min(1.02, Math.max(-0.02, scale.share(value))) * strip.height;
    this.places.push({ strip, y, top, bottom });
    const grid = scale.ticks.map((value) => [
      svg("line", { class: "grid", x1: LEFT_ROOM, x2: LEFT_ROOM + this.inner, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT_ROOM - 6, y: y(value) + 4, "text-anchor": "end" }, strip.form ? strip.form(value) : short(value)),
    ]);
    const drawn = lines.map(({ line, points }) => this.drawLine(line, points, y, top));
    return svg(
      "g",
      {},
      svg("text", { class: "strip-title", x: LEFT_ROOM, y: top - 7 }, strip.title),
      grid,
      svg("svg", { x: LEFT_ROOM - 4, y: top - 6, width: this.inner + 8, height: strip.height + 10, viewBox: `${LEFT_ROOM - 4} ${top - 6} ${this.inner + 8} ${strip.height + 10}` }, drawn),
    );
  }

  drawLine(line, points, y, top) {
    let path = "";
    let isDown = false;
    const lone = [];
    points.forEach(([step, value], at) => {
      if (!Number.isFinite(value)) {
        isDown = false;
        return;
      }
      path += `${isDown ? "L" : "M"}${this.x(step).toFixed(1)},${y(value).toFixed(1)}`;
      const isAlone = !isDown && !Number.isFinite(points[at + 1]?.[1]);
      if (line.dots || isAlone) lone.push(svg("circle", { cx: this.x(step), cy: y(value), r: line.dots ? 3 : 2 }));
      isDown = true;
    });
    const odd = points.filter(([, value]) => value === Infinity || (line.crossesNaN && Number.isNaN(value)));
    const crosses = odd.slice(0, 500).map(([step]) => svg("path", { class: "odd", d: `M${this.x(step) - 3},${top - 3} l6,6 m0,-6 l-6,6` }));
    return svg("g", { class: `line tone-${line.tone}` }, svg("path", { d: path || "M0,0" }), lone, crosses);
  }

  // The points within sight and one on either side; of very many the lowest and highest of each column of pixels.
  visible({ xs, ys }) {
    const from = Math.max(0, firstAtLeast(xs, this.range[0]) - 1);
    const to = Math.min(xs.length, firstAtLeast(xs, this.range[1]) + 2);
    const points = [];
    if (to - from <= MOST_POINTS) {
      for (let at = from; at < to; at += 1) points.push([xs[at], ys[at]]);
      return points;
    }
    let column = null;
    let low, high;
    const close = () => low && points.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
    for (let at = from; at < to; at += 1) {
      const now = Math.floor(this.x(xs[at]));
      if (now !== column) {
        close();
        [column, low, high] = [now, null, null];
      }
      if (!Number.isFinite(ys[at])) points.push([xs[at], ys[at]]);
      else {
        if (!low || ys[at] < low[1]) low = [xs[at], ys[at]];
        if (!high || ys[at] > high[1]) high = [xs[at], ys[at]];
      }
    }
    close();
    return points;
  }

  drawCursor() {
    if (!this.cursorGroup) return;
    const step = this.cursor;
    if (step === null || step < this.range[0] || step > this.range[1]) {
      this.cursorGroup.replaceChildren();
      return;
    }
    const dots = this.places.flatMap(({ strip, y }) =>
      strip.lines.map((line) => {
        const value = valueAt(line, step);
        if (!Number.isFinite(value)) return null;
        return svg("circle", { class: `tone-${line.tone}`, cx: this.x(step), cy: y(value), r: 4 });
      }),
    );
    this.cursorGroup.replaceChildren(
      svg("line", { x1: this.x(step), x2: this.x(step), y1: 18, y2: this.bottom }),
      ...dots.filter((dot) => dot !== null),
    );
  }
}

// The first place in ascending numbers from which they are no less.
function firstAtLeast(numbers, value) {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function valueAt({ xs, ys }, step) {
  const place = firstAtLeast(xs, step);
  return xs[place] === step ? ys[place] : NaN;
}

// Round numbers within a range; whole ones where nothing lies between.
function ticks(low, high, most, areWhole) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  let apart = [1, 2, 5, 10].map((times) => times * power).find((each) => each >= rough * 0.999) || rough;
  if (areWhole) apart = Math.max(1, Math.round(apart));
  const found = [];
  for (let value = Math.ceil(low / apart) * apart; value <= high + apart * 1e-9 && found.length < 50; value += apart) {
    found.push(Math.abs(value) < apart * 1e-9 ? 0 : value);
  }
  return found;
}

// {share(value), ticks}: where values lie between the strip's bottom, 0, and its top, 1.
function scaleOf({ low, high, log, height }, values) {
  const finite = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const bound = (given, pick, otherwise) => given ?? finite.reduce((a, b) => pick(a, b), otherwise);
  let [bottom, top] = [bound(low, Math.min, Infinity), bound(high, Math.max, -Infinity)];
  if (!(bottom <= top)) [bottom, top] = log ? [0.1, 1] : [0, 1];
  if (!log && low === undefined && bottom > 0 && bottom < top / 2) bottom = 0;
  if (log) {
    if (top / bottom < 1.5) [bottom, top] = [bottom / 1.3, top * 1.3];
    const [from, to] = [Math.log10(bottom), Math.log10(top)];
    const decades = [];
    for (let power = Math.floor(from); power <= to; power += 1) {
      for (const times of to - from > 2.5 ? [1] : to - from > 1 ? [1, 3] : [1, 2, 5]) decades.push(times * 10 ** power);
    }
    const within = decades.filter((value) => value >= bottom && value <= top);
    const every = Math.max(1, Math.ceil(within.length / (height / 20)));
    return { share: (value) => (value > 0 ? (Math.log10(value) - from) / (to - from) : 0), ticks: within.filter((_, at) => at % every === 0) };
  }
  if (bottom === top) [bottom, top] = [bottom - Math.abs(bottom) * 0.1 - 1e-12, top + Math.abs(top) * 0.1 + 1e-12];
  return { share: (value) => (value - bottom) / (top - bottom), ticks: ticks(bottom, top, Math.max(2, Math.floor(height / 34))) };
}

// The same stroke as in the plot, for a legend.
function lineSign(tone) {
  return svg("svg", { class: "line-sign", width: 26, height: 10, "aria-hidden": "true" }, svg("g", { class: `line tone-${tone}` }, svg("path", { d: "M0,5 H26" })));
}

// The course of a few numbers in the cell of a table, between two bounds.
function spark(values, low, high) {
  const [width, height] = [90, 18];
  const shown = values.map(toNumber);
  const scale = scaleOf({ low, high, height }, shown);
  let path = "";
  let isDown = false;
  const lone = [];
  shown.forEach((value, at) => {
    if (!Number.isFinite(value)) return void (isDown = false);
    const x = shown.length > 1 ? 2 + (at * (width - 4)) / (shown.length - 1) : width / 2;
    const y = height - 2 - scale.share(value) * (height - 4);
    path += `${isDown ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`;
    if (!isDown && !Number.isFinite(shown[at + 1])) lone.push(svg("circle", { cx: x, cy: y, r: 2 }));
    isDown = true;
  });
  const words = shown.map((value) => short(value)).join(", ");
  return svg("svg", { class: "spark", width, height, role: "img", "aria-label": words }, svg("title", {}, words), svg("g", { class: "line tone-0" }, svg("path", { d: path || "M0,0" }), lone));
}
