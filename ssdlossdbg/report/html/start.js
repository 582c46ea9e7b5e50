// Puts the page together; `pageTitle()` and `makePage(root)` are those of the kind of result at hand.

async function start() {
  const root = document.getElementById("page");
  const title = el("h1", {}, el("span", { class: "command" }, `ssdlossdbg ${DOCUMENT.command}`), pageTitle());
  root.append(el("header", {}, title, themeButton()));
  if (EXTRA.left_out.length) {
    root.append(el("p", { class: "left-out" }, `Left out, so that this page stays under 8 MB: ${EXTRA.left_out.join("; ")}.`));
  }
  if (DOCUMENT.raises) root.append(el("p", { class: "raises" }, `The real code raises on this: ${DOCUMENT.raises}.`));
  root.append(findingsSection(DOCUMENT.findings, EXTRA.explained));
  await makePage(root);
  const explained = explainedSection(EXTRA.explained);
  if (explained) root.append(explained);
  root.append(
    el(
      "footer",
      {},
      `ssdlossdbg ${EXTRA.version}. Headings sort a table; Tab and the arrow keys move about, Enter chooses, Esc lets go. `,
      "In the browser's console, report.document is what --format json prints.",
    ),
  );
  root.dataset.ready = "yes";
}

// For whoever wants to reckon with the figures in the browser's console.
window.report = { document: DOCUMENT };
start();
