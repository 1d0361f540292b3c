"use strict";

// The page comes with one ranking in full. This script shows the others: it ranks the numbers that are
// embedded in the page as `ranking.py` does, fills the table's rows anew, sorts and filters them, and draws
// curves. Texts of users are in the rows already and are moved or cloned, never parsed.

// The data, from `payload.py`:
//   datasets: [name, label, whether it is a stand-in]     attacks: [name, label, whether it is a control]
//   conditions: [dataset, attack, epsilon] by index       clean: index of the attack that is none
//   images: [count, whether of a part of the images]      parameters: texts
//   entrants: by name; `numbers` is a flat list of
//     condition, reported, measured, low, high, images, parameters
//   SROCC in ten-thousandths, bounds in thousandths, null for none, "-" for undefined.
const board = JSON.parse(document.getElementById("board").textContent);
const layout = board.layout;
const ALL = "all";
const NO_RANK = Infinity;
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

// --- Data ---

function readEntrant(entrant, index) {
  const numbers = new Map();
  for (let i = 0; i < entrant.numbers.length; i += 7) {
    const [condition, reported, measured, low, high, images, parameters] = entrant.numbers.slice(i, i + 7);
    const bounded = low !== null && high !== null;
    numbers.set(condition, {
      attack: board.conditions[condition][1],
      epsilon: board.conditions[condition][2],
      reported: value(reported),
      measured: value(measured),
      low: bounded ? 10 * low : null,
      high: bounded ? 10 * high : null,
      images: board.images[images],
      parameters: board.parameters[parameters],
    });
  }
  return { ...entrant, index, text: folded(entrant.text), numbers, row: null, place: null, opened: null };
}

function value(number) {
  return number === "-" ? NaN : number; // null where there is none
}

