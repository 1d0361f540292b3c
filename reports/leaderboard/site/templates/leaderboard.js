// The page comes with one ranking in full. This script, after `ranking.js` and `chart.js`, shows the others: it
// fills the table's rows anew, sorts and filters them, and shows curves. Texts of users are in the rows already
// and are moved or cloned, never parsed.

const ROWS_AT_ONCE = 40;
const ROWS_LATER = 120;
const UNKNOWN = "–";
const COLUMN = { rank: 0, model: 1, robust: 2, attack: 4, clean: 5, images: 7 };
const DESCENDING_FIRST = /^(clean|robust|images|doubts|paper)/;

const element = (id) => document.getElementById(id);
const table = element("table");
const choices = { dataset: element("dataset"), attack: element("attack"), epsilon: element("epsilon") };
const filters = {
  text: element("text"),
  training: element("training"),
  measured: element("measured"),
  reliable: element("reliable"),
};
const hover = { card: null, entrant: null, timer: 0 };

function start() {
  const body = table.tBodies[0];
  const entrants = board.entrants.map(readEntrant);
  for (const row of [...body.rows]) entrants[row.dataset.entrant].row = row;
  const state = { entrants, body, ranking: null, sort: "rank", descending: false, turn: 0 };

  entrants.forEach((entrant) => addToggle(entrant, state));
  addSortButtons(state);
  fillChoices();
  listenToControls(state);
  listenToPointer(state);
  window.addEventListener("hashchange", () => readHash(state) && showRanking(state));
  readHash(state);
  showRanking(state);
  element("controls").hidden = false;
}

// --- Choices: the threat in three selects ---

function fillChoices() {
  const offered = board.datasets.flatMap(([, label, standIn], index) =>
    attacksOn(index).length ? [[index, standIn ? `${label} (stand-in)` : label]] : [],
  );
  fillSelect(choices.dataset, offered);
  const phrases = [...new Set(board.entrants.map((entrant) => entrant.training))].filter(Boolean).sort();
  for (const phrase of phrases) filters.training.append(new Option(phrase, phrase));
  choices.dataset.value = board.datasets.findIndex(([name]) => name === board.start.dataset);
  choose(board.start.attack, board.start.epsilon);
}

// What can be ranked on a dataset: all attacks together, each, and clean images.
function attacksOn(dataset) {
  const found = new Set(board.conditions.filter(([d]) => d === dataset).map(([, attack]) => attack));
  const threats = [...found].filter(isThreat);
  return [...(threats.length ? [ALL] : []), ...threats, ...(found.has(board.clean) ? [board.clean] : [])];
}

function epsilonsOf(dataset, attack) {
  const found = board.conditions.filter(([d, a]) => d === dataset && isMeant(a, attack)).map(([, , e]) => e);
  return [...new Set(found)].sort((a, b) => a - b);
}

// Choose an attack by name and an epsilon, or else the first that the chosen dataset offers.
function choose(name, radius) {
  const chosen = Number(choices.dataset.value);
  const attacks = attacksOn(chosen);
  fillSelect(choices.attack, attacks.map((one) => [nameOf(one), labelOf(one)]));
  choices.attack.value = attacks.some((one) => nameOf(one) === name) ? name : nameOf(attacks[0]);
  const radii = epsilonsOf(chosen, attackOf(choices.attack.value));
  fillSelect(choices.epsilon, radii.map((one) => [one, one ? `${one}/255` : "0 (clean images)"]));
  choices.epsilon.value = radii.includes(Number(radius)) ? Number(radius) : radii[0];
}

function nameOf(attack) {
  return attack === ALL ? ALL : board.attacks[attack][0];
}

function labelOf(attack) {
  return attack === ALL ? "worst of the attacks" : board.attacks[attack][1];
}

function attackOf(name) {
  return name === ALL ? ALL : board.attacks.findIndex(([known]) => known === name);
}

function fillSelect(select, options) {
  select.replaceChildren(...options.map(([value, label]) => new Option(label, value)));
}

function chosenThreat() {
  return { dataset: Number(choices.dataset.value), attack: attackOf(choices.attack.value), epsilon: Number(choices.epsilon.value) };
}

