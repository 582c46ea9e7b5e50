// A photo with boxes: zoom, drag, and what lies under the pointer.

const CLOSE = 9; // pixels from a box's edge within which the pointer means that box
const MOST_ZOOM = 40;
const DIM = 0.35;

// Boxes are [x1, y1, x2, y2] as shares of the photo. `draw(pen)` paints; `hits()` lists {box, item} that the pointer
// may mean, from what lies lowest to what lies on top; `hover(item)` and `choose(item)` hear of it.
class Picture {
  constructor({ photo, size, draw, hits, hover, choose, label }) {
    this.photo = photo;
    this.size = size;
    this.draw = draw;
    this.hits = hits || (() => []);
    this.hover = hover || (() => {});
    this.choose = choose || (() => {});
    this.zoom = 1;
    this.left = 0;
    this.top = 0;
    this.under = null;
    this.canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": label });
    const button = (words, help, act) => el("button", { type: "button", title: help, "aria-label": help, onclick: act }, words);
    this.element = el(
      "div",
      { class: "picture" },
      this.canvas,
      el(
        "div",
        { class: "zoom" },
        button("+", "Zoom in", () => this.zoomBy(1.5)),
        button("\u2212", "Zoom out", () => this.zoomBy(1 / 1.5)),
        button("fit", "Show all", () => this.fit()),
      ),
    );
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  show(photo, size) {
    this.photo = photo;
    this.size = size;
    this.fit();
    this.resize();
  }

  listen() {
    const canvas = this.canvas;
    let dragged = null;
    canvas.addEventListener("pointerdown", (event) => {
      dragged = { x: event.clientX, y: event.clientY, moved: 0 };
      if (this.zoom > 1) canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (dragged && this.zoom > 1) {
        const [dx, dy] = [event.clientX - dragged.x, event.clientY - dragged.y];
        dragged = { x: event.clientX, y: event.clientY, moved: dragged.moved + Math.abs(dx) + Math.abs(dy) };
        this.move(dx, dy);
      } else {
        this.point(event);
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      if (dragged && dragged.moved < 4) {
        this.point(event);
        this.choose(this.under);
      }
      dragged = null;
    });
    canvas.addEventListener("pointercancel", () => (dragged = null));
    canvas.addEventListener("pointerleave", () => this.setUnder(null));
    // The wheel alone scrolls the page, unless the picture was clicked first: nobody is to be caught in it.
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && document.activeElement !== canvas) return;
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY / 300), this.place(event));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => {
      const step = 40;
      const act = {
        ArrowLeft: () => this.move(step, 0),
        ArrowRight: () => this.move(-step, 0),
        ArrowUp: () => this.move(0, step),
        ArrowDown: () => this.move(0, -step),
        "+": () => this.zoomBy(1.5),
        "=": () => this.zoomBy(1.5),
        "-": () => this.zoomBy(1 / 1.5),
        0: () => this.fit(),
        Escape: () => this.choose(null),
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    });
  }

  place(event) {
    const bounds = this.canvas.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  }

  resize() {
    if (matchMedia("print").matches) return; // paper takes what was painted for the screen: nothing is painted any more
    this.element.style.setProperty("--across", this.size[0] / this.size[1]);
    this.width = this.element.clientWidth;
    if (!this.width) return;
    this.height = (this.width * this.size[1]) / this.size[0];
    const dense = window.devicePixelRatio || 1;
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.canvas.width = Math.round(this.width * dense);
    this.canvas.height = Math.round(this.height * dense);
    this.keepInside();
    this.paint();
  }

  fit() {
    [this.zoom, this.left, this.top] = [1, 0, 0];
    this.paint();
  }

  zoomBy(factor, at = [this.width / 2, this.height / 2]) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    const scale = zoom / this.zoom;
    this.left = at[0] - (at[0] - this.left) * scale;
    this.top = at[1] - (at[1] - this.top) * scale;
    this.zoom = zoom;
    this.keepInside();
    this.paint();
  }

  move(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.keepInside();
    this.paint();
  }

  // Bring a box into sight where it is not, or so small that it cannot be seen.
  reveal(box) {
    if (this.zoom === 1) return;
    this.left = this.width / 2 - ((box[0] + box[2]) / 2) * this.width * this.zoom;
    this.top = this.height / 2 - ((box[1] + box[3]) / 2) * this.height * this.zoom;
    this.keepInside();
    this.paint();
  }

  keepInside() {
    this.left = Math.min(0, Math.max(this.width * (1 - this.zoom), this.left));
    this.top = Math.min(0, Math.max(this.height * (1 - this.zoom), this.top));
    this.canvas.style.touchAction = this.zoom > 1 ? "none" : "pan-y";
  }

  // A box in pixels of the canvas; what is not finite goes to the photo's edge.
  placed(box) {
    const at = (value, side, start) => {
      const share = Number.isNaN(value) ? 0 : Math.min(2, Math.max(-1, value));
      return start + share * side * this.zoom;
    };
    const xs = [at(box[0], this.width, this.left), at(box[2], this.width, this.left)].sort((a, b) => a - b);
    const ys = [at(box[1], this.height, this.top), at(box[3], this.height, this.top)].sort((a, b) => a - b);
    return [xs[0], ys[0], xs[1], ys[1]];
  }

  point(event) {
    const [x, y] = this.place(event);
    let [near, nearest, inside, smallest] = [null, CLOSE, null, Infinity];
    for (const hit of this.hits()) {
      const [x1, y1, x2, y2] = this.placed(hit.box);
      const isInside = x >= x1 && x <= x2 && y >= y1 && y <= y2;
      const apart = isInside
        ? Math.min(x - x1, x2 - x, y - y1, y2 - y)
        : Math.hypot(Math.max(x1 - x, 0, x - x2), Math.max(y1 - y, 0, y - y2));
      if (apart <= nearest) [near, nearest] = [hit, apart];
      const area = (x2 - x1) * (y2 - y1);
      if (isInside && area < smallest) [inside, smallest] = [hit, area];
    }
    this.setUnder((near || inside)?.item ?? null);
  }

  setUnder(item) {
    if (item === this.under) return;
    this.under = item;
    this.hover(item);
    this.paint();
  }

  paint() {
    if (this.waiting || !this.width) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.paintNow();
    });
  }

  paintNow() {
    const dense = this.canvas.width / this.width;
    const ink = this.canvas.getContext("2d");
    ink.setTransform(dense, 0, 0, dense, 0, 0);
    ink.fillStyle = rgb(EXTRA.theme.ground);
    ink.fillRect(0, 0, this.width, this.height);
    if (this.photo) {
      ink.imageSmoothingEnabled = this.zoom < 8;
      ink.drawImage(this.photo, this.left, this.top, this.width * this.zoom, this.height * this.zoom);
      ink.fillStyle = `rgb(0 0 0 / ${DIM})`;
      ink.fillRect(0, 0, this.width, this.height);
    }
    this.draw(new Pen(ink, this));
  }
}

