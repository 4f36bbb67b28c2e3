// The map: centroids of a level and a sample of points.

const mapKinds = {
  tsne: { title: "t-SNE", about: () => {
    const upper = levels.length > 1 ? ` Clusters of higher levels lie at the mean of their level ${levels[0].number} clusters.` : "";
    return `t-SNE of the level ${levels[0].number} centroids and of points, perplexity ${short(data.maps.tsne.perplexity)}. Neighbours lie together; sizes of groups and distances between them have no meaning.${upper}`;
  } },
  pca: { title: "PCA", about: () => {
    const share = data.maps.pca.explained.map((share) => `${(100 * share).toFixed(0)} %`).join(" and ");
    return `First two principal components of the level ${levels[0].number} centroids, weighted by cluster size; they explain ${share} of the variance. All levels share this plane.`;
  } },
};

/// The kind chosen last, which is kept across levels; t-SNE at first, if there is one.
let mapKind = "tsne";

/// How long a hint stays, milliseconds.
const HINT = 1500;
/// Milliseconds of drawing from which on moving pictures are less sharp, and how long a view rests before it is sharp again.
const SLOW = 7;
const REST = 150;

const command = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";
const mapHelp = `Drag to move, ${command} + wheel or pinch to zoom, double click for the first view, Shift + drag to select. ` +
  "Keys: arrows move, + and − zoom, 0 returns to the first view, Shift + arrow goes to the next cluster that way, Enter opens it.";

class ClusterMap {
  constructor(level, open) {
    this.level = level;
    this.open = open;
    /// The mark that is described, and the place of the open cluster; -1 and null for none.
    this.at = -1;
    this.selected = null;
    /// Milliseconds that the last sharp picture took, on a screen with several pixels to a CSS pixel.
    this.cost = 0;
    this.coarse = false;
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
    const { level } = this;
    this.show(-1);
    this.kind = kind;
    this.places = new MapPlaces(level, kind);
    const clusters = level.maps[kind].clusters.length;
    const some = clusters < level.nonEmpty() ? ` The map shows ${whole.format(clusters)} of ${whole.format(level.nonEmpty())} clusters.` : "";
    const points = this.places.length - this.places.clusters;
    const dots = points ? ` Small dots are ${counted(points, "sampled point")}.` : "";
    this.about.textContent = mapKinds[kind].about() + dots + some;
    this.empty.hidden = this.places.length > 0;
    this.selection.flag();
    this.recolour();
    this.view.show(this.places);
  }

  /// Number of marks shown: the points are the last ones.
  until() {
    return this.dots.checked ? this.places.length : this.places.clusters;
  }