function listenToControls(state) {
  element("controls").addEventListener("submit", (event) => event.preventDefault());
  for (const select of Object.values(choices)) {
    select.addEventListener("change", () => {
      choose(choices.attack.value, choices.epsilon.value);
      showRanking(state);
      writeHash(state);
    });
  }
  for (const filter of Object.values(filters)) {
    filter.addEventListener("input", () => {
      arrange(state);
      writeHash(state);
    });
  }
}

// --- The address, so that a ranking can be cited ---

function writeHash(state) {
  const hash = new URLSearchParams({
    dataset: board.datasets[choices.dataset.value][0],
    attack: choices.attack.value,
    epsilon: choices.epsilon.value,
  });
  if (state.sort !== "rank" || state.descending) hash.set("sort", state.sort);
  if (state.descending) hash.set("descending", "1");
  for (const filter of [filters.text, filters.training]) if (filter.value) hash.set(filter.id, filter.value);
  for (const filter of [filters.measured, filters.reliable]) if (filter.checked) hash.set(filter.id, "1");
  location.replace(`#${hash}`);
}

// False where the address names no ranking, as that of a heading does not.
function readHash(state) {
  const hash = new URLSearchParams(location.hash.slice(1));
  const named = board.datasets.findIndex(([name]) => name === hash.get("dataset"));
  if (![...choices.dataset.options].some((option) => option.value === String(named))) return false;
  choices.dataset.value = named;
  choose(hash.get("attack"), hash.get("epsilon"));
  for (const filter of [filters.text, filters.training]) filter.value = hash.get(filter.id) ?? "";
  if (filters.training.selectedIndex < 0) filters.training.value = "";
  for (const filter of [filters.measured, filters.reliable]) filter.checked = hash.has(filter.id);
  const known = [...table.querySelectorAll("[data-sort]")].map((heading) => heading.dataset.sort);
  state.sort = known.includes(hash.get("sort")) ? hash.get("sort") : "rank";
  state.descending = hash.has("descending");
  return true;
}

// --- The table ---

function showRanking(state) {
  state.ranking = rank(state.entrants, chosenThreat());
  element("caption").textContent = describe(state.ranking.threat);
  element("stand-in").hidden = !board.datasets[state.ranking.threat.dataset][2];
  listAbsent(state.ranking.absent);
  for (const entrant of state.entrants) if (entrant.opened) fillOpened(entrant, state);
  arrange(state);
}

function describe({ dataset, attack, epsilon }) {
  const [, label, standIn] = board.datasets[dataset];
  const radius = attack === board.clean ? "" : `, ε = ${epsilon}/255`;
  return `${label}${standIn ? " (stand-in)" : ""}, ${labelOf(attack)}${radius}`;
}

function fillRow(place, ranking) {
  const cells = place.entrant.row.cells;
  const isClean = ranking.threat.attack === board.clean;
  const open = place.best === place.worst ? "" : `${place.best}–${place.worst}`;
  fillCell(cells[COLUMN.rank], place.rank === NO_RANK ? UNKNOWN : String(place.rank), open);
  fillPair(cells, COLUMN.clean, place.clean, isClean);
  fillPair(cells, COLUMN.robust, isClean ? null : place.robust, true);
  fillCell(cells[COLUMN.attack], isClean ? UNKNOWN : labelOf(place.robust.attack), attackNote(place, ranking));
  const [images, limited] = place.robust.images;
  fillCell(cells[COLUMN.images], images === null ? UNKNOWN : String(images), limited ? "a part" : "");
}

function fillPair(cells, first, pair, decides) {
  const ranks = pair && decides ? (pair.measured === null ? "reported" : "measured") : "";
  const bounds = pair && pair.low !== null ? `[${decimal(pair.low, 3)}, ${decimal(pair.high, 3)}]` : "";
  fillCell(cells[first], srocc(pair?.reported ?? null), "", ranks === "reported");
  fillCell(cells[first + 1], srocc(pair?.measured ?? null), bounds, ranks === "measured");
}

function attackNote(place, ranking) {
  if (ranking.threat.attack !== ALL) return place.robust.parameters;
  return `${place.attacks === ranking.attacks ? "worst" : place.attacks} of ${ranking.attacks}`;
}

