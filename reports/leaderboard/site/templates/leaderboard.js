// The page comes with one ranking in full. This script, the last one, shows the other rankings: it
// fills the table's rows, sorts and filters them, and shows curves. Texts of users are in the rows already and
// are moved or cloned, never parsed.

const ROWS_AT_ONCE = 40;
const ROWS_LATER = 120;
const COLUMN = { rank: 0, model: 1, robust: 2, attack: 4, clean: 5, images: 7, paper: 9 };
const DESCENDING_FIRST = /^(clean|robust|images|flags|paper)/;

const element = (id) => document.getElementById(id);
const table = element("table");
const elements = (...ids) => Object.fromEntries(ids.map((id) => [id, element(id)]));
const choices = elements("dataset", "attack", "epsilon");
const filters = elements("text", "training", "measured", "reliable");
const state = { ranking: null, lines: [], sort: "rank", descending: false, turn: 0 };

function start() {
  for (const row of [...table.tBodies[0].rows]) {
    const entrant = board.entrants[row.dataset.entrant];
    const { model, paper } = COLUMN;
    entrant.row = row;
    entrant.text = folded(`${row.cells[model].textContent} ${entrant.authors} ${row.cells[paper].textContent}`);
  }
  board.entrants.forEach(addToggle);
  addSortButtons();
  fillChoices();
  listenToControls();
  listenToPointer();
  window.addEventListener("hashchange", () => readHash() && showRanking());
  readHash();
  showRanking();
  element("controls").hidden = false;
}

function fillChoices() {
  const opening = board.rankings[board.start];
  const ranked = new Set(board.rankings.map(({ dataset }) => dataset));
  const label = (dataset) => `${dataset.label}${dataset.stand_in ? " (stand-in)" : ""}`;
  fillSelect(choices.dataset, [...ranked].map((index) => [index, label(board.datasets[index])]));
  const phrases = [...new Set(board.entrants.map((entrant) => entrant.training))].filter(Boolean).sort();
  for (const phrase of phrases) filters.training.append(new Option(phrase, phrase));
  choices.dataset.value = opening.dataset;
  choose(opening.attack, opening.epsilon);
}

// Choose an attack by name and an epsilon, or else the first that the chosen dataset offers.
function choose(attack, epsilon) {
  const offered = board.rankings.filter((ranking) => ranking.dataset === Number(choices.dataset.value));
  fillSelect(choices.attack, [...new Map(offered.map((ranking) => [ranking.attack, ranking.label]))]);
  setValue(choices.attack, attack);
  const epsilons = offered.filter((ranking) => ranking.attack === choices.attack.value).map((ranking) => ranking.epsilon);
  fillSelect(choices.epsilon, epsilons.map((one) => [one, one ? `${one}/255` : "0 (clean images)"]));
  setValue(choices.epsilon, Number(epsilon));
}

function fillSelect(select, options) {
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
}

function setValue(select, wanted) {
  select.value = wanted;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

function chosenRanking() {
  const [dataset, attack, epsilon] = Object.values(choices).map((select) => select.value);
  return board.rankings.find(
    (one) => one.dataset === Number(dataset) && one.attack === attack && one.epsilon === Number(epsilon),
  );
}

function listenToControls() {
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const select of Object.values(choices)) {
    select.addEventListener("change", () => {
      choose(choices.attack.value, choices.epsilon.value);
      showRanking();
      writeHash();
    });
  }
  for (const filter of Object.values(filters)) {
    filter.addEventListener("input", () => {
      arrange();
      writeHash();
    });
  }
}

// The address holds the choice, so that a ranking can be cited.
function writeHash() {
  const { attack, epsilon } = state.ranking;
  const hash = new URLSearchParams({ dataset: board.datasets[state.ranking.dataset].name, attack, epsilon });
  if (state.sort !== "rank" || state.descending) hash.set("sort", state.sort);
  if (state.descending) hash.set("descending", "1");
  for (const filter of [filters.text, filters.training]) if (filter.value) hash.set(filter.id, filter.value);
  for (const filter of [filters.measured, filters.reliable]) if (filter.checked) hash.set(filter.id, "1");
  if (picks.chosen) hash.set("models", picks.chosen.map((index) => slugOf(board.entrants[index])).join(" "));
  location.replace(`#${hash}`);
}

