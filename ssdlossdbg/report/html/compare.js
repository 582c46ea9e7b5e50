// The page of `compare`: what each codebase says of the batch, and which rules make the difference.

function pageTitle() {
  const { dialects, reference } = DOCUMENT;
  return `What ${count(dialects.length, "codebase")} say of this batch, against ${reference}`;
}

async function makePage(root) {
  const view = new ComparePage();
  root.append(...view.sections());
  view.show(DOCUMENT.dialects.find((row) => row.causes.length) || DOCUMENT.dialects[0], false);
}

class ComparePage {
  constructor() {
    this.reference = DOCUMENT.dialects.find((row) => row.name === DOCUMENT.reference);
    this.heading = el("h2", {});
    this.words = el("p", { class: "words" });
    const cost = (title, key) => ({ title, value: (row) => row[key], show: (row) => fixed(row[key], 4) });
    const summed = (numbers) => numbers.reduce((sum, each) => sum + each, 0);
    const marks = DOCUMENT.dialects.some((row) => row.landmarks !== null) ? [cost("landmarks", "landmarks")] : [];
    const raises = DOCUMENT.dialects.some((row) => row.raises);
    const yours = DOCUMENT.dialects.some((row) => row.is_yours !== null);
    this.table = new SortedTable(
      [
        { title: "dialect", value: (row) => row.name, left: true },
        ...(yours ? [{ title: "yours", value: (row) => (row.is_yours ? "yours" : ""), left: true, help: "it gives the loss that your own code had" }] : []),
        { title: "positives", value: (row) => summed(row.positives), show: (row) => whole(summed(row.positives)) },
        { title: "negatives", value: (row) => summed(row.negatives), show: (row) => whole(summed(row.negatives)), help: "that count" },
        { title: "divided by", value: (row) => row.normalizer, show: (row) => fixed(row.normalizer, 0) },
        cost("loc", "localization"),
        cost("conf", "confidence"),
        ...marks,
        cost("total", "total"),
        { title: "ratio", value: (row) => ratioOf(row), show: (row) => fixed(ratioOf(row), 3), help: `to the total of ${DOCUMENT.reference}` },
        { title: "rules that differ", value: (row) => row.causes.length },
        ...(raises ? [{ title: "the real code", value: (row) => (row.raises ? "raises" : ""), left: true }] : []),
        { title: "codebase", value: (row) => row.codebase, wrap: true },
      ],
      DOCUMENT.dialects,
      { caption: "Dialects", key: (row) => row.name, choose: (row) => this.show(row), most: 100 },
    );
    this.causes = new SortedTable(
      [
        { title: "rule", value: (row) => row.rule, left: true },
        { title: DOCUMENT.reference, value: (row) => row.reference, left: true },
        { title: "there", value: (row) => row.dialect, left: true },
        { title: "changes the loss by", value: (row) => row.delta, show: (row) => signed(row.delta) },
        { title: "positives", value: (row) => summed(row.after.positives), show: (row) => change(row, "positives") },
        { title: "negatives", value: (row) => summed(row.after.negatives), show: (row) => change(row, "negatives") },
        { title: "divided by", value: (row) => row.after.normalizer, show: (row) => fixed(row.after.normalizer, 0) },
      ],
      [],
      { caption: "Causes" },
    );
  }

  sections() {
    const { predictions, targets, config, device, reference } = DOCUMENT;
    return [
      facts([
        ["predictions", `${predictions.path}: ${predictions.layout}, ${predictions.dtype}`],
        ["targets", `${targets.path}: ${targets.layout}`],
        ["priors", priorsLine(config)],
        ["reference", `${reference}, total ${fixed(DOCUMENT.reference_total, 4)}, on ${device}`],
      ]),
      section("What each says", "Choose one to see why it differs.", this.table.element),
      this.heading,
      this.words,
      this.causes.element,
    ];
  }

  show(row, isAsked = true) {
    if (!row) return;
    this.table.select(row.name, false);
    this.heading.textContent = row.name === DOCUMENT.reference ? `${row.name} is the reference` : `Why ${row.name} differs from ${DOCUMENT.reference}`;
    const same = row.causes.length ? "Its rules are turned on one after the other; what each changes adds up to the difference." : "It gives the same loss.";
    this.words.textContent = row.raises ? `The real code raises on this batch: ${row.raises}. ${same}` : same;
    this.causes.update(row.causes);
    if (isAsked) this.heading.scrollIntoView({ block: "nearest" });
  }
}

function ratioOf(row) {
  return toNumber(row.total) / toNumber(DOCUMENT.reference_total);
}

function signed(value) {
  const number = toNumber(value);
  return `${number >= 0 ? "+" : ""}${fixed(number, 4)}`;
}

function change(row, key) {
  const total = (roles) => roles[key].reduce((sum, each) => sum + each, 0);
  const [before, after] = [total(row.before), total(row.after)];
  return before === after ? whole(after) : `${whole(before)} \u2192 ${whole(after)}`;
}
