// Where the points of each cluster of A are in B: bands for few clusters, a matrix for more, and a table for both.

/// Most clusters of a run that are drawn as bands.
const BANDS = 24;
/// Most flows in the table at a time.
const ROWS = 100;

const SVG = "http://www.w3.org/2000/svg";

/// Creates an SVG element. Text is set as text.
function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.flat());
  return element;
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`);

/// The flows of a level, as the views query them.
class Flows {
  constructor(level) {
    this.level = level;
    Object.assign(this, level.flow);
    this.total = sum(this.of_a);
    this.length = this.points.length;
    this.occupied = [this.of_a, this.of_b].map((sizes) => sizes.reduce((count, size) => count + (size > 0), 0));
    this.listed = sum(this.points);
  }

  /// Whether the clusters of a flow are partners.
  isPair(at) {
    return this.partners[this.a[at]] === this.b[at];
  }

  share(at) {
    return this.points[at] / this.of_a[this.a[at]];
  }

  /// `12`, or `12 · cat` if the class of the cluster is known.
  name(side, cluster) {
    const name = this.level.names[side]?.[cluster];
    return name === undefined || name === null ? `${cluster}` : `${cluster} · ${name}`;
  }

  inWords(at) {
    return `A ${this.name(0, this.a[at])} → B ${this.name(1, this.b[at])}: ${counted(this.points[at], "point")}, ` +
      `${percent(this.share(at))} of the cluster of A`;
  }

  /// Clusters of A, largest first; clusters of B in the order of the clusters of A that most of their points are from.
  orders() {
    const filled = (sizes) => [...sizes.keys()].filter((cluster) => sizes[cluster] > 0);
    const a = filled(this.of_a).sort((x, y) => this.of_a[y] - this.of_a[x] || x - y);
    const place = new Map(a.map((cluster, at) => [cluster, at]));
    const [weights, sums] = [new Map(), new Map()];
    for (let at = 0; at < this.length; at++) {
      const [b, points] = [this.b[at], this.points[at]];
      // flows come largest first
      if (!weights.has(b)) weights.set(b, place.get(this.a[at]));
      sums.set(b, (sums.get(b) ?? 0) + points);
    }
    const first = (cluster) => weights.get(cluster) ?? a.length;
    const b = filled(this.of_b).sort((x, y) => first(x) - first(y) || this.of_b[y] - this.of_b[x] || x - y);
    return { a, b };
  }
}

/// The flows as bands between two columns of clusters.
class Bands {
  constructor(flows, choose) {
    this.flows = flows;
    this.choose = choose;
    this.element = el("div", { class: "bands" });
    this.width = 0;
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /// Places of the clusters of a side: each gets room for its label, even if it has few points.
  column(clusters, sizes, height) {
    const total = sum(clusters.map((cluster) => sizes[cluster]));
    let top = 0;
    return new Map(clusters.map((cluster) => {
      const size = (height * sizes[cluster]) / total;
      const room = Math.max(17, size + 4);
      const node = { cluster, size: Math.max(1, size), from: top + (room - Math.max(1, size)) / 2, used: 0, middle: top + room / 2 };
      top += room;
      return [cluster, node];
    }));
  }

  draw() {
    const width = Math.floor(this.element.clientWidth);
    if (!width || width === this.width) return;
    this.width = width;
    const { flows } = this;
    const order = flows.orders();
    const height = 22 * Math.max(order.a.length, order.b.length, 6);
    const [left, right] = [this.column(order.a, flows.of_a, height), this.column(order.b, flows.of_b, height)];
    const margin = Math.min(180, Math.floor(width * 0.3));
    const total = Math.max(...[left, right].map((nodes) => Math.max(...[...nodes.values()].map((node) => node.middle + node.size / 2 + 10))));
    const drawing = svg("svg", { width, height: Math.ceil(total), viewBox: `0 0 ${width} ${Math.ceil(total)}`, role: "img" });
    drawing.setAttribute("aria-label", `Flow of points from ${counted(order.a.length, "cluster")} of A to ${order.b.length} of B; the table below has the numbers`);
    const places = { a: new Map(order.a.map((cluster, at) => [cluster, at])), b: new Map(order.b.map((cluster, at) => [cluster, at])) };
    const all = [...flows.points.keys()];
    // bands leave and arrive in the order of the other column, so that few cross
    const ends = all.map(() => ({}));
    for (const at of [...all].sort((x, y) => places.b.get(flows.b[x]) - places.b.get(flows.b[y]))) ends[at].from = this.end(left.get(flows.a[at]), flows.points[at] / flows.of_a[flows.a[at]]);
    for (const at of [...all].sort((x, y) => places.a.get(flows.a[x]) - places.a.get(flows.a[y]))) ends[at].to = this.end(right.get(flows.b[at]), flows.points[at] / flows.of_b[flows.b[at]]);
    const [x0, x1] = [margin + 8, width - margin - 8];
    for (const at of all) drawing.append(this.band(at, ends[at], x0, x1));
    for (const [side, nodes] of [[0, left], [1, right]]) {
      for (const node of nodes.values()) drawing.append(this.node(side, node, margin, width));
    }
    this.element.replaceChildren(drawing);
  }

  end(node, share) {
    const top = node.from + node.used;
    node.used += node.size * share;
    return [top, node.from + node.used];
  }

  band(at, { from, to }, x0, x1) {
    const middle = (x0 + x1) / 2;
    const path = `M${x0},${from[0]} C${middle},${from[0]} ${middle},${to[0]} ${x1},${to[0]} L${x1},${to[1]} C${middle},${to[1]} ${middle},${from[1]} ${x0},${from[1]} Z`;
    const title = svg("title");
    title.textContent = this.flows.inWords(at);
    return svg("path", { d: path, class: this.flows.isPair(at) ? "pair" : "moved", onclick: () => this.choose(0, this.flows.a[at]) }, title);
  }

  node(side, node, margin, width) {
    const sizes = side ? this.flows.of_b : this.flows.of_a;
    const name = this.flows.name(side, node.cluster);
    const most = Math.floor((margin - 46) / 6.6);
    const shown = name.length > most ? `${name.slice(0, Math.max(1, most - 1))}…` : name;
    const [size, title, label] = [svg("tspan", { class: "size" }), svg("title"), svg("text", {
      x: side ? width - margin : margin, y: node.middle + 4, "text-anchor": side ? "start" : "end",
    })];
    size.textContent = ` ${whole.format(sizes[node.cluster])}`;
    label.append(shown, size);
    title.textContent = `cluster ${name} of ${side ? "B" : "A"}, ${counted(sizes[node.cluster], "point")}`;
    const bar = svg("rect", { x: side ? width - margin - 8 : margin + 2, y: node.from, width: 6, height: node.size });
    return svg("g", { class: "node", onclick: () => this.choose(side, node.cluster) }, title, label, bar);
  }
}

/// The flows as a matrix: a row per cluster of A, a column per cluster of B.
class Matrix {
  constructor(flows, choose) {
    this.flows = flows;
    this.choose = choose;
    this.order = flows.orders();
    this.places = [this.order.a, this.order.b].map((order) => new Map(order.map((cluster, at) => [cluster, at])));
    const label = `Matrix of ${counted(this.order.a.length, "cluster")} of A by ${this.order.b.length} of B; the table below has the numbers`;
    this.canvas = el("canvas", { role: "img", "aria-label": label });
    this.tip = el("div", { class: "tip", hidden: true });
    this.canvas.addEventListener("mousemove", (event) => this.point(event));
    this.canvas.addEventListener("mouseleave", () => (this.tip.hidden = true));
    this.canvas.addEventListener("click", (event) => {
      const at = this.at(event);
      if (at !== undefined) this.choose(0, flows.a[at]);
    });
    this.frame = el("div", { class: "frame" }, this.canvas, this.tip);
    this.element = el("div", { class: "matrix" },
      el("p", { class: "axis" }, "clusters of B, in the order of the clusters of A they share most points with →"),
      this.frame,
      el("p", { class: "axis" }, "↓ clusters of A, largest first"));
    new ResizeObserver(() => this.draw()).observe(this.frame);
  }

  draw() {
    const side = Math.floor(this.frame.clientWidth);
    if (!side) return;
    const pixels = Math.round(side * Math.min(devicePixelRatio || 1, 2));
    this.rows = Math.min(this.order.a.length, pixels);
    this.columns = Math.min(this.order.b.length, pixels);
    // the largest flow of every cell, which may stand for several clusters
    this.cells = new Map();
    const { flows } = this;
    for (let at = flows.length - 1; at >= 0; at--) {
      const row = Math.floor((this.places[0].get(flows.a[at]) * this.rows) / this.order.a.length);
      const column = Math.floor((this.places[1].get(flows.b[at]) * this.columns) / this.order.b.length);
      const cell = row * this.columns + column;
      const other = this.cells.get(cell);
      if (other === undefined || flows.share(at) >= flows.share(other)) this.cells.set(cell, at);
    }
    this.canvas.width = this.canvas.height = pixels;
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.canvas);
    const [width, height] = [pixels / this.columns, pixels / this.rows];
    context.clearRect(0, 0, pixels, pixels);
    context.fillStyle = style.color;
    for (const [cell, at] of this.cells) {
      const [row, column] = [Math.floor(cell / this.columns), cell % this.columns];
      // small shares must be visible
      context.globalAlpha = 0.12 + 0.88 * flows.share(at) ** 0.7;
      context.fillRect(Math.floor(column * width), Math.floor(row * height), Math.ceil(width), Math.ceil(height));
    }
    context.globalAlpha = 1;
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    const column = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
    return this.cells?.get(row * this.columns + column);
  }

  point(event) {
    const at = this.at(event);
    this.tip.hidden = at === undefined;
    if (at === undefined) return;
    this.tip.textContent = this.flows.inWords(at);
    const box = this.frame.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    this.tip.style.left = `${Math.max(0, Math.min(x + 12, box.width - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${y + 18}px`;
  }
}

/// The flows as a table, all of them or those of one cluster.
class FlowTable {
  constructor(flows) {
    this.flows = flows;
    this.side = el("select", { "aria-label": "Run", onchange: () => this.fill() },
      el("option", { value: "0" }, "of A"), el("option", { value: "1" }, "of B"));
    this.input = el("input", {
      type: "number", min: 0, step: 1, placeholder: "all", "aria-label": "Number of a cluster", oninput: () => this.fill(),
    });
    this.note = el("span", { class: "note", role: "status" });
    this.body = el("tbody");
    const head = ["cluster of A", "cluster of B", "points", "of A’s", "of B’s", "partners"];
    const table = el("table", {}, el("thead", {}, el("tr", {}, head.map((name, at) =>
      el("th", { scope: "col", class: at > 1 && at < 5 ? "number" : null }, name)))), this.body);
    const scroll = scrolled(`Flows of level ${flows.level.level}`, table);
    scroll.classList.add("tall");
    this.element = el("div", {},
      el("div", { class: "tools" }, el("label", { class: "field" }, "Flows of cluster", this.input), this.side, this.note), scroll);
    this.fill();
  }

  /// Shows the flows of a cluster.
  choose(side, cluster) {
    this.side.value = `${side}`;
    this.input.value = `${cluster}`;
    this.fill();
    this.element.scrollIntoView({ block: "nearest" });
  }

  fill() {
    const { flows } = this;
    const text = this.input.value.trim();
    const wanted = text === "" ? null : Number(text);
    const clusters = this.side.value === "0" ? flows.a : flows.b;
    const found = [];
    for (let at = 0; at < flows.length; at++) if (wanted === null || clusters[at] === wanted) found.push(at);
    const size = wanted === null ? null : (this.side.value === "0" ? flows.of_a : flows.of_b)[wanted];
    this.note.textContent = this.about(found, wanted, size);
    const row = (at) => el("tr", {},
      el("th", { scope: "row" }, flows.name(0, flows.a[at])), el("td", {}, flows.name(1, flows.b[at])),
      el("td", { class: "number" }, whole.format(flows.points[at])), el("td", { class: "number" }, percent(flows.share(at))),
      el("td", { class: "number" }, percent(flows.points[at] / flows.of_b[flows.b[at]])), el("td", {}, flows.isPair(at) ? "yes" : ""));
    this.body.replaceChildren(...found.slice(0, ROWS).map(row));
  }

  about(found, wanted, size) {
    const { flows } = this;
    if (wanted !== null && size === undefined) return "there is no such cluster";
    if (wanted !== null && size === 0) return "none of its points is in a cluster in both runs";
    const shown = found.length > ROWS ? `the ${ROWS} largest of ${whole.format(found.length)} flows` : counted(found.length, "flow");
    const points = sum(found.map((at) => flows.points[at]));
    const all = wanted === null ? flows.total : size;
    return points < all ? `${shown}; smaller ones, with ${percent(1 - points / all)} of the points, are not in this page` : shown;
  }
}

/// Drawing, legend and table.
function flowSection(level) {
  const title = el("h3", {}, "Where the points went");
  if (level.crowded) return [title, el("p", { class: "note" }, "This level has too many clusters to show that in a page.")];
  if (!level.flow) return [];
  const flows = new Flows(level);
  const table = new FlowTable(flows);
  const few = flows.occupied.every((count) => count <= BANDS) && flows.flows === flows.length;
  const drawing = few ? new Bands(flows, (...chosen) => table.choose(...chosen)) : new Matrix(flows, (...chosen) => table.choose(...chosen));
  drawings.push(drawing);
  const legend = few
    ? [el("span", { class: "swatch pair" }), "to the partner", el("span", { class: "swatch moved" }), "elsewhere"]
    : ["Darker: a larger share of the points of the cluster of A. Equal clusterings are one diagonal."];
  const lead = flows.total === 0 ? "No point has a cluster in both runs." :
    `${whole.format(flows.stayed)} of ${counted(flows.total, "point")} (${percent(flows.stayed / flows.total)}) are in pairs of partners: ` +
    "two clusters that share more points with each other than with any other.";
  return [
    title,
    el("p", { class: "lead" }, lead),
    ...(flows.total ? [el("p", { class: "note legend" }, legend), el("div", { class: "flow" }, drawing.element, table.element)] : []),
  ];
}

/// Drawings that follow the theme.
const drawings = [];