function fillCell(cell, words, note = "", bold = false) {
  cell.replaceChildren(bold ? make("b", words) : words);
  if (note) cell.append(make("small", note));
}

function make(tag, words = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = words;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function srocc(number) {
  if (number === null) return UNKNOWN;
  return Number.isNaN(number) ? "undefined" : decimal(number, 4);
}

// Ten-thousandths, with a true minus sign.
function decimal(number, digits) {
  return (number / 10000).toFixed(digits).replace("-", "−");
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function listAbsent(absent) {
  const list = element("absent");
  list.hidden = !absent.length;
  list.querySelector("summary").textContent = `${plural(absent.length, "model")} without a number here`;
  const links = absent.map(({ row }) => row.cells[COLUMN.model].querySelector("a").cloneNode(true));
  list.querySelector("p").replaceChildren(...links.flatMap((link, index) => (index ? [", ", link] : [link])));
}

// --- Sorting ---

function addSortButtons(state) {
  for (const heading of table.querySelectorAll("[data-sort]")) {
    const button = make("button", heading.textContent, { type: "button" });
    const group = { clean: "Clean SROCC", robust: "Robust SROCC" }[heading.dataset.sort.split("-")[0]];
    if (group) button.setAttribute("aria-label", `${group}, ${heading.textContent}`);
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const chosen = heading.dataset.sort;
      state.descending = chosen === state.sort ? !state.descending : DESCENDING_FIRST.test(chosen);
      state.sort = chosen;
      arrange(state);
      writeHash(state);
    });
  }
}

function sorted(state) {
  const turn = state.descending ? -1 : 1;
  const keyed = state.ranking.places.map((place, order) => ({ place, order, key: sortKey(place, state) }));
  // What is not known is last in either direction, and ties stand by rank.
  keyed.sort(
    (a, b) => (a.key === null) - (b.key === null) || turn * compare(a.key, b.key) || a.order - b.order,
  );
  return keyed.map(({ place }) => place);
}

function markSorted(state) {
  for (const heading of table.querySelectorAll("[data-sort]")) {
    if (heading.dataset.sort !== state.sort) heading.removeAttribute("aria-sort");
    else heading.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
  }
}

function sortKey(place, state) {
  const { entrant, robust, clean } = place;
  const isClean = state.ranking.threat.attack === board.clean;
  const keys = {
    rank: () => place.rank,
    model: () => entrant.index,
    paper: () => entrant.year,
    training: () => entrant.training || null,
    "clean-reported": () => clean?.reported,
    "clean-measured": () => clean?.measured,
    "robust-reported": () => (isClean ? null : robust.reported),
    "robust-measured": () => (isClean ? null : robust.measured),
    attack: () => (isClean ? null : robust.attack),
    images: () => robust.images[0],
    doubts: () => (entrant.unreliable ? 1000 : 0) + entrant.doubts,
  };
  const key = keys[state.sort]() ?? null;
  return Number.isNaN(key) || key === NO_RANK ? null : key;
}

// --- Filters ---

function filtered(places) {
  const words = folded(filters.text.value).split(/\s+/).filter(Boolean);
  return places.filter(
    ({ entrant, robust }) =>
      words.every((word) => entrant.text.includes(word)) &&
      (!filters.training.value || entrant.training === filters.training.value) &&
      (!filters.measured.checked || robust.measured !== null) &&
      (!filters.reliable.checked || !entrant.unreliable),
  );
}

// --- The rows that are shown, in their order ---

function arrange(state) {
  const shown = filtered(sorted(state));
  markSorted(state);
  putRows(shown, state);
  const all = state.ranking.places.length;
  const count = shown.length < all ? `${shown.length} of ${plural(all, "model")}` : plural(all, "model");
  const status = `${count}, ranked by the number in bold.`;
  if (element("count").textContent !== status) element("count").textContent = status;
}

// The browser takes long to lay out hundreds of rows. Those in sight come at once, the others after they are
// painted, unless the reader has asked for another order in the meantime.
function putRows(places, state) {
  const turn = ++state.turn;
  const put = (from, count) => {
    if (turn !== state.turn) return;
    state.body.append(...places.slice(from, from + count).flatMap((place) => rowsOf(place, state.ranking)));
    if (from + count < places.length) afterPaint(() => put(from + count, ROWS_LATER));
  };
  state.body.replaceChildren();
  put(0, ROWS_AT_ONCE);
}

