// Tables that sort by any column, and whose rows can be chosen by mouse and by keyboard.

const ROWS_AT_FIRST = 50;

// columns: {title, value(row), show(row), left, wrap, help}; `value` sorts, and is what the document holds; `show` is
// the text, or an element, made of it; `wrap` is for words. options: {key(row), choose(row), caption}.
class SortedTable {
  constructor(columns, rows, options = {}) {
    this.columns = columns;
    this.options = options;
    this.rows = rows;
    this.order = null;
    this.most = options.most || ROWS_AT_FIRST;
    this.chosen = null;
    this.heads = columns.map((column, place) => this.head(column, place));
    this.body = el("tbody", {});
    this.more = el("button", { type: "button", class: "more-rows", onclick: () => this.showMore() });
    this.element = el(
      "div",
      { class: "table" },
      el(
        "div",
        { class: "scroll" },
        el("table", { "aria-label": options.caption }, el("thead", {}, el("tr", {}, this.heads)), this.body),
      ),
      this.more,
    );
    this.body.addEventListener("keydown", (event) => this.onKey(event));
    this.fill();
  }

  head(column, place) {
    const button = el("button", { type: "button", onclick: () => this.sort(place) }, column.title);
    return el("th", { scope: "col", class: sideOf(column), title: column.help, "aria-sort": "none" }, button);
  }

  // Numbers the largest first, words from a to z; the same heading again turns the order round.
  sort(place) {
    const again = this.order && this.order.place === place;
    const numeric = this.rows.some((row) => isNumeric(this.columns[place].value(row)));
    this.order = { place, down: again ? !this.order.down : numeric };
    this.heads.forEach((head, at) =>
      head.setAttribute("aria-sort", at !== place ? "none" : this.order.down ? "descending" : "ascending"),
    );
    this.fill();
  }

  sorted() {
    if (!this.order) return this.rows;
    const value = this.columns[this.order.place].value;
    const sign = this.order.down ? -1 : 1;
    const rank = (row) => {
      const found = value(row);
      return isNumeric(found) ? toNumber(found) : found;
    };
    return this.rows
      .map((row) => [rank(row), row])
      .sort(([a], [b]) => {
        const first = a === null || a === undefined || Number.isNaN(a);
        const second = b === null || b === undefined || Number.isNaN(b);
        if (first || second) return first - second;
        return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
      })
      .map(([, row]) => row);
  }

  update(rows) {
    this.rows = rows;
    this.fill();
  }

  showMore() {
    this.most += 500;
    this.fill();
  }

  fill() {
    const rows = this.sorted();
    const { key, choose } = this.options;
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    this.body.replaceChildren(
      ...rows.slice(0, this.most).map((row) => {
        const made = el("tr", { tabindex: choose ? 0 : null, onclick: choose ? () => choose(row) : null });
        if (key) made.dataset.key = key(row);
        if (this.options.tone) made.className = this.options.tone(row) || "";
        made.append(...this.columns.map((column) => this.cell(column, row)));
        return made;
      }),
    );
    const left = rows.length - this.most;
    this.more.hidden = left <= 0;
    this.more.textContent = `Show more: ${whole(left)} left`;
    this.mark();
    if (focused !== null) this.find(focused)?.focus();
  }

  cell(column, row) {
    const value = column.value(row);
    const shown = column.show ? column.show(row) : value === null || value === undefined ? "-" : String(value);
    return el("td", { class: sideOf(column), "data-value": JSON.stringify(value ?? null) }, shown);
  }

  find(key) {
    return [...this.body.rows].find((row) => row.dataset.key === String(key));
  }

  // Mark the row with that key, or none; `reveal` brings it into sight.
  select(key, reveal) {
    this.chosen = key;
    this.mark();
    if (reveal && key !== null) this.find(key)?.scrollIntoView({ block: "nearest" });
  }

  mark() {
    for (const row of this.body.rows) {
      const on = this.chosen !== null && row.dataset.key === String(this.chosen);
      row.classList.toggle("chosen", on);
      if (this.options.choose) row.setAttribute("aria-selected", on);
    }
  }

  onKey(event) {
    const row = event.target.closest("tr");
    if (!row) return;
    const next = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[event.key];
    if (next) next.focus();
    else if (event.key === "Enter" || event.key === " ") row.click();
    else return;
    event.preventDefault();
  }
}

function sideOf(column) {
  const side = column.wrap ? "left wrap" : column.left ? "left" : "";
  return column.title === "status" ? `${side} status` : side;
}