function folded(words) {
  return words.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

// The number that ranks: the measured one, also where it is undefined, else the reported one.
function decisive(pair) {
  return pair.measured ?? pair.reported;
}

// Undefined is lower than any.
function height(number) {
  return Number.isNaN(number) ? -Infinity : number;
}

// --- Ranking ---

function rank(entrants, threat) {
  const conditions = conditionsOf(threat);
  const clean = conditionOf(threat.dataset, board.clean, 0);
  const places = [];
  for (const entrant of entrants) {
    const faced = conditions.map((condition) => entrant.numbers.get(condition)).filter(Boolean);
    entrant.place = faced.length ? placeOf(entrant, faced, clean) : null;
    if (entrant.place) places.push(entrant.place);
  }
  places.sort((a, b) => compare(b.height, a.height) || a.entrant.index - b.entrant.index);
  giveRanks(places);
  return { threat, places, absent: entrants.filter((entrant) => !entrant.place), attacks: conditions.length };
}

function placeOf(entrant, faced, clean) {
  const robust = faced.reduce((worst, pair) => (height(decisive(pair)) < height(decisive(worst)) ? pair : worst));
  const at = height(decisive(robust));
  const bounded = robust.measured !== null && robust.low !== null;
  return {
    entrant,
    robust,
    clean: entrant.numbers.get(clean) ?? null,
    attacks: faced.length,
    height: at,
    low: bounded ? robust.low : at,
    high: bounded ? robust.high : at,
    filled: false,
  };
}

// A rank, and the best and the worst that overlapping intervals leave open.
function giveRanks(places) {
  const defined = places.filter((place) => place.height > -Infinity);
  for (const place of places) Object.assign(place, { rank: NO_RANK, best: NO_RANK, worst: NO_RANK });
  for (const place of defined) {
    place.rank = 1 + defined.filter((other) => other.height > place.height).length;
    place.best = Math.min(place.rank, 1 + defined.filter((other) => other.low > place.high).length);
    place.worst = Math.max(place.rank, defined.filter((other) => other.high >= place.low).length);
  }
}

function conditionsOf(threat) {
  return board.conditions.flatMap(([dataset, attack, epsilon], index) =>
    dataset === threat.dataset && epsilon === threat.epsilon && isMeant(attack, threat.attack) ? [index] : [],
  );
}

function isMeant(attack, threat) {
  return threat === ALL ? isThreat(attack) : attack === threat;
}

function isThreat(attack) {
  return attack !== board.clean && !board.attacks[attack][2];
}

function conditionOf(dataset, attack, epsilon) {
  return board.conditions.findIndex(([d, a, e]) => d === dataset && a === attack && e === epsilon);
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
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

function figureOf(entrant, dataset) {
  const figure = make("figure");
  const lines = linesOf(entrant, dataset);
  if (lines.length) figure.append(chart(lines, `SROCC over epsilon on ${board.datasets[dataset][1]}`));
  const legend = "Line and band: measured, with its 95% interval. Hollow: reported. At 0: no attack.";
  figure.append(make("figcaption", lines.length ? legend : "No defined number to draw."));
  return figure;
}

function linesOf(entrant, dataset) {
  const threats = board.attacks.map((_, index) => index).filter(isThreat);
  const known = [...entrant.numbers].filter(([condition]) => board.conditions[condition][0] === dataset);
  const pairs = known.map(([, pair]) => pair).sort((a, b) => a.epsilon - b.epsilon);
  return board.attacks.flatMap(([, name], attack) => {
    if (attack === board.clean || !pairs.some((pair) => pair.attack === attack)) return [];
    const along = pairs.filter((pair) => pair.attack === attack || pair.attack === board.clean);
    const marks = (kind) => along.filter((pair) => pair[kind] !== null && !Number.isNaN(pair[kind]));
    const measured = marks("measured").map((pair) => ({ ...pair, srocc: pair.measured }));
    const reported = marks("reported").map((pair) => ({ ...pair, srocc: pair.reported, low: null, high: null }));
    const line = { name, look: threats.indexOf(attack), measured, reported };
    return measured.length + reported.length ? [line] : [];
  });
}

// The chart of `chart.py`, in the same measures.
function chart(lines, title) {
  const frame = frameOf(lines);
  const svg = draw("svg", {
    class: "chart",
    viewBox: `0 0 ${layout.width} ${layout.height}`,
    role: "img",
    "aria-label": `${title}. ${lines.map(inWords).join(" ")}`,
  });
  svg.append(...axes(frame), ...lines.map((line) => drawLine(line, frame)), ...names(lines, frame));
  return svg;
}

function draw(tag, attributes, words = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = words;
  return made;
}

function frameOf(lines) {
  const marks = lines.flatMap((line) => [...line.measured, ...line.reported]);
  const floor = Math.floor(Math.min(0, ...marks.map((mark) => mark.low ?? mark.srocc)) / 2500) / 4;
  const epsilons = [...new Set(marks.map((mark) => mark.epsilon))].sort((a, b) => a - b);
  const reach = epsilons.at(-1) || 1;
  const end = layout.width - layout.right;
  const tall = layout.height - layout.top - layout.bottom;
  return {
    floor,
    epsilons,
    end,
    x: (epsilon) => layout.left + ((end - layout.left) * epsilon) / reach,
    y: (srocc) => layout.top + (tall * (1 - srocc / 10000)) / (1 - floor),
  };
}

function axes({ floor, epsilons, end, x, y }) {
  const parts = [];
  const step = floor > -0.25 ? 0.25 : 0.5;
  for (let srocc = Math.ceil(floor / step) * step; srocc <= 1; srocc += step) {
    const at = y(10000 * srocc);
    parts.push(draw("path", { class: srocc ? "grid" : "zero", d: `M${layout.left} ${at}H${end}` }));
    parts.push(draw("text", { class: "tick srocc", x: layout.left - 7, y: at }, decimal(10000 * srocc + 0, 2)));
  }
  let last = -Infinity;
  for (const epsilon of epsilons) {
    if (x(epsilon) - last < layout.tick) continue;
    last = x(epsilon);
    parts.push(draw("text", { class: "tick epsilon", x: last, y: layout.height - 26 }, String(epsilon)));
  }
  const middle = (layout.left + end) / 2;
  const centre = (layout.top + layout.height - layout.bottom) / 2;
  parts.push(draw("text", { class: "axis", x: middle, y: layout.height - 8 }, "ε, in units of 1/255"));
  parts.push(draw("text", { class: "axis", transform: `translate(11 ${centre}) rotate(-90)` }, "SROCC"));
  return parts;
}

function drawLine(line, { x, y }) {
  const at = (epsilon, srocc) => `${x(epsilon)} ${y(srocc)}`;
  const group = draw("g", { class: lookOf(line) });
  const bounded = line.measured.filter((mark) => mark.low !== null);
  if (bounded.length > 1) {
    const above = bounded.map((mark) => at(mark.epsilon, mark.high));
    const below = bounded.map((mark) => at(mark.epsilon, mark.low)).reverse();
    group.append(draw("path", { class: "band", d: `M${[...above, ...below].join("L")}z` }));
  }
  if (line.measured.length > 1) {
    const points = line.measured.map((mark) => at(mark.epsilon, mark.srocc));
    group.append(draw("path", { class: "line", d: `M${points.join("L")}` }));
  }
  for (const kind of ["measured", "reported"]) {
    for (const mark of line[kind]) group.append(marker(line, kind, at(mark.epsilon, mark.srocc)));
  }
  return group;
}

// The names of the lines at the right, each at the height of its line's end or near it.
function names(lines, { end, y }) {
  const ends = lines.map((line) => ({ line, at: y((line.measured.at(-1) ?? line.reported.at(-1)).srocc) }));
  ends.sort((a, b) => a.at - b.at || compare(a.line.name, b.line.name));
  ends.forEach((one, index) => {
    if (index) one.at = Math.max(one.at, ends[index - 1].at + layout.gap);
  });
  const overshoot = Math.max(0, ends.at(-1).at - (layout.height - layout.bottom));
  return ends.flatMap(({ line, at }) => {
    const group = draw("g", { class: lookOf(line) });
    group.append(marker(line, "measured", `${end + 13} ${at - overshoot}`));
    const short = line.name.length <= layout.letters ? line.name : `${line.name.slice(0, layout.letters - 1)}…`;
    return [group, draw("text", { class: "name", x: end + 22, y: at - overshoot }, short)];
  });
}

function marker(line, kind, place) {
  const shape = layout.markers[Math.max(0, line.look) % layout.markers.length];
  return draw("path", { class: kind, transform: `translate(${place})`, d: shape });
}

function lookOf(line) {
  return line.look < 0 ? "control" : `look-${line.look % layout.looks}`;
}

function inWords({ name, measured, reported }) {
  const said = (kind, marks) =>
    marks.length
      ? [`${name}, ${kind}: ${marks.map((mark) => `${decimal(mark.srocc, 2)} at ${mark.epsilon}`).join(", ")}.`]
      : [];
  return [...said("measured", measured), ...said("reported", reported)].join(" ");
}

if (table) start();