  build() {
    const options = colourOptions(this.level);
    this.colour = (options.find(([name]) => name === this.level.ranking.by) ?? options[0])[0];
    this.select = el("select", { id: "map-colour", onchange: () => { this.colour = this.select.value; this.recolour(); this.redraw(); } },
      options.map(([name, title]) => el("option", { value: name, selected: name === this.colour }, title)));
    const kind = el("select", { id: "map-kind", onchange: () => this.place((mapKind = kind.value)) },
      this.kinds.map((name) => el("option", { value: name, selected: name === mapKind }, mapKinds[name].title)));
    this.dots = el("input", { type: "checkbox", id: "map-points", checked: true, onchange: () => { this.show(-1); this.redraw(); } });
    this.legend = el("div");
    this.canvas = el("canvas", { tabindex: 0, role: "application", "aria-roledescription": "map", "aria-describedby": "map-help" });
    this.over = new MapOverlay();
    this.tip = new MapTip();
    this.hint = el("div", { class: "hint", hidden: true, "aria-hidden": "true" }, `${command} + wheel zooms`);
    this.empty = el("p", { class: "empty", hidden: true }, "Nothing has a place on this map.");
    this.about = el("p", { class: "lead" });
    this.status = el("p", { class: "told", role: "status" });
    this.raster = new Raster(this.canvas);
    this.selection = new Selection(this);
    this.view = new Viewport(this.canvas, () => this.moved(), () => this.showHint());
    this.view.tool = this.selection;
    this.listen();
    const button = (name, about, onclick) => el("button", { type: "button", "aria-label": about, title: about, onclick }, name);
    const zoom = el("span", { class: "zoom" },
      button("−", "Zoom out", () => this.view.zoomBy(1 / STEP)),
      button("+", "Zoom in", () => this.view.zoomBy(STEP)),
      button("All", "All: back to the first view", () => this.view.all()));
    const tools = el("div", { class: "tools" },
      this.kinds.length > 1 ? el("span", { class: "field" }, el("label", { for: "map-kind" }, "Map"), kind) : null,
      el("span", { class: "field" }, el("label", { for: "map-colour" }, "Colour by"), this.select),
      el("label", {}, this.dots, " points"), this.selection.buttons, zoom);
    const map = el("div", { class: "map" }, this.canvas, this.over.element, this.tip.element, this.hint, this.empty);
    this.element = el("div", {}, this.about, tools, this.legend, map, this.status,
      el("p", { class: "note", id: "map-help" }, mapHelp), this.selection.element);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => this.show(event.buttons ? -1 : this.near(event)));
    canvas.addEventListener("pointerleave", () => this.show(-1));
    canvas.addEventListener("click", (event) => {
      const i = this.view.dragged ? -1 : this.near(event);
      if (i >= 0) this.openMark(i);
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.resized = new ResizeObserver(() => this.view.settle());
    // also where only the pixels' density changes; older browsers have no such box
    try { this.resized.observe(canvas, { box: "device-pixel-content-box" }); } catch { this.resized.observe(canvas); }
  }

  near(event) {
    return this.places.near(this.view, event.offsetX, event.offsetY, this.until());
  }

  openMark(i) {
    if (this.places.place[i] >= 0) this.open(this.level.id(this.places.place[i]));
  }

  showHint() {
    this.hint.hidden = false;
    clearTimeout(this.hinting);
    this.hinting = setTimeout(() => { this.hint.hidden = true; }, HINT);
  }

  /// Takes up a choice of colours, or a theme.
  recolour() {
    const { places, level } = this;
    this.mode = mode();
    const colours = coloursBy(level, this.colour);
    this.slots = Uint8Array.from({ length: places.length }, (_, i) => (places.isPoint(i)
      ? colours.slotOfPoint(places.place[i], places.point(i))
      : colours.slot(places.place[i])));
    this.colours = colours.colours();
    this.legend.replaceChildren(colours.legend());
    const points = places.length - places.clusters;
    this.canvas.setAttribute("aria-label", `Map of level ${level.number} by ${mapKinds[this.kind].title}: ${counted(places.clusters, "cluster")} and ${counted(points, "sampled point")}. ${colours.words()} The table lists the same clusters.`);
  }

  /// Draws a view that changes. Where a sharp picture takes too long to follow, it comes once the view rests.
  moved() {
    this.coarse = this.cost > SLOW;
    clearTimeout(this.resting);
    if (this.coarse) {
      this.resting = setTimeout(() => {
        this.coarse = false;
        this.redraw();
      }, REST);
    }
    this.redraw();
  }

  /// Draws once, before the next frame.
  redraw() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      this.draw();
    });
  }

  draw() {
    if (!this.canvas.clientWidth) return;
    if (this.mode !== mode()) this.recolour();
    const { raster, places, slots, view } = this;
    const flags = this.selection.flags;
    const begun = performance.now();
    const ratio = this.coarse ? 1 : devicePixelRatio || 1;
    raster.prepare(this.colours, ratio);
    raster.clear();
    const discs = (from, to, look) => raster.discs(places, slots, view, { from, to, ...look });
    const [first, end] = [places.clusters, this.until()];
    if (!flags) {
      discs(first, end, { opacity: 0.7 });
      discs(0, first, { edge: "ground" });
    } else {
      const [chosen, others] = [(i) => flags[i] === 1, (i) => flags[i] === 0];
      discs(first, end, { wanted: others, opacity: 0.25 });
      discs(0, first, { wanted: others, opacity: 0.25 });
      discs(0, first, { wanted: chosen, edge: "ink" });
      discs(first, end, { wanted: chosen, edge: "ink" });
    }
    raster.finish();
    if (ratio > 1) this.cost = performance.now() - begun;
    this.drawOver();
    this.placeTip();
  }

  /// Rings and the line of a selection, above the marks: these change more often.
  drawOver() {
    const { view, places } = this;
    const ring = (i) => (i < 0 ? null : [...view.where(places.x[i], places.y[i]), view.growth() * places.radius[i] + 4]);
    this.over.rings([ring(this.at), ring(places.spot(this.selected))]);
    this.over.line(this.selection.line.map(([x, y]) => view.where(x, y)));
  }

  placeTip() {
    if (this.at < 0) return;
    const [x, y] = this.view.where(this.places.x[this.at], this.places.y[this.at]);
    this.tip.place(x, y, this.canvas.clientWidth, this.canvas.clientHeight);
  }

  /// Describes a mark, with a tip on the map and a status line for screen readers.
  show(i) {
    if (i === this.at) return;
    this.at = i;
    if (i < 0) {
      this.tip.hide();
    } else {
      const { level, places } = this;
      const about = places.isPoint(i) ? aboutPoint(level, places, i) : aboutCluster(level, places.place[i], this.colour);
      this.status.textContent = this.tip.show(about);
      this.placeTip();
    }
    if (this.places) this.drawOver();
  }

  /// Marks the open cluster.
  mark(place) {
    this.selected = place;
    this.drawOver();
  }

  key(event) {
    const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way && event.shiftKey) this.walk(this.next(way));
    else if (this.view.key(event)) this.show(-1);
    else if (event.key === "Enter" && this.at >= 0) this.openMark(this.at);
    else return;
    event.preventDefault();
  }

  /// Goes to a cluster, which may lie outside the view.
  walk(i) {
    if (i < 0) return;
    this.view.reveal(this.places.x[i], this.places.y[i]);
    this.show(i);
  }

  /// The nearest cluster that lies mainly in that direction; the first one to begin with.
  next([right, down]) {
    const { places, view } = this;
    const from = this.at >= 0 ? this.at : places.spot(this.selected);
    if (from < 0) return places.clusters ? 0 : -1;
    const [x, y] = view.where(places.x[from], places.y[from]);
    let [best, least] = [from, Infinity];
    for (let i = 0; i < places.clusters; i++) {
      const [left, top] = view.where(places.x[i], places.y[i]);
      const along = (left - x) * right + (top - y) * down;
      const aside = Math.abs((left - x) * down) + Math.abs((top - y) * right);
      if (i !== from && along > 0.01 && aside <= along && along + aside < least) [best, least] = [i, along + aside];
    }
    return best;
  }
}