// Draws boxes on a picture; meaning by stroke, hatch and words as well as by colour, as on the PNG overlays.
class Pen {
  constructor(ink, picture) {
    this.ink = ink;
    this.picture = picture;
    this.chips = [];
  }

  box(box, colour, { width = 1.5, alpha = 1, dashed = false, rim = false } = {}) {
    const [x1, y1, x2, y2] = this.picture.placed(box);
    if (rim) this.rectangle(x1, y1, x2, y2, rgb(EXTRA.theme.ink, 0.6), width + 2, []);
    this.rectangle(x1, y1, x2, y2, rgb(colour, alpha), width, dashed ? [6, 5] : []);
  }

  rectangle(x1, y1, x2, y2, style, width, dash) {
    this.ink.strokeStyle = style;
    this.ink.lineWidth = width;
    this.ink.setLineDash(dash);
    this.ink.strokeRect(x1, y1, x2 - x1, y2 - y1);
    this.ink.setLineDash([]);
  }

  fill(box, colour, alpha) {
    const [x1, y1, x2, y2] = this.picture.placed(box);
    this.ink.fillStyle = rgb(colour, alpha);
    this.ink.fillRect(x1, y1, x2 - x1, y2 - y1);
  }

  hatch(box, colour) {
    const [x1, y1, x2, y2] = this.picture.placed(box);
    const ink = this.ink;
    ink.save();
    ink.beginPath();
    ink.rect(x1, y1, x2 - x1, y2 - y1);
    ink.clip();
    ink.beginPath();
    const from = Math.max(x1 - (y2 - y1), -this.picture.height);
    for (let x = from; x < Math.min(x2, this.picture.width + this.picture.height); x += 8) {
      ink.moveTo(x, y2);
      ink.lineTo(x + (y2 - y1), y1);
    }
    ink.strokeStyle = rgb(colour, 0.7);
    ink.lineWidth = 1;
    ink.stroke();
    ink.restore();
  }