function slugOf(entrant) {
  return entrant.row.querySelector("th a").getAttribute("href").match(/([^/]*)\.html$/)[1];
}

// False where the address names no ranking, as that of a heading does not.
function readHash() {
  const hash = new URLSearchParams(location.hash.slice(1));
  const named = board.datasets.findIndex(({ name }) => name === hash.get("dataset"));
  if (![...choices.dataset.options].some((option) => option.value === String(named))) return false;
  choices.dataset.value = named;
  choose(hash.get("attack"), hash.get("epsilon"));
  filters.text.value = hash.get("text") ?? "";
  setValue(filters.training, hash.get("training") ?? "");
  for (const filter of [filters.measured, filters.reliable]) filter.checked = hash.has(filter.id);
  const known = [...table.querySelectorAll("[data-sort]")].map((heading) => heading.dataset.sort);
  state.sort = known.includes(hash.get("sort")) ? hash.get("sort") : "rank";
  state.descending = hash.has("descending");
  const slugs = hash.get("models")?.split(" ");
  picks.chosen = slugs?.flatMap((slug) => board.entrants.filter((one) => slugOf(one) === slug).map(({ index }) => index)) ?? null;
  return true;
}

function showRanking() {
  state.ranking = chosenRanking();
  state.lines = linesIn(state.ranking);
  element("caption").textContent = state.ranking.caption;
  element("stand-in").hidden = !state.ranking.stand_in;
  const note = board.datasets[state.ranking.dataset].note;
  element("note").hidden = !note;
  element("note").textContent = note;
  listAbsent();
  for (const entrant of board.entrants) if (entrant.opened) fillOpened(entrant);
  arrange();
}

// The lines of a ranking, best first; those without rank are last.
function linesIn(ranking) {
  const tied = new Set(ranking.tied);
  let rank = null;
  return ranking.entrants.map((index, line) => {
    const entrant = board.entrants[index];
    if (!tied.has(line)) rank = line < ranking.ranked ? line + 1 : null;
    const condition = at(ranking.robust, line);
    return {
      entrant,
      rank,
      best: rank - at(ranking.up, line),
      worst: rank + at(ranking.down, line),
      condition,
      robust: entrant.numbers.get(condition),
      clean: entrant.numbers.get(ranking.clean) ?? null,
      images: at(ranking.images, line),
      limited: at(ranking.limited, line),
      note: board.texts[at(ranking.note, line)],
      filled: false,
    };
  });
}

function isClean() {
  return state.ranking.epsilon === 0;
}

function fillRow(line) {
  const cells = line.entrant.row.cells;
  const open = line.rank === null || line.best === line.worst ? "" : `${line.best}–${line.worst}`;
  fillCell(cells[COLUMN.rank], String(line.rank ?? UNKNOWN), open);
  fillPair(cells, COLUMN.clean, line.clean, isClean());
  fillPair(cells, COLUMN.robust, isClean() ? null : line.robust, true);
  fillCell(cells[COLUMN.attack], isClean() ? UNKNOWN : board.conditions[line.condition].attack, line.note);
  fillCell(cells[COLUMN.images], String(line.images ?? UNKNOWN), line.limited ? "a part" : "");
  fillFlags(line.entrant);
  line.filled = true;
}

function fillPair(cells, first, pair, decides) {
  const ranks = pair && decides ? (pair.measured === null ? "reported" : "measured") : "";
  const bounds = pair && pair.low !== null ? `[${decimal(pair.low, 3)}, ${decimal(pair.high, 3)}]` : "";
  fillCell(cells[first], srocc(pair?.measured ?? null), bounds, ranks === "measured");
  fillCell(cells[first + 1], srocc(pair?.reported ?? null), "", ranks === "reported");
}

