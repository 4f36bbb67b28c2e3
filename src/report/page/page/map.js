// The map: centroids of a level and a sample of points.

// blue to yellow by lightness, so that colour-blind readers see the order; both ends contrast with the background
const ramps = {
  light: ["#00224e", "#15386f", "#3b4f7a", "#5a6472", "#747464", "#8f8352", "#a8903b", "#bf9b1f", "#d4a400", "#e6ab00"],
  dark: ["#3f74c4", "#5580bd", "#688cb5", "#7b98ab", "#8fa3a0", "#a4ae92", "#bab981", "#d0c46e", "#e6d059", "#fee838"],
};
// Okabe and Ito without black
const kinds = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b3a100"];
const NONE = "#888888";

/// Distance in pixels within which the pointer finds a cluster.
const REACH = 14;

const mapKinds = {
  pca: { title: "PCA", about: () => {
    const share = data.maps.pca.explained.map((share) => `${(100 * share).toFixed(0)}%`).join(" and ");
    return `First two principal components of the level ${levels[0].number} centroids, weighted by cluster size; they explain ${share} of the variance. All levels share this plane.`;
  } },
  tsne: { title: "t-SNE", about: () => {
    const upper = levels.length > 1 ? ` Clusters of higher levels lie at the mean of their level ${levels[0].number} clusters.` : "";
    return `t-SNE of the level ${levels[0].number} centroids and of points, perplexity ${short(data.maps.tsne.perplexity)}. Neighbours lie together; sizes of groups and distances between them have no meaning.${upper}`;
  } },
};

/// The kind chosen last, which is kept across levels.
let mapKind = "pca";

class ClusterMap {
  constructor(level, open) {
    this.level = level;
    this.open = open;
    this.at = null;
    this.selected = null;
    this.kinds = Object.keys(mapKinds).filter((kind) => data.maps[kind] && level.maps[kind]?.clusters.length);
    this.build();
    this.place(this.kinds.includes(mapKind) ? mapKind : this.kinds[0]);
  }

  /// Whether a level has clusters on a map.
  static has(level) {
    return Object.values(level.maps).some((places) => places?.clusters.length);
  }

  /// Switches to a kind of map.
  place(kind) {
    const level = this.level;
    const { clusters, x, y } = level.maps[kind];
    this.at = null;
    this.tip.hidden = true;
    const at = clusters.map((cluster) => level.place(cluster));
    this.spots = at.flatMap((place, i) => (place === undefined ? [] : [{ place, x: x[i], y: y[i] }]));
    const size = (place) => level.value("size", place) ?? 1;
    const largest = this.spots.reduce((most, { place }) => Math.max(most, size(place)), 1);
    const most = this.spots.length > 2000 ? 6 : 11;
    for (const spot of this.spots) spot.radius = 2 + (most - 2) * Math.sqrt(size(spot.place) / largest);
    // large ones first, so that small ones stay visible
    this.spots.sort((a, b) => b.radius - a.radius || a.place - b.place);
    const { labels, ...points } = data.maps[kind].points;
    this.points = labels[levels.indexOf(level)].map((label, i) => ({ place: level.place(label), x: points.x[i], y: points.y[i] }));
    const some = clusters.length < level.nonEmpty() ? ` The map shows ${whole.format(clusters.length)} of ${whole.format(level.nonEmpty())} clusters.` : "";
    const dots = this.points.length ? ` Small dots are ${counted(this.points.length, "sampled point")}.` : "";
    this.about.textContent = mapKinds[kind].about() + dots + some;
    this.view.show(this.range());
  }

  /// The visible range. It leaves out the outermost points, which would shrink the rest to a dot.
  range() {
    const along = (axis) => {
      const centroids = this.spots.map((spot) => spot[axis]);
      const points = this.points.map((point) => point[axis]).sort((a, b) => a - b);
      const cut = Math.floor(points.length / 100);
      const all = centroids.concat(points.slice(cut, points.length - cut));
      const [low, high] = [all.reduce((a, b) => Math.min(a, b), Infinity), all.reduce((a, b) => Math.max(a, b), -Infinity)];
      return high > low ? [low, high] : [low - 1, low + 1];
    };
    return { x: along("x"), y: along("y") };
  }