  cross(box, colour) {
    const [x1, y1, x2, y2] = this.picture.placed(box);
    const [x, y, reach] = [(x1 + x2) / 2, (y1 + y2) / 2, 9];
    for (const [style, width] of [
      [rgb(EXTRA.theme.white), 5],
      [rgb(colour), 3],
    ]) {
      this.ink.beginPath();
      this.ink.moveTo(x - reach, y - reach);
      this.ink.lineTo(x + reach, y + reach);
      this.ink.moveTo(x - reach, y + reach);
      this.ink.lineTo(x + reach, y - reach);
      this.ink.strokeStyle = style;
      this.ink.lineWidth = width;
      this.ink.stroke();
    }
  }

  dot(x, y, colour, side, alpha) {
    const [left, top] = this.picture.placed([x, y, x, y]);
    this.ink.fillStyle = rgb(colour, alpha);
    this.ink.fillRect(left - side / 2, top - side / 2, side, side);
  }

  // Words on a ground of that colour above a box, off the chips already there.
  chip(box, words, colour, size = 12) {
    const [x1, y1] = this.picture.placed(box);
    const ink = this.ink;
    ink.font = `600 ${size}px system-ui, sans-serif`;
    const [width, height] = [ink.measureText(words).width + 8, size + 5];
    const x = Math.max(0, Math.min(x1, this.picture.width - width));
    let y = Math.max(0, y1 - height);
    const meets = (at) => this.chips.some(([a, b, c, d]) => x < c && a < x + width && at < d && b < at + height);
    for (let step = 0; step < 12 && meets(y); step += 1) y += height + 1;
    y = Math.min(y, this.picture.height - height);
    this.chips.push([x, y, x + width, y + height]);
    ink.fillStyle = rgb(colour);
    ink.fillRect(x, y, width, height);
    const light = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
    ink.fillStyle = rgb(light > 140 ? EXTRA.theme.ink : EXTRA.theme.white);
    ink.textBaseline = "middle";
    ink.fillText(words, x + 4, y + height / 2 + 0.5);
  }
}

function colourOf(place) {
  return EXTRA.theme.palette[place % EXTRA.theme.palette.length];
}

// A short stroke as in the picture, for a legend.
function sign(colour, { width = 2, dashed = false, hatched = false, crossed = false } = {}) {
  const kind = `${dashed ? "dashed" : ""} ${hatched ? "hatched" : ""} ${crossed ? "crossed" : ""}`;
  const made = el("span", { class: `sign ${kind}`, "aria-hidden": "true" }, crossed ? "\u2715" : "");
  made.style.setProperty("--own", rgb(colour));
  made.style.setProperty("--thick", `${width}px`);
  return made;
}
