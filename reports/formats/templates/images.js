/* What attacks did to each image. The page knows the scores; a picture is loaded when it comes into sight. */

const atFirst = 60; // images shown until all are asked for
const { cells, facts } = JSON.parse(document.getElementById("known").textContent);
const form = document.getElementById("controls");
const list = document.getElementById("images");
const viewer = document.getElementById("viewer");
const directions = { low: "lower the score", high: "raise the score", adversarial: "as the attack wants" };
const every = "all";
let all = false;
let shown = {}; // the cell and the image in the viewer

const one = (id) => document.getElementById(id);

function fill(select, values, kept = select.value) {
  select.replaceChildren(...values.map((value) => new Option(value, value)));
  if (values.includes(kept)) select.value = kept;
}

const distinct = (values) => [...new Set(values)];

/* The choices that exist given those before them. */
function offer() {
  const { dataset, model, attack, distortion } = form.elements;
  fill(dataset, distinct(cells.map((cell) => cell.dataset)));
  const here = cells.filter((cell) => cell.dataset === dataset.value);
  fill(model, distinct(here.map((cell) => cell.model)));
  const ofModel = here.filter((cell) => cell.model === model.value);
  fill(attack, distinct(ofModel.map((cell) => cell.attack)));
  fill(distortion, [every, ...distinct(Object.values(facts[dataset.value]).map(([name]) => name)).sort()]);
}

function chosen() {
  const { dataset, model, attack } = form.elements;
  return cells.find(
    (cell) => cell.dataset === dataset.value && cell.model === model.value && cell.attack === attack.value,
  );
}

const [lowest, highest] = ["min", "max"].map(
  (which) => (cell, image) => Math[which](...Object.values(cell.ends).map((scores) => scores[image] ?? cell.clean[image])),
);
const change = (cell, image, end) => Math.abs(cell.ends[end][image] - cell.clean[image]);
const furthest = (cell, image) =>
  Object.keys(cell.ends).reduce((one, other) => (change(cell, image, other) > change(cell, image, one) ? other : one));
const moved = (cell, image) => change(cell, image, furthest(cell, image));
const number = (value) => (Number(value.toFixed(3)) + 0).toFixed(3).replace("-", "−"); // + 0 makes a zero positive
const factOf = (cell, image) => facts[cell.dataset][image] ?? ["", null];

function draw() {
  const cell = chosen();
  const distortion = form.elements.distortion.value;
  const images = Object.keys(cell.files)
    .filter((image) => distortion === every || factOf(cell, image)[0] === distortion)
    .sort((one, other) => moved(cell, other) - moved(cell, one));
  one("count").textContent = `${images.length} images`;
  list.replaceChildren(...(all ? images : images.slice(0, atFirst)).map((image) => item(cell, image)));
  one("more").hidden = all || images.length <= atFirst;
}

function item(cell, image) {
  const button = element("button", "", { type: "button" });
  const picture = element("img", "", { loading: "lazy", alt: "", src: `${cell.folder}/clean/${cell.files[image]}` });
  const scores = `${number(cell.clean[image])} → ${number(cell.ends[furthest(cell, image)][image])}`;
  button.append(picture, element("strong", scores), element("span", [image, factOf(cell, image)[0]].filter(Boolean).join(" · ")));
  button.addEventListener("click", () => open(cell, image));
  const entry = element("li");
  entry.append(button);
  return entry;
}

function open(cell, image) {
  shown = { cell, image };
  const [distortion, quality] = factOf(cell, image);
  const label = quality === null ? "" : `label ${number(quality)}`;
  one("viewer-name").textContent = [image, distortion, label].filter(Boolean).join(" · ");
  const ends = Object.keys(cell.ends);
  one("end").replaceChildren(...ends.map((end) => new Option(directions[end], end)));
  one("end").value = furthest(cell, image);
  one("scores").replaceChildren(...scoresOf(image).map(row));
  show();
  viewer.showModal();
}

const scoresOf = (image) => cells.filter((cell) => cell.dataset === shown.cell.dataset && image in cell.files);

function row(cell) {
  const { image } = shown;
  const [clean, low, high] = [cell.clean[image], lowest(cell, image), highest(cell, image)].map(number);
  const columns = { Attack: cell.attack, Clean: clean, Lowest: low, Highest: high };
  const made = element("tr", "", { class: cell === shown.cell ? "shown" : "" });
  made.append(element("th", cell.model, { scope: "row" }));
  made.append(...Object.entries(columns).map(([label, text]) => element("td", text, { "data-label": label })));
  return made;
}

function show() {
  const { cell, image } = shown;
  const clean = `${cell.folder}/clean/${cell.files[image]}`;
  const attacked = `${cell.folder}/${one("end").value}/${cell.files[image]}`;
  one("clean").src = clean;
  one("attacked").src = attacked;
  one("attacked").style.setProperty("--from", `${100 - one("slider").value}%`);
  drawDifference();
}

function canvasOf(image, canvas = document.createElement("canvas")) {
  Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "lighter"; // adds, up to white
  return context;
}

function invert(context) {
  context.globalCompositeOperation = "difference";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, context.canvas.width, context.canvas.height);
  context.globalCompositeOperation = "lighter";
}

/* What one picture is brighter than another. Pages from disk may not read pixels, but they may add pictures. */
function excess(picture, other) {
  const context = canvasOf(picture);
  context.drawImage(picture, 0, 0);
  invert(context);
  context.drawImage(other, 0, 0);
  invert(context);
  return context.canvas;
}

function drawDifference() {
  const [clean, attacked] = [one("clean"), one("attacked")];
  if (![clean, attacked].every((picture) => picture.complete && picture.naturalWidth)) return;
  const context = canvasOf(clean, one("difference"));
  context.fillStyle = "#808080";
  context.fillRect(0, 0, clean.naturalWidth, clean.naturalHeight);
  for (const pair of [[attacked, clean], [clean, attacked]]) {
    const part = excess(...pair);
    for (let times = 0; times < Number(one("times").value); times++) context.drawImage(part, 0, 0);
    invert(context); // what comes next is taken away
  }
}

form.addEventListener("change", () => {
  offer();
  draw();
});
form.addEventListener("submit", (event) => event.preventDefault());
one("more").addEventListener("click", () => {
  all = true;
  draw();
});
for (const id of ["clean", "attacked"]) one(id).addEventListener("load", drawDifference);
for (const id of ["slider", "times", "end"]) one(id).addEventListener("input", show);
one("close").addEventListener("click", () => viewer.close());
offer();
draw();