function fillCell(cell, words, note = "", bold = false) {
  cell.replaceChildren(bold ? make("b", words) : words);
  if (note) cell.append(make("small", note));
}

// The row holds the red flags of all datasets; those of the chosen one are shown.
function fillFlags(entrant) {
  const { name } = board.datasets[state.ranking.dataset];
  for (const mark of entrant.row.querySelectorAll(".doubtful")) mark.hidden = !isDoubtful(entrant);
  const details = entrant.row.querySelector("details");
  if (!details) return;
  for (const flag of details.querySelectorAll("li[data-of]")) flag.hidden = flag.dataset.of !== name;
  const count = details.querySelectorAll("li:not([hidden])").length;
  details.querySelector("summary").textContent = plural(count, "red flag");
  details.hidden = !count;
}

function isDoubtful(entrant) {
  return entrant.doubtful.includes(state.ranking.dataset);
}

function srocc(number) {
  if (number === null) return UNKNOWN;
  return Number.isNaN(number) ? "undefined" : decimal(number, 4);
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function listAbsent() {
  const ranked = new Set(state.ranking.entrants);
  const absent = board.entrants.filter(({ index }) => !ranked.has(index));
  const list = element("absent");
  list.hidden = !absent.length;
  list.querySelector("summary").textContent = `${plural(absent.length, "model")} without a number here`;
  const links = absent.map(({ row }) => row.cells[COLUMN.model].querySelector("a").cloneNode(true));
  list.querySelector("p").replaceChildren(...links.flatMap((link, index) => (index ? [", ", link] : [link])));
}

function addSortButtons() {
  for (const heading of table.querySelectorAll("[data-sort]")) {
    const button = make("button", heading.textContent, { type: "button" });
    const group = { clean: "Clean SROCC", robust: "Robust SROCC" }[heading.dataset.sort.split("-")[0]];
    if (group) button.setAttribute("aria-label", `${group}, ${heading.textContent}`);
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const chosen = heading.dataset.sort;
      state.descending = chosen === state.sort ? !state.descending : DESCENDING_FIRST.test(chosen);
      state.sort = chosen;
      arrange();
      writeHash();
    });
  }
}

function sorted() {
  const turn = state.descending ? -1 : 1;
  const keyed = state.lines.map((line, order) => ({ line, order, key: sortKey(line) }));
  // What is not known is last in either direction, and ties stand by rank.
  keyed.sort(
    (a, b) => (a.key === null) - (b.key === null) || turn * compare(a.key, b.key) || a.order - b.order,
  );
  return keyed.map(({ line }) => line);
}

function markSorted() {
  for (const heading of table.querySelectorAll("[data-sort]")) {
    if (heading.dataset.sort !== state.sort) heading.removeAttribute("aria-sort");
    else heading.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
  }
}

function sortKey({ entrant, rank, robust, clean, condition, images }) {
  const keys = {
    rank: () => rank,
    model: () => entrant.index,
    paper: () => entrant.year,
    training: () => entrant.training || null,
    "clean-reported": () => clean?.reported,
    "clean-measured": () => clean?.measured,
    "robust-reported": () => (isClean() ? null : robust.reported),
    "robust-measured": () => (isClean() ? null : robust.measured),
    attack: () => condition,
    images: () => images,
    flags: () =>
      (entrant.unreliable ? 2000 : 0) +
      (isDoubtful(entrant) ? 1000 : 0) +
      (entrant.flags[board.datasets[state.ranking.dataset].name] ?? 0),
  };
  const key = keys[state.sort]() ?? null;
  return Number.isNaN(key) ? null : key;
}