function afterPaint(act) {
  requestAnimationFrame(() => setTimeout(act));
}

function rowsOf(place, ranking) {
  const { row, opened } = place.entrant;
  if (!place.filled) fillRow(place, ranking);
  place.filled = true;
  row.hidden = false;
  return opened ? [row, opened] : [row];
}

// --- Curves: beside what the reader points at, or in the table ---

function addToggle(entrant, state) {
  const heading = entrant.row.cells[COLUMN.model];
  const button = make("button", "", { type: "button", class: "more", "aria-expanded": "false" });
  button.setAttribute("aria-label", `Curve of ${heading.textContent.trim()}`);
  heading.prepend(button);
  button.addEventListener("click", () => toggle(entrant, state));
}

function toggle(entrant, state) {
  hideHover();
  const opens = !entrant.opened;
  entrant.row.querySelector(".more").setAttribute("aria-expanded", String(opens));
  if (opens) {
    entrant.opened = make("tr", "", { class: "opened" });
    entrant.opened.append(make("td", "", { colspan: entrant.row.cells.length }));
    fillOpened(entrant, state);
    entrant.row.after(entrant.opened);
  } else {
    entrant.opened.remove();
    entrant.opened = null;
  }
}

function fillOpened(entrant, state) {
  const about = make("div", "", { class: "about" });
  about.append(figureOf(entrant, state.ranking.threat.dataset));
  const doubts = entrant.row.querySelector("td ul");
  if (doubts) about.append(doubts.cloneNode(true));
  entrant.opened.cells[0].replaceChildren(about);
}

function listenToPointer(state) {
  const entrantOf = (target) => {
    const row = target.closest("tr[data-entrant]");
    return row ? state.entrants[row.dataset.entrant] : null;
  };
  state.body.addEventListener("click", ({ target }) => {
    const entrant = entrantOf(target);
    // A reader who selects text, or means a link, a button or a doubt, does not mean the row.
    if (entrant && !target.closest("a, button, summary, details") && getSelection().isCollapsed) toggle(entrant, state);
  });
  state.body.addEventListener("pointermove", ({ target, pointerType }) => {
    if (pointerType === "mouse") showHover(entrantOf(target), state);
  });
  state.body.addEventListener("pointerleave", hideHover);
  state.body.addEventListener("focusin", ({ target }) => {
    if (target.matches(".more:focus-visible")) showHover(entrantOf(target), state);
  });
  state.body.addEventListener("focusout", hideHover);
  document.addEventListener("scroll", hideHover, { capture: true, passive: true });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hideHover());
}

function showHover(entrant, state) {
  if (entrant === hover.entrant) return;
  hideHover();
  if (!entrant || entrant.opened) return;
  hover.entrant = entrant;
  // Not at once: who only crosses the table is not to be followed by curves.
  hover.timer = setTimeout(() => {
    hover.card ??= document.body.appendChild(make("div", "", { id: "hover", "aria-hidden": "true" }));
    const name = make("p");
    name.append(entrant.row.querySelector("bdi").cloneNode(true), ` on ${board.datasets[state.ranking.threat.dataset][1]}`);
    hover.card.replaceChildren(name, figureOf(entrant, state.ranking.threat.dataset));
    hover.card.hidden = false;
    putBeside(hover.card, entrant.row.getBoundingClientRect());
  }, 150);
}

function hideHover() {
  clearTimeout(hover.timer);
  hover.entrant = null;
  if (hover.card) hover.card.hidden = true;
}

// Below the row, or above it where there is more room: the row itself stays in sight.
function putBeside(card, row) {
  const below = row.bottom + card.offsetHeight + 12 < innerHeight || row.top < innerHeight / 2;
  const right = Math.min(row.right, document.documentElement.clientWidth) - card.offsetWidth - 24;
  card.style.left = `${Math.max(8, right)}px`;
  card.style.top = `${below ? row.bottom + 8 : row.top - card.offsetHeight - 8}px`;
}

if (table) start();
