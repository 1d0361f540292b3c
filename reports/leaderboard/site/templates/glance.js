// Two pictures of the ranking that is shown: clean against robust SROCC of its models, and SROCC over epsilon
// of those that are picked. What is picked has a colour and a name, the others are dots.

const square = { ...layout, height: 300, left: 52, right: 116 };
const BANDED = 3; // models whose bands can be told apart
const picks = { chosen: null, looks: new Map(), drawn: null }; // indices of entrants; null for the first of the ranking

function pickedIn(ranking) {
  return picks.chosen ?? ranking.entrants.slice(0, layout.looks);
}

// Of more models than there are colours the first that was picked gives way.
function pick(index, wanted) {
  const others = pickedIn(state.ranking).filter((one) => one !== index);
  picks.chosen = wanted ? [...others, index].slice(-layout.looks) : others;
}

// An order of the rows changes no picture.
function drawGlance(shown) {
  const { ranking } = state;
  const picked = pickedIn(ranking);
  const drawn = String([ranking.caption, picked, shown.map(({ entrant }) => entrant.index).sort()]);
  if (drawn === picks.drawn) return;
  picks.drawn = drawn;
  keepLooks(picked);
  for (const { entrant } of shown) entrant.box.checked = picked.includes(entrant.index);
  const glance = element("glance");
  glance.hidden = isClean();
  if (isClean()) return;
  const figures = [scatterOf(shown), curvesOf(ranking, picked)];
  glance.querySelector(".figures").replaceChildren(...figures);
}

// A model keeps its colour for as long as it is picked.
function keepLooks(picked) {
  for (const index of [...picks.looks.keys()]) if (!picked.includes(index)) picks.looks.delete(index);
  for (const index of picked) {
    const taken = new Set(picks.looks.values());
    const free = [...Array(layout.looks).keys()].find((look) => !taken.has(look));
    if (!picks.looks.has(index)) picks.looks.set(index, free);
  }
}

function nameOf(entrant) {
  return entrant.row.querySelector("bdi").textContent;
}

function captioned(words, chart, note) {
  const figure = make("figure");
  figure.append(make("figcaption", words, { class: "title" }));
  figure.append(chart ?? make("p", "No defined number to draw."), make("figcaption", note));
  return figure;
}

function curvesOf(ranking, picked) {
  const along = board.rankings.filter((one) => one.dataset === ranking.dataset && one.attack === ranking.attack);
  const banded = picked.length <= BANDED;
  const lines = picked.flatMap((index) => {
    const conditions = along.map((one) => {
      const line = one.entrants.indexOf(index);
      return line < 0 ? null : at(one.robust, line);
    });
    const { numbers } = board.entrants[index];
    const known = [ranking.clean, ...conditions].map((condition) => numbers.get(condition));
    return lineOf(nameOf(board.entrants[index]), picks.looks.get(index), banded ? known : known.map(unbounded));
  });
  const title = `SROCC over ε, ${board.datasets[ranking.dataset].label}, ${ranking.label}`;
  const line = banded ? "Line and band: measured, with its 95% interval." : "Line: measured.";
  const note = `${line} Hollow: reported. At 0: no attack.`;
  return captioned(title, lines.length ? chart(lines, title) : null, note);
}

function unbounded(pair) {
  return pair && { ...pair, low: null, high: null };
}

function scatterOf(shown) {
  const points = shown.flatMap(({ entrant, clean, robust }) => {
    const [x, y] = [clean, robust].map((pair) => pair && (pair.measured ?? pair.reported));
    if (x === null || Number.isNaN(x) || Number.isNaN(y)) return [];
    const kind = robust.measured === null ? "reported" : "measured";
    return [{ entrant, kind, x, y, low: robust.low, high: robust.high, look: picks.looks.get(entrant.index) ?? null }];
  });
  const title = `Clean against robust SROCC, ${state.ranking.caption}`;
  const note = "On the dashed line nothing is lost. Bar: 95% interval. Hollow: reported. Ring: doubtful or unreliable.";
  return captioned(title, points.length ? scatter(points, title) : null, note);
}

function scatter(points, title) {
  const floorOf = (numbers) => Math.floor(Math.min(7500, ...numbers) / 2500) / 4;
  const [left, low] = [floorOf(points.map((point) => point.x)), floorOf([0, ...points.map((point) => point.y)])];
  const said = points.slice(0, 20).map(({ entrant, x, y }) => `${nameOf(entrant)}: ${decimal(x, 2)} clean, ${decimal(y, 2)} robust.`);
  const rest = points.length > 20 ? " The table has all." : "";
  const ticks = ticksFrom(left).map((srocc) => [srocc, decimal(srocc, 2)]).reverse();
  const across = { from: 10000 * left, to: 10000, ticks, label: "clean SROCC" };
  const upwards = { floor: low, label: "robust SROCC" };
  const { svg, x, y, end, bottom } = plotOf(square, `${title}. ${said.join(" ")}${rest}`, across, upwards);
  const start = 10000 * Math.max(left, low);
  svg.append(draw("path", { class: "same", d: `M${x(start)} ${y(start)}L${x(10000)} ${y(10000)}` }));
  // What is picked is drawn last, over the others.
  for (const point of [...points].sort((a, b) => (a.look !== null) - (b.look !== null))) {
    svg.append(dot(point, x, y, low));
  }
  const picked = points.filter((point) => point.look !== null);
  const named = picked.map(({ entrant, look, kind, y: robust }) => ({ name: nameOf(entrant), look, kind, at: y(robust) }));
  svg.append(...names(named, end, bottom));
  return svg;
}

function dot({ entrant, kind, x: clean, y: robust, low, high, look }, x, y, floor) {
  const group = draw("g", { class: look === null ? "rest" : lookOf({ look }) });
  group.append(draw("title", {}, nameOf(entrant)));
  if (look !== null && low !== null) {
    group.append(draw("path", { class: "bar", d: `M${x(clean)} ${y(Math.max(low, 10000 * floor))}V${y(high)}` }));
  }
  const [cx, cy] = [x(clean), y(robust)];
  if (isDoubtful(entrant) || entrant.unreliable) group.append(draw("circle", { class: "ring", cx, cy, r: 7.5 }));
  group.append(marker({ look: look ?? 0 }, kind, `${cx} ${cy}`));
  return group;
}
