"use strict";

// The data of the page, which `payload.py` computes and describes, and what the other scripts share.

const UNKNOWN = "–";
const board = JSON.parse(document.getElementById("board").textContent);

function readBoard() {
  board.entrants.forEach((entrant, index) => {
    Object.assign(entrant, { index, numbers: new Map(), row: null, opened: null });
  });
  board.conditions.forEach(({ epsilon, entrants, ...columns }, condition) => {
    (entrants ?? [...board.entrants.keys()]).forEach((entrant, line) => {
      const [reported, measured] = [columns.reported, columns.measured].map((column) => value(at(column, line)));
      const [low, high] = [columns.low, columns.high].map((column) => at(column, line));
      const bounds = low === null || high === null ? { low: null, high: null } : { low: 10 * low, high: 10 * high };
      board.entrants[entrant].numbers.set(condition, { epsilon, reported, measured, ...bounds });
    });
  });
}

// The item of a line of a column.
function at(column, line) {
  return Array.isArray(column) ? column[line] : column;
}

function value(number) {
  return number === "-" ? NaN : number; // null where there is none
}

// Ten-thousandths, with a true minus sign, which what rounds to zero does not have.
function decimal(number, digits) {
  const rounded = Number((number / 10000).toFixed(digits)) + 0; // + 0 makes a zero positive
  return rounded.toFixed(digits).replace("-", "−");
}

function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

function make(tag, words = "", attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = words;
  for (const [name, text] of Object.entries(attributes)) made.setAttribute(name, text);
  return made;
}

readBoard();
