// What is wrong, at the top of every page, and what `explain` tells of it, at the end.

// So many findings are open to the eye, and so many cases of each are listed at all.
const MOST_FINDINGS = 6;
const MOST_CASES = 20;

function findingsSection(findings, explained) {
  if (!findings.length) {
    return el("section", { class: "findings" }, el("p", { class: "clean" }, "Nothing wrong was found."));
  }
  return el(
    "section",
    { class: "findings", "aria-label": "Findings" },
    el("h2", {}, "What is wrong"),
    el("div", { class: "cards" }, findings.slice(0, MOST_FINDINGS).map((finding) => findingCard(finding, explained))),
    findings.length > MOST_FINDINGS
      ? el(
          "details",
          {},
          el("summary", {}, `${count(findings.length - MOST_FINDINGS, "more finding")}`),
          el("div", { class: "cards" }, findings.slice(MOST_FINDINGS).map((finding) => findingCard(finding, explained))),
        )
      : null,
  );
}

function findingCard(finding, explained) {
  const [worst, ...others] = finding.cases.slice(0, MOST_CASES);
  const left = finding.count - others.length - 1;
  const told = explained.some((page) => page.code === finding.code);
  const more = others.map((each) => el("li", {}, sentence(each)));
  if (left > 0) more.push(el("li", {}, `And ${whole(left)} more like it.`));
  return el(
    "article",
    { class: `finding ${finding.severity}` },
    el(
      "h3",
      {},
      el("span", { class: "severity" }, finding.severity),
      el("code", {}, finding.code),
      " ",
      finding.name,
      el("span", { class: "times", "data-value": JSON.stringify(finding.count) }, count(finding.count, "time")),
    ),
    el("p", {}, sentence(worst)),
    more.length ? el("details", {}, el("summary", {}, `${whole(finding.count - 1)} more`), el("ul", {}, more)) : null,
    finding.follows_from.length ? el("p", { class: "words" }, `It follows from ${finding.follows_from.join(", ")}.`) : null,
    el("p", { class: "fix" }, el("b", {}, "To do: "), finding.fix, ...(told ? [" ", meaning(finding.code)] : [])),
  );
}

function meaning(code) {
  return el("a", { href: `#explain-${code}`, onclick: () => openExplained(code) }, "What this means");
}

function sentence(each) {
  const where = [each.where.file ? lastPart(each.where.file) : "", each.where.place ?? placeOf(each.where)];
  const place = where.filter(Boolean).join(", ");
  return `${place ? place + ": " : ""}${each.message}.`;
}

// The same words as in the terminal.
function placeOf(where) {
  const parts = [];
  if (where.image !== null && where.image !== undefined) {
    const image = typeof where.image === "number" ? `image ${where.image}` : where.image;
    parts.push(where.name ? `${where.name} (${image})` : image);
  }
  if (where.object !== null && where.object !== undefined) {
    parts.push(`object ${where.object}${where.label ? ` (${where.label})` : ""}`);
  }
  if (where.prior !== null && where.prior !== undefined) parts.push(`prior ${where.prior}`);
  else if (where.level !== null && where.level !== undefined) parts.push(`level ${where.level}`);
  return parts.join(", ");
}

function openExplained(code) {
  document.getElementById(`explain-${code}`).open = true;
}

function explainedSection(explained) {
  if (!explained.length) return null;
  return section(
    "What the findings mean",
    "",
    explained.map((page) =>
      el(
        "details",
        { id: `explain-${page.code}` },
        el("summary", {}, el("code", {}, page.code), ` ${page.name}`),
        el("p", {}, page.summary),
        Object.entries(page.sections).map(([key, body]) => {
          const title = key.replaceAll("_", " ");
          const paragraphs = body.split("\n\n").map((words) => el("p", { class: "explained" }, words));
          return [el("h3", {}, title.charAt(0).toUpperCase() + title.slice(1)), ...paragraphs];
        }),
      ),
    ),
  );
}
