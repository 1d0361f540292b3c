// Curves: SROCC over epsilon as SVG, a line per attack. Colours are those of the style sheet.

const layout = {
  width: 450,
  height: 250,
  left: 58,
  right: 120,
  top: 12,
  bottom: 42,
  gap: 14, // between the names of two lines, at least
  tick: 26, // between two ticks across, at least
  letters: 14, // of a line's name
  looks: 8, // colours in the style sheet
  markers: [
    "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z",
    "M-3-3h6v6h-6z",
    "M0-4.1l4 7.1h-8z",
    "M0-4.6l4.6 4.6-4.6 4.6-4.6-4.6z",
    "M-4-2.9h8l-4 7.1z",
  ],
};

function figureOf(entrant, dataset) {
  const figure = make("figure");
  const lines = linesOf(entrant, dataset);
  if (lines.length) figure.append(chart(lines, `SROCC over epsilon on ${board.datasets[dataset].label}`));
  const legend = "Line and band: measured, with its 95% interval. Hollow: reported. At 0: no attack.";
  figure.append(make("figcaption", lines.length ? legend : "No defined number to draw."));
  return figure;
}

function linesOf(entrant, dataset) {
  return board.datasets[dataset].curves.flatMap(([name, look, conditions]) =>
    lineOf(name, look, conditions.map((condition) => entrant.numbers.get(condition))),
  );
}

// A line, in an array, of the numbers of a model by epsilon; an empty array if none of them is under attack.
function lineOf(name, look, numbers) {
  const along = numbers.filter(Boolean);
  const marks = (kind) => along.filter((pair) => pair[kind] !== null && !Number.isNaN(pair[kind]));
  const measured = marks("measured").map((pair) => ({ ...pair, srocc: pair.measured }));
  const reported = marks("reported").map((pair) => ({ ...pair, srocc: pair.reported, low: null, high: null }));
  const attacked = along.some((pair) => pair.epsilon > 0);
  return attacked && measured.length + reported.length ? [{ name, look, measured, reported }] : [];
}

function chart(lines, title) {
  const marks = lines.flatMap((line) => [...line.measured, ...line.reported]);
  const floor = Math.floor(Math.min(0, ...marks.map((mark) => mark.low ?? mark.srocc)) / 2500) / 4;
  const epsilons = [...new Set(marks.map((mark) => mark.epsilon))].sort((a, b) => a - b);
  const ticks = epsilons.map((epsilon) => [epsilon, String(epsilon)]);
  const across = { from: 0, to: epsilons.at(-1) || 1, ticks, label: "ε, in units of 1/255" };
  const plot = plotOf(layout, `${title}. ${lines.map(inWords).join(" ")}`, across, { floor, label: "SROCC" });
  plot.svg.append(...lines.map((line) => drawLine(line, plot)), ...endsOf(lines, plot));
  return plot.svg;
}

// A chart without data, and where in it data stand: SROCC, in ten-thousandths, from `floor` upwards.
function plotOf(box, words, across, { floor, label }) {
  const viewBox = `0 0 ${box.width} ${box.height}`;
  const svg = draw("svg", { class: "chart", viewBox, role: "img", "aria-label": words });
  const [end, bottom] = [box.width - box.right, box.height - box.bottom];
  const x = (value) => box.left + ((end - box.left) * (value - across.from)) / (across.to - across.from);
  const y = (srocc) => box.top + ((bottom - box.top) * (1 - srocc / 10000)) / (1 - floor);
  for (const srocc of ticksFrom(floor)) {
    svg.append(draw("path", { class: srocc ? "grid" : "zero", d: `M${box.left} ${y(srocc)}H${end}` }));
    svg.append(draw("text", { class: "tick srocc", x: box.left - 7, y: y(srocc) }, decimal(srocc, 2)));
  }
  let last = -Infinity;
  for (const [value, text] of across.ticks) {
    if (x(value) - last < box.tick) continue;
    last = x(value);
    svg.append(draw("text", { class: "tick epsilon", x: last, y: box.height - 26 }, text));
  }
  svg.append(draw("text", { class: "axis", x: (box.left + end) / 2, y: box.height - 8 }, across.label));
  svg.append(draw("text", { class: "axis", transform: `translate(11 ${(box.top + bottom) / 2}) rotate(-90)` }, label));
  return { svg, x, y, end, bottom };
}

function draw(tag, attributes, words = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = words;
  return made;
}

function ticksFrom(floor) {
  const step = floor > 0.5 ? 500 : floor > -0.25 ? 2500 : 5000;
  const count = Math.floor((10000 * (1 - floor)) / step);
  return [...Array(count + 1).keys()].map((index) => 10000 - index * step);
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

function endsOf(lines, { end, bottom, y }) {
  const ends = lines.map(({ name, look, measured, reported }) => {
    return { name, look, kind: "measured", at: y((measured.at(-1) ?? reported.at(-1)).srocc) };
  });
  return names(ends, end, bottom);
}

// Names at the right, each at the height `at` of what it names or near it.
function names(named, end, bottom) {
  named.sort((a, b) => a.at - b.at || compare(a.name, b.name));
  named.forEach((one, index) => {
    if (index) one.at = Math.max(one.at, named[index - 1].at + layout.gap);
  });
  const overshoot = Math.max(0, (named.at(-1)?.at ?? 0) - bottom);
  return named.flatMap(({ name, look, kind, at }) => {
    const group = draw("g", { class: lookOf({ look }) });
    group.append(marker({ look }, kind, `${end + 13} ${at - overshoot}`));
    return [group, draw("text", { class: "name", x: end + 22, y: at - overshoot }, shortened(name))];
  });
}

function shortened(name) {
  return name.length <= layout.letters ? name : `${name.slice(0, layout.letters - 1)}…`;
}

function marker(line, kind, at) {
  const shape = layout.markers[Math.max(0, line.look) % layout.markers.length];
  return draw("path", { class: kind, transform: `translate(${at})`, d: shape });
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

for (const holder of document.querySelectorAll("[data-curves]")) {
  holder.append(figureOf(board.entrants[0], Number(holder.dataset.curves)));
}
