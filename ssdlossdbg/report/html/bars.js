// Bars of parts that add up to a whole, each with its words.

// parts: {label, value, tone}; nothing is drawn where a value is not finite, and the words stand all the same.
function stackedBar(parts, whole) {
  const drawable = Number.isFinite(whole) && whole > 0 && parts.every(({ value }) => value >= 0);
  const pieces = parts.map(({ label, value, tone }) => {
    const made = el("span", { class: `piece ${tone}`, title: `${label}: ${fixed(value, 4)}` });
    made.style.width = drawable ? `${(100 * value) / whole}%` : "0";
    return made;
  });
  const words = parts.map(({ label, value, tone }) =>
    el(
      "span",
      {},
      el("span", { class: `swatch ${tone}`, "aria-hidden": "true" }),
      `${label} ${fixed(value, 4)}${drawable ? ` (${percent(value / whole, 1)})` : ""}`,
    ),
  );
  return el("div", { class: "stacked" }, el("div", { class: "pieces" }, pieces), el("div", { class: "pieces-words" }, words));
}