  build() {
    const level = this.level;
    const columns = level.numericColumns();
    const options = [...columns, ...(level.parent.length ? ["parent"] : []), "cluster"];
    this.colour = columns.includes(level.ranking.by) ? level.ranking.by : options[0];
    this.select = el("select", { id: "map-colour", onchange: () => { this.colour = this.select.value; this.draw(); } },
      options.map((name) => el("option", { value: name, selected: name === this.colour }, readable(name))));
    const kind = el("select", { id: "map-kind", onchange: () => this.place((mapKind = kind.value)) },
      this.kinds.map((name) => el("option", { value: name, selected: name === mapKind }, mapKinds[name].title)));
    this.dots = el("input", { type: "checkbox", id: "map-points", checked: true, onchange: () => this.draw() });
    this.scale = el("canvas", { width: 120, height: 10 });
    this.low = el("span");
    this.high = el("span");
    this.legend = el("span", { class: "legend" }, this.low, this.scale, this.high);
    this.canvas = el("canvas", {
      tabindex: 0, role: "application", "aria-roledescription": "map",
      "aria-label": `Map of the clusters of level ${level.number}: arrow keys go to the next cluster, Enter opens it, plus and minus zoom, 0 shows everything, Shift with arrow keys pans`,
    });
    this.tip = el("div", { class: "tip", hidden: true });
    this.about = el("p", { class: "lead" });
    this.status = el("p", { class: "note", role: "status" });
    this.view = new Viewport(this.canvas, () => this.redraw());
    this.canvas.addEventListener("pointermove", (event) => this.show(event.buttons ? null : this.near(event.offsetX, event.offsetY)));
    this.canvas.addEventListener("pointerleave", () => this.show(null));
    this.canvas.addEventListener("click", (event) => {
      const spot = this.view.dragged ? null : this.near(event.offsetX, event.offsetY);
      if (spot) this.open(level.id(spot.place));
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.canvas);
    const button = (name, about, onclick) => el("button", { type: "button", "aria-label": about, title: about, onclick }, name);
    const zoom = el("span", { class: "zoom" },
      button("−", "Zoom out", () => this.view.zoomBy(1 / STEP)),
      button("+", "Zoom in", () => this.view.zoomBy(STEP)),
      button("All", "Show the whole map", () => this.view.all()));
    const tools = el("div", { class: "tools" },
      this.kinds.length > 1 ? el("span", { class: "field" }, el("label", { for: "map-kind" }, "Map"), kind) : null,
      el("span", { class: "field" }, el("label", { for: "map-colour" }, "Colour by"), this.select), this.legend,
      el("label", {}, this.dots, " points"), zoom);
    this.element = el("div", {}, this.about, tools, el("div", { class: "map" }, this.canvas, this.tip), this.status);
  }

  where(spot) {
    return this.view.where(spot);
  }

  colourOf(place) {
    if (place === undefined) return NONE;
    if (this.colour === "cluster") return kinds[this.level.id(place) % kinds.length];
    const value = this.level.value(this.colour, place);
    if (this.colour === "parent") return value === null ? NONE : kinds[value % kinds.length];
    const share = this.level.share(this.colour, value);
    return share === null ? NONE : this.ramp[Math.min(this.ramp.length - 1, Math.floor(share * this.ramp.length))];
  }

  /// Draws once, before the next frame.
  redraw() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }

