// The curve that appears where the pointer or the keyboard rests on a row.

const hover = { card: null, entrant: null, timer: 0 };

function showHover(entrant) {
  if (entrant === hover.entrant) return;
  hideHover();
  if (!entrant || entrant.opened) return;
  hover.entrant = entrant;
  // The delay spares a reader who only crosses the table.
  hover.timer = setTimeout(() => {
    hover.card ??= document.body.appendChild(make("div", "", { id: "hover", "aria-hidden": "true" }));
    const { dataset } = state.ranking;
    const name = make("p");
    name.append(entrant.row.querySelector("bdi").cloneNode(true), ` on ${board.datasets[dataset].label}`);
    hover.card.replaceChildren(name, figureOf(entrant, dataset));
    hover.card.hidden = false;
    position(hover.card, entrant.row.getBoundingClientRect());
  }, 150);
}

function hideHover() {
  clearTimeout(hover.timer);
  hover.entrant = null;
  if (hover.card) hover.card.hidden = true;
}

// Below the row, or above it where there is more room: the row itself stays in sight.
function position(card, row) {
  const below = row.bottom + card.offsetHeight + 12 < innerHeight || row.top < innerHeight / 2;
  const right = Math.min(row.right, document.documentElement.clientWidth) - card.offsetWidth - 24;
  card.style.left = `${Math.max(8, right)}px`;
  card.style.top = `${below ? row.bottom + 8 : row.top - card.offsetHeight - 8}px`;
}
