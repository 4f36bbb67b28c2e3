// Draws the icicle, and says it in words.

/// Width from which a cell is set off from the next, and from which it has room for a number.
const PARTED = 4;
/// So few clusters are hardly ever narrower than a pixel.
const FEW_CELLS = 50;
const WIDE_ENOUGH = 34;

/// Draws all rows of an icicle.
function paintIcicle(icicle) {
  const { canvas, rows } = icicle;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const ground = getComputedStyle(canvas).backgroundColor;
  const scale = icicle.scale();
  const tall = LAYER - GAP;
  rows.forEach((row, at) => {
    const top = at * LAYER;
    for (const item of icicle.drawn()[at]) {
      const left = (item.from - icicle.view.from) * scale;
      const wide = (item.to - item.from) * scale;
      if (left + wide < 0) continue;
      if (left > width) break;
      if (item.narrow) paintNarrow(pen, icicle, row, item, { top, tall, ground });
      else paintCell(pen, icicle, row, item.first, { left, top, wide, tall, ground });
    }
    if (row.linked) paintParents(pen, icicle, rows[at - 1], at * LAYER, ground);
  });
  paintFocus(pen, icicle, getComputedStyle(canvas).color, ground);
}

/// Sets the children of one parent off from those of the next.
function paintParents(pen, icicle, above, top, ground) {
  const scale = icicle.scale();
  pen.fillStyle = ground;
  above.place.forEach((_, cell) => {
    const wide = above.size[cell] * scale;
    if (wide >= 2 * PARTED) pen.fillRect((above.from[cell] - icicle.view.from) * scale + wide - 1, top, 1, LAYER - GAP);
  });
}

function paintCell(pen, { shades, colours, canvas }, { level, place }, cell, { left, top, wide, tall, ground }) {
  const value = level.value(shades.name, place[cell]);
  const at = shades.at(level, value);
  const colour = at === null ? null : colours[Math.round(at * (STEPS - 1))];
  pen.fillStyle = colour ?? ground;
  if (colour) pen.fillRect(left, top, wide, tall);
  else hatch(pen, left, top, wide, tall);
  if (wide >= PARTED) {
    pen.fillStyle = ground;
    pen.fillRect(left + wide - 1, top, 1, tall);
  }
  const [from, to] = [Math.max(left, 0), Math.min(left + wide, canvas.clientWidth)];
  const name = String(level.id(place[cell]));
  if (to - from < WIDE_ENOUGH || !colour || pen.measureText(name).width > to - from - 8) return;
  pen.fillStyle = inkOn(colour);
  pen.fillText(name, (from + to) / 2, top + tall / 2);
}

/// Draws clusters narrower than a pixel as one block: each column of pixels has the mean of its clusters, weighted by size, and
/// a comb below says that it is not one cluster.
function paintNarrow(pen, icicle, { level, place, from, size }, item, { top, tall, ground }) {
  const { shades, colours, view } = icicle;
  const scale = icicle.scale();
  const sums = new Map();
  for (let cell = item.first; cell <= item.last; cell++) {
    const column = Math.floor((from[cell] + size[cell] / 2 - view.from) * scale);
    const at = shades.at(level, level.value(shades.name, place[cell]));
    const sum = sums.get(column) ?? [0, 0];
    if (at !== null) sums.set(column, [sum[0] + at * size[cell], sum[1] + size[cell]]);
    else sums.set(column, sum);
  }
  const left = Math.floor((item.from - view.from) * scale);
  const right = Math.max(left + 1, Math.ceil((item.to - view.from) * scale));
  for (const [column, [sum, weight]] of sums) {
    if (weight) {
      pen.fillStyle = colours[Math.round((sum / weight) * (STEPS - 1))];
      pen.fillRect(column, top, 1, tall);
    } else {
      hatch(pen, column, top, 1, tall);
    }
  }
  pen.fillStyle = ground;
  for (let x = left; x < right; x += 4) pen.fillRect(x, top + tall - 7, 2, 7);
}

/// Frames the item under the pointer and the one in focus, so that the frame is seen on every colour.
function paintFocus(pen, icicle, ink, ground) {
  const focused = document.activeElement === icicle.canvas ? icicle.at : null;
  for (const spot of [icicle.under, focused].filter(Boolean)) {
    const item = icicle.itemOf(spot);
    const left = (item.from - icicle.view.from) * icicle.scale();
    const wide = Math.max(5, (item.to - item.from) * icicle.scale());
    for (const [colour, line] of [[ground, 5], [ink, 2.5]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = line;
      pen.strokeRect(left + 1.5, spot.row * LAYER + 1.5, wide - 3, LAYER - GAP - 3);
    }
  }
}

/// Fills a rectangle with slanted lines, which mean that a value is not defined.
function hatch(pen, left, top, wide, tall) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, wide, tall);
  pen.clip();
  pen.strokeStyle = "#808080";
  pen.lineWidth = 1;
  pen.beginPath();
  // the same lines in all cells
  for (let x = Math.floor((left - tall) / 6) * 6; x < left + wide; x += 6) {
    pen.moveTo(x, top + tall);
    pen.lineTo(x + tall, top);
  }
  pen.stroke();
  pen.restore();
}

/// A row of the icicle as a sentence.
function inWords({ level, place, size }, name) {
  if (!place.length) return `Level ${level.number} has no points.`;
  const largest = size.indexOf(size.reduce((most, points) => Math.max(most, points), 0));
  const parts = [`Level ${level.number}: ${counted(place.length, "cluster")} with ${counted(size.reduce((sum, points) => sum + points, 0), "point")}`,
    `the largest is cluster ${level.id(place[largest])} with ${counted(size[largest], "point")}`];
  const values = level.ascending(name);
  parts.push(values.length ? `${readable(name)} is between ${short(values[0])} and ${short(values.at(-1))}` : `${readable(name)} is not defined`);
  return `${parts.join("; ")}.`;
}

/// The icicle with what is said of it.
function icicleSection() {
  if (!Icicle.has()) return [];
  const icicle = new Icicle();
  const apart = icicle.rows.slice(1).filter((row) => !row.linked).map(({ level }) => level.number).reverse();
  const empty = levels.map((level) => [level.number, level.length - level.nonEmpty()]).filter(([, count]) => count);
  const partial = levels.filter((level) => level.ids);
  const about = [
    "The width of a cluster is its number of points.",
    levels.length - 1 > apart.length ? "It stands below its parent." : "",
    apart.length && levels.length > 1 ? `Without parents, the clusters of ${apart.length > 1 ? "levels" : "level"} ${apart.join(" and ")} are ordered by size alone.` : "",
    ...empty.map(([number, count]) => `${counted(count, "empty cluster")} of level ${number} can't be seen.`),
    ...partial.map((level) => `Of level ${level.number}, only the ${whole.format(level.length)} best and worst clusters are drawn.`),
    levels.some((level) => level.nonEmpty() > FEW_CELLS) ? "A block with a comb along its lower edge stands for clusters narrower than a pixel; its colour is their mean." : "",
    "A click opens a cluster; Shift with a click, or +, zooms in.",
  ];
  return [el("h2", {}, levels.length > 1 ? "All levels at a glance" : "All clusters at a glance"), el("p", { class: "lead" }, about.filter(Boolean).join(" ")), icicle.element];
}
