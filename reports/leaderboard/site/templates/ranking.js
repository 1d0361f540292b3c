"use strict";

// The data of the page, and its rankings, as `ranking.py` makes them.

// The data, from `payload.py`:
//   datasets: [name, label, whether it is a stand-in]     attacks: [name, label, whether it is a control]
//   conditions: [dataset, attack, epsilon] by index       clean: index of the attack that is none
//   images: [count, whether of a part of the images]      parameters: texts
//   entrants: by name; `numbers` is a flat list of
//     condition, reported, measured, low, high, images, parameters
//   SROCC in ten-thousandths, bounds in thousandths, null for none, "-" for undefined.
const board = JSON.parse(document.getElementById("board").textContent);
const ALL = "all";
const NO_RANK = Infinity;

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
