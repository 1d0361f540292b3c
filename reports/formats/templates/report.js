/* Sortable tables. A heading with data-column sorts by that column; data-first is its first order: ascending,
   descending, or text (ascending, by the alphabet). Pressed again it turns, and then restores the paper's order. */

const rowsAtFirst = 500; // a browser takes seconds to lay out ten thousand
const alphabet = new Intl.Collator("en", { numeric: true });

for (const table of document.querySelectorAll("table.sortable")) makeSortable(table);

function makeSortable(table) {
  const headings = [...table.querySelectorAll("th[data-column]")];
  const paperOrder = [...table.tBodies].map(rowsOf);
  for (const heading of headings) {
    const button = element("button", "", { class: "sort", type: "button", title: "Sort" });
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const order = nextOrder(heading);
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (order) heading.ariaSort = order;
      [...table.tBodies].forEach((body, place) =>
        body.append(...(order ? sorted(rowsOf(body), heading, order) : paperOrder[place])),
      );
      showFirst(table);
    });
  }
  if (paperOrder[0].length > rowsAtFirst) offerAll(table);
}

/* The rows of a body that can be sorted: all but its heading. */
function rowsOf(body) {
  return [...body.rows].filter((row) => row.className !== "block");
}

function offerAll(table) {
  const words = `Show all ${table.tBodies[0].rows.length} rows`;
  const button = element("button", words, { class: "all-rows", type: "button" });
  button.addEventListener("click", () => {
    table.dataset.shown = "all";
    showFirst(table);
    button.remove();
  });
  table.parentElement.after(button);
  showFirst(table);
}

function showFirst(table) {
  const shown = table.dataset.shown === "all" ? Infinity : rowsAtFirst;
  [...table.tBodies[0].rows].forEach((row, place) => (row.hidden = place >= shown));
}

function nextOrder(heading) {
  const first = heading.dataset.first === "descending" ? "descending" : "ascending";
  const second = first === "descending" ? "ascending" : "descending";
  return { [first]: second, [second]: null }[heading.ariaSort] ?? (heading.ariaSort ? null : first);
}

/* The rows in a new order; of equals, those that stood above stay above, and what has no value comes last. */
function sorted(all, heading, order) {
  const column = Number(heading.dataset.column);
  const [valueOf, compare] = heading.dataset.first === "text" ? [text, alphabet.compare] : [number, difference];
  const turn = order === "descending" ? -1 : 1;
  const rows = all.map((row) => [row, valueOf(cellIn(row, column))]);
  rows.sort(([, one], [, other]) => last(one) - last(other) || (last(one) ? 0 : turn * compare(one, other)));
  return rows.map(([row]) => row);
}

function cellIn(row, column) {
  for (const cell of row.cells) {
    column -= cell.colSpan;
    if (column < 0) return cell;
  }
}

function text(cell) {
  return cell.textContent.trim();
}

/* The number that a cell begins with, without commas between thousands; NaN for a dash or a word. */
function number(cell) {
  return parseFloat(text(cell).replace("−", "-").replace(/(\d),(?=\d{3})/g, "$1"));
}

function difference(one, other) {
  return one - other;
}

function last(value) {
  return value === "" || Number.isNaN(value) ? 1 : 0;
}

/* What stands behind a number: a dialog with all that is known of its cells. */

const dialog = document.getElementById("behind");
const known = JSON.parse(document.getElementById("behind-cells").textContent);

document.querySelectorAll("a[data-cells]").forEach(linkToButton);
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-cells]");
  if (button) show(button);
});
dialog.querySelector("button").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

function linkToButton(link) {
  const button = element("button", link.textContent, { type: "button", "aria-haspopup": "dialog" });
  Object.assign(button.dataset, link.dataset);
  link.replaceWith(button);
}

function show(button) {
  const cells = button.dataset.cells.split(" ").map(Number);
  const { metric = "" } = button.dataset;
  const interval = metric ? intervalIn(button.closest("td")) : "";
  const name = metric || (button.closest("th") ? "Cell" : "");
  document.getElementById("behind-number").textContent = `${name} ${button.textContent} ${interval}`.trim();
  document.getElementById("behind-what").textContent = `${textOf(known.headings, cells[0])}${meanOf(cells, metric)}.`;
  document.getElementById("behind-facts").replaceChildren(...known.groups.map((group) => described(group, cells)));
  button.focus();
  dialog.showModal();
  dialog.scrollTop = 0;
}

function intervalIn(cell) {
  return [...cell.querySelectorAll("small")].map(text).find((line) => line.startsWith("[")) ?? "";
}

function meanOf(cells, metric) {
  if (cells.length === 1) return "";
  const mean = metric ? ", the mean of" : ", in";
  return `${mean} ${cells.length} cells of one seed each${metric ? "; the interval holds those of all" : ""}`;
}

function described(group, cells) {
  const section = element("section");
  const list = element("dl");
  for (const fact of group.facts) {
    const values = valuesOf(fact, cells);
    if (values.length) list.append(element("dt", fact.name), ...values.map((value) => description(value, fact)));
  }
  section.append(element("h3", group.heading), list);
  return section;
}

/* A value that all cells share, or the value of each with its seed. */
function valuesOf(fact, cells) {
  const texts = cells.map((cell) => textOf(fact, cell));
  if (new Set(texts).size === 1) return texts[0] ? [{ text: texts[0] }] : [];
  return texts.map((text, place) => ({ text: text || "–", seed: known.seeds[cells[place]] }));
}

function description({ text, seed }, fact) {
  const item = element("dd");
  if (seed !== undefined && fact.name !== "Seed") item.append(element("span", `seed ${seed}: `, { class: "muted" }));
  item.append(fact.code ? element("code", text) : text);
  return item;
}

function textOf(fact, cell) {
  if ("column" in fact) return inRow(cell, fact.column);
  if (fact.indices.length) return fact.texts[fact.indices[cell]];
  return fact.texts[fact.texts.length > 1 ? cell : 0];
}

/* What the table of all cells says, as in "0.9123 [0.905, 0.919]". */
function inRow(cell, column) {
  const parts = document.getElementById(`cell${cell}`).cells[column].childNodes;
  return [...parts].map((part) => part.textContent).join(" ");
}