  draw() {
    const canvas = this.canvas;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    this.ramp = theme.isDark() ? ramps.dark : ramps.light;
    const disc = (spot, radius, fill) => {
      const [x, y] = this.where(spot);
      pen.beginPath();
      if (x < -radius || y < -radius || x > width + radius || y > height + radius) return;
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      if (fill) pen.fill();
    };
    if (this.dots.checked) {
      pen.globalAlpha = 0.55;
      for (const point of this.points) {
        pen.fillStyle = this.colourOf(point.place);
        disc(point, 1.5, true);
      }
    }
    pen.globalAlpha = 1;
    pen.lineWidth = 1;
    pen.strokeStyle = style.color;
    for (const spot of this.spots) {
      pen.fillStyle = this.colourOf(spot.place);
      disc(spot, spot.radius, true);
      pen.globalAlpha = 0.45;
      pen.stroke();
      pen.globalAlpha = 1;
    }
    for (const spot of this.spots.filter((spot) => spot.place === this.selected || spot === this.at)) {
      pen.lineWidth = 2.5;
      disc(spot, spot.radius + 4);
      pen.stroke();
    }
    this.placeTip();
    this.drawLegend();
  }

  placeTip() {
    if (!this.at) return;
    const [x, y] = this.where(this.at);
    const left = Math.min(x + 14, this.canvas.clientWidth - this.tip.offsetWidth - 4);
    this.tip.style.left = `${Math.max(4, left)}px`;
    this.tip.style.top = `${Math.max(4, y - 32)}px`;
  }

  drawLegend() {
    const ordered = !["parent", "cluster"].includes(this.colour);
    this.scale.hidden = !ordered;
    const values = ordered ? this.level.ascending(this.colour) : [];
    this.low.textContent = ordered ? short(values[0]) : "colours repeat";
    this.high.textContent = ordered ? `${short(values[values.length - 1])}, by rank` : "";
    const pen = this.scale.getContext("2d");
    this.ramp.forEach((colour, i) => {
      pen.fillStyle = colour;
      pen.fillRect((i * 120) / this.ramp.length, 0, 120 / this.ramp.length + 1, 10);
    });
  }

  /// The nearest cluster within reach of the pointer.
  near(x, y) {
    let [best, least] = [null, REACH];
    for (const spot of this.spots) {
      const [left, top] = this.where(spot);
      const distance = Math.max(0, Math.hypot(left - x, top - y) - spot.radius / 2);
      if (distance <= least) [best, least] = [spot, distance];
    }
    return best;
  }

  /// Labels a cluster, with a tip on the map and a status line for screen readers.
  show(spot) {
    if (spot === this.at) return;
    this.at = spot;
    this.tip.hidden = !spot;
    if (spot) {
      const names = ["size", this.colour].filter((name, i, all) => name !== "cluster" && all.indexOf(name) === i);
      const facts = names.map((name) => `${readable(name)} ${short(this.level.value(name, spot.place))}`);
      this.tip.textContent = [`cluster ${this.level.id(spot.place)}`, ...facts].join(" · ");
      this.status.textContent = this.tip.textContent;
    }
    this.draw();
  }

  /// Goes to a cluster, which may lie outside the view.
  walk(spot) {
    if (!spot) return;
    this.view.reveal(spot);
    this.draw();
    this.show(spot);
  }

  mark(place) {
    this.selected = place;
    this.draw();
  }

  key(event) {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (this.view.key(event)) this.show(null);
    else if (way) this.walk(this.next(way) ?? this.at);
    else if (event.key === "Enter" && this.at) this.open(this.level.id(this.at.place));
    else return;
    event.preventDefault();
  }

  /// The nearest cluster that lies mainly in that direction.
  next([right, down]) {
    const from = this.at ?? this.spots.find((spot) => spot.place === this.selected);
    if (!from) return this.spots[0] ?? null;
    const [x, y] = this.where(from);
    let [best, least] = [null, Infinity];
    for (const spot of this.spots) {
      const [left, top] = this.where(spot);
      const along = (left - x) * right + (top - y) * down;
      const aside = Math.abs((left - x) * down) + Math.abs((top - y) * right);
      if (spot !== from && along > 0.01 && aside <= along && along + aside < least) [best, least] = [spot, along + aside];
    }
    return best;
  }
}
