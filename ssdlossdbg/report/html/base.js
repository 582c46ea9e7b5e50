// What all pages share: making elements, writing numbers, light and dark.

// The result as `--format json` prints it, and what its page needs beside.
const DOCUMENT = JSON.parse(document.getElementById("document").textContent);
const EXTRA = JSON.parse(document.getElementById("extra").textContent);

// Everything that is seen is made here. Text goes in by textContent alone: names come from files of strangers.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

// JSON has no numbers that are not finite; documents write them as words.
const WORDS = { NaN: "nan", Infinity: "inf", "-Infinity": "-inf" };
const VALUES = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };

function isNumeric(value) {
  return typeof value === "number" || value in VALUES;
}

function toNumber(value) {
  return typeof value === "number" ? value : value in VALUES ? VALUES[value] : NaN;
}

function fixed(value, digits) {
  if (value === null || value === undefined) return "-";
  if (typeof value === "string") return WORDS[value] || value;
  if (!Number.isFinite(value)) return WORDS[String(value)];
  return value.toFixed(digits);
}

function whole(value) {
  return value === null || value === undefined ? "-" : value.toLocaleString("en-US");
}

function count(number, noun, plural) {
  return `${whole(number)} ${number === 1 ? noun : plural || noun + "s"}`;
}

function percent(share, digits = 0) {
  return typeof share === "number" ? `${(100 * share).toFixed(digits)}%` : fixed(share, digits);
}

function rgb(colour, alpha = 1) {
  return `rgb(${colour[0]} ${colour[1]} ${colour[2]} / ${alpha})`;
}

function lastPart(path) {
  return path.replaceAll("\\", "/").split("/").pop();
}

function featureMap(size) {
  return size[0] || size[1] ? `${size[0]}x${size[1]}` : "all";
}

// A number with what it counts, large; `value` is what the document holds.
function tile(value, label, more, tone) {
  const shown = typeof value === "number" && Number.isInteger(value) ? whole(value) : fixed(value, 4);
  return el(
    "div",
    { class: `tile ${tone || ""}` },
    el("div", { class: "figure", "data-value": JSON.stringify(value) }, shown),
    el("div", { class: "label" }, label),
    more ? el("div", { class: "more" }, more) : null,
  );
}

// A bar as long as a share of its cell.
function bar(share) {
  const made = el("span", { class: "bar" });
  made.style.width = `${Number.isFinite(share) ? 100 * share : 0}%`;
  return made;
}

function section(title, words, ...children) {
  return el("section", {}, el("h2", {}, title), words ? el("p", { class: "words" }, words) : null, ...children);
}

// A switch among others: a button that says by `aria-pressed` whether it is on, by keyboard as by mouse.
function toggle(words, on, change, sign) {
  const button = el("button", { type: "button", class: "toggle", "aria-pressed": on }, sign, words);
  button.addEventListener("click", () => {
    const now = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", now);
    change(now);
  });
  return button;
}

// {element, set(number)}: a slider beside a field for the exact number. `change` gets each value that is one.
function slider({ label, value, min, max, step, help, change }) {
  const id = `slider-${label.replaceAll(" ", "-")}`;
  const range = el("input", { type: "range", id, min, max, step, value });
  const exact = el("input", { type: "number", min, max, step: "any", value, "aria-label": `${label}, exactly` });
  const reset = el("button", { type: "button" }, "reset");
  function set(text, from) {
    const number = Number.parseFloat(text);
    if (!(number >= min && number <= max)) return;
    if (from !== range) range.value = number;
    if (from !== exact) exact.value = number;
    reset.disabled = number === value;
    change(number);
  }
  range.addEventListener("input", () => set(range.value, range));
  exact.addEventListener("input", () => set(exact.value, exact));
  reset.addEventListener("click", () => set(String(value), reset));
  reset.disabled = true;
  const made = el(
    "div",
    { class: "slider" },
    el("label", { for: id }, label),
    range,
    exact,
    reset,
    help ? el("p", { class: "words" }, help) : null,
  );
  return { element: made, set: (number) => set(String(number), null) };
}

// The reader's system says light or dark, and a button overrules it until the page is closed.
function themeButton() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  const button = el("button", { type: "button", class: "theme" });
  const say = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark() ? "Show it light" : "Show it dark");
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    say();
  });
  system.addEventListener("change", say);
  // Paper is light, whatever the screen is.
  let held;
  addEventListener("beforeprint", () => ([held, root.dataset.theme] = [root.dataset.theme, "light"]));
  addEventListener("afterprint", () => {
    if (held) root.dataset.theme = held;
    else delete root.dataset.theme;
  });
  say();
  return button;
}

function facts(pairs) {
  const shown = pairs.filter(([, value]) => value);
  return el("dl", { class: "facts" }, shown.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]).flat());
}

function priorsLine(config) {
  const source = config.codebase ? ` (${config.codebase})` : "";
  const [width, height] = config.image_size;
  const levels = config.levels ? count(config.levels, "level") : "no recognised grid";
  const known = config.image_size_known ? "" : ", assumed: --image-size says otherwise";
  const chosen = config.choice ? `, ${config.choice}` : "";
  return `${config.name}${source}, ${whole(config.priors)} priors on ${levels}, input ${width} x ${height}${known}${chosen}`;
}

// A box in pixels of the network's input as shares of it, which are those of the photo, too.
function shareOf(box) {
  const [width, height] = DOCUMENT.config.image_size;
  const [x1, y1, x2, y2] = box.map(toNumber);
  return [x1 / width, y1 / height, x2 / width, y2 / height];
}

function areaOf(box) {
  const [x1, y1, x2, y2] = box.map(toNumber);
  return (x2 - x1) * (y2 - y1);
}

function sizeOf(box) {
  const [x1, y1, x2, y2] = box.map(toNumber);
  return `${fixed(x2 - x1, 0)} x ${fixed(y2 - y1, 0)}`;
}