function folded(words) {
  return words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function isShown({ entrant, robust }) {
  const words = folded(filters.text.value).split(/\s+/).filter(Boolean);
  return (
    words.every((word) => entrant.text.includes(word)) &&
    (!filters.training.value || entrant.training === filters.training.value) &&
    (!filters.measured.checked || robust.measured !== null) &&
    (!filters.reliable.checked || !(entrant.unreliable || isDoubtful(entrant)))
  );
}

function arrange() {
  const shown = sorted().filter(isShown);
  markSorted();
  putRows(shown);
  const all = state.lines.length;
  const count = shown.length < all ? `${shown.length} of ${plural(all, "model")}` : plural(all, "model");
  const { turn } = state;
  afterPaint(() => turn === state.turn && drawGlance(shown));
  const status = `${count}, ranked by ${state.ranking.by}`;
  if (element("count").textContent !== status) element("count").textContent = status;
}

// The browser takes long to lay out hundreds of rows. Those in sight come at once, the others after they are
// painted, unless the reader has asked for another order in the meantime.
function putRows(lines) {
  const turn = ++state.turn;
  const put = (from, count) => {
    if (turn !== state.turn) return;
    table.tBodies[0].append(...lines.slice(from, from + count).flatMap(rowsOf));
    if (from + count < lines.length) afterPaint(() => put(from + count, ROWS_LATER));
  };
  table.tBodies[0].replaceChildren();
  put(0, ROWS_AT_ONCE);
}

function afterPaint(act) {
  requestAnimationFrame(() => setTimeout(act));
}

function rowsOf(line) {
  const { row, opened } = line.entrant;
  if (!line.filled) fillRow(line);
  row.hidden = false;
  return opened ? [row, opened] : [row];
}

function addToggle(entrant) {
  const heading = entrant.row.cells[COLUMN.model];
  const name = nameOf(entrant);
  const button = make("button", "", { type: "button", class: "more", "aria-expanded": "false" });
  button.setAttribute("aria-label", `Curve of ${name}`);
  const box = make("input", "", { type: "checkbox", class: "pick", "aria-label": `Draw ${name}` });
  entrant.box = box;
  heading.prepend(button, box);
  box.addEventListener("change", () => {
    pick(entrant.index, box.checked);
    arrange();
    writeHash();
  });
  button.addEventListener("click", () => toggle(entrant));
}

function toggle(entrant) {
  hideHover();
  const opens = !entrant.opened;
  entrant.row.querySelector(".more").setAttribute("aria-expanded", String(opens));
  if (opens) {
    entrant.opened = make("tr", "", { class: "opened" });
    entrant.opened.append(make("td", "", { colspan: entrant.row.cells.length }));
    fillOpened(entrant);
    entrant.row.after(entrant.opened);
  } else {
    entrant.opened.remove();
    entrant.opened = null;
  }
}

function fillOpened(entrant) {
  const about = make("div", "", { class: "about" });
  about.append(figureOf(entrant, state.ranking.dataset));
  fillFlags(entrant);
  const flags = entrant.row.querySelector("details:not([hidden]) ul");
  if (flags) about.append(flags.cloneNode(true));
  entrant.opened.cells[0].replaceChildren(about);
}

function listenToPointer() {
  const body = table.tBodies[0];
  const entrantOf = (target) => {
    const row = target.closest("tr[data-entrant]");
    return row ? board.entrants[row.dataset.entrant] : null;
  };
  body.addEventListener("click", ({ target }) => {
    const entrant = entrantOf(target);
    // A reader who selects text, or clicks a link, a button or a red flag, does not mean the row.
    if (entrant && !target.closest("a, button, summary, details") && getSelection().isCollapsed) toggle(entrant);
  });
  body.addEventListener("pointermove", ({ target, pointerType }) => {
    if (pointerType === "mouse") showHover(entrantOf(target));
  });
  body.addEventListener("pointerleave", hideHover);
  body.addEventListener("focusin", ({ target }) => {
    if (target.matches(".more:focus-visible")) showHover(entrantOf(target));
  });
  body.addEventListener("focusout", hideHover);
  document.addEventListener("scroll", hideHover, { capture: true, passive: true });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hideHover());
}

if (table) start();
