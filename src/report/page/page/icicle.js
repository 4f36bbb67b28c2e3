// The icicle plot of the hierarchy: a row for each level, the top level first.

/// Height of a row and the gap below it, in pixels.
const LAYER = 38;
const GAP = 3;
/// Zoom factor of one step by key or button.
const CLOSER = 2;

class Icicle {
  constructor() {
    this.rows = icicleRows();
    this.total = Math.max(1, ...this.rows.map((row) => row.from.length ? row.from.at(-1) + row.size.at(-1) : 0));
    this.view = { from: 0, to: this.total };
    /// The item with the keyboard's focus, and the one under the pointer: a row and a cell.
    this.at = null;
    this.under = null;
    this.items = null;
    this.build();
    this.colourBy(this.names[0]);
  }

  static has() {
    return levels.some((level) => level.columns.has("size") && level.nonEmpty() > 0);
  }

  build() {
    const named = new Set([...levels].reverse().flatMap((level) => [level.ranking.by, ...level.names()]));
    this.names = [...named].filter((name) => levels.some((level) => level.numericColumns().includes(name) && level.ascending(name).length));
    this.select = el("select", { id: "icicle-colour", onchange: () => this.colourBy(this.select.value) }, this.names.map((name) => el("option", { value: name }, readable(name))));
    this.canvas = el("canvas", {
      tabindex: 0, role: "application", "aria-roledescription": "icicle plot", "aria-describedby": "icicle-status",
      "aria-label": "Hierarchy of clusters: left and right arrow keys go to the next cluster of the level, up to the parent, down to the first child, Enter opens a cluster, plus zooms in to it, minus zooms out, 0 shows everything",
    });
    this.canvas.style.height = `${this.rows.length * LAYER}px`;
    this.tip = el("div", { class: "tip", hidden: true });
    this.status = el("p", { class: "note told", role: "status", id: "icicle-status" });
    this.shown = el("p", { class: "note" });
    this.legend = el("div");
    this.text = el("ul", { class: "unseen", "aria-label": "The hierarchy in words" });
    const button = (name, about, onclick) => el("button", { type: "button", "aria-label": about, title: about, onclick }, name);
    this.whole = button("All", "Show all clusters", () => this.look(0, this.total));
    const zoom = el("span", { class: "zoom" }, button("−", "Zoom out", () => this.zoom(1 / CLOSER)), button("+", "Zoom in", () => this.zoom(CLOSER)), this.whole);
    this.listen();
    const names = el("ul", { class: "layers" }, this.rows.map(({ level }) => el("li", {}, el("a", { href: address(level.number) }, `Level ${level.number}`), el("small", {}, wholeOrNone(level.clusters)))));
    this.element = el("div", { class: "icicle" },
      el("div", { class: "tools" }, el("span", { class: "field" }, el("label", { for: "icicle-colour" }, "Colour by"), this.select), zoom),
      el("div", { class: "frame" }, names, el("div", { class: "map" }, this.canvas, this.tip)),
      this.status, this.shown, this.legend, this.text);
  }

  draw() {
    if (!this.canvas.clientWidth) return;
    paintIcicle(this);
    this.placeTip();
  }

  placeTip() {
    const spot = this.under;
    this.tip.hidden = !spot;
    if (!spot) return;
    this.tip.textContent = this.facts(spot);
    const item = this.itemOf(spot);
    const middle = ((item.from + item.to) / 2 - this.view.from) * this.scale();
    const left = Math.min(middle - this.tip.offsetWidth / 2, this.canvas.clientWidth - this.tip.offsetWidth - 4);
    this.tip.style.left = `${Math.max(4, left)}px`;
    this.tip.style.top = `${(spot.row + 1) * LAYER}px`;
  }

  listen() {
    const { canvas } = this;
    let held = null;
    let dragged = false;
    canvas.addEventListener("pointerdown", (event) => {
      held = event.offsetX;
      dragged = false;
    });
    canvas.addEventListener("pointermove", (event) => {
      const by = held === null || !event.buttons ? 0 : event.offsetX - held;
      if (dragged || Math.abs(by) >= DRAG) {
        dragged = true;
        held = event.offsetX;
        this.move(-by / this.scale());
      }
      this.point(dragged ? null : this.near(event.offsetX, event.offsetY));
    });
    canvas.addEventListener("pointerleave", () => {
      held = null;
      this.point(null);
    });
    canvas.addEventListener("click", (event) => {
      const found = dragged ? null : this.near(event.offsetX, event.offsetY);
      if (found) this.open(found, event.shiftKey);
    });
    // a pinch on a touchpad is a wheel with Ctrl; the plain wheel scrolls the page
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-0.01 * event.deltaY), this.view.from + event.offsetX / this.scale());
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.draw());
    canvas.addEventListener("blur", () => this.draw());
    new ResizeObserver(() => this.resize()).observe(canvas);
    theme.watch(canvas, () => this.colourBy(this.shades.name));
  }

  colourBy(name) {
    this.shades = new Shades(name);
    this.colours = this.shades.colours();
    this.legend.replaceChildren(el("p", { class: "note" }, `${readable(name)}: ${meaning(name)}`), this.shades.legend(hatch));
    this.text.replaceChildren(...this.rows.map((row) => el("li", {}, inWords(row, name))));
    this.draw();
  }

  /// Pixels by point.
  scale() {
    return this.canvas.clientWidth / (this.view.to - this.view.from);
  }

  resize() {
    this.items = null;
    this.draw();
  }

  /// Shows a range of the row of points.
  look(from, to) {
    const width = Math.min(this.total, Math.max(to - from, 1));
    const start = Math.min(this.total - width, Math.max(0, from));
    this.view = { from: start, to: start + width };
    this.point(null);
    this.resize();
    const part = (width / this.total).toLocaleString("en", { style: "percent", maximumSignificantDigits: 2 });
    this.shown.textContent = width < this.total ? `Zoomed in to ${part} of the width; 0 or All shows everything.` : "";
  }

  move(by) {
    const { from, to } = this.view;
    const start = Math.min(this.total - (to - from), Math.max(0, from + by));
    this.view = { from: start, to: start + to - from };
    this.draw();
  }

  /// Zooms around a point, or to the cluster in focus.
  zoom(factor, around) {
    const { from, to } = this.view;
    const item = this.at && this.itemOf(this.at);
    if (around === undefined && item && factor > 1) {
      const narrower = item.to - item.from < 0.98 * (to - from);
      if (narrower) this.look(item.from, item.to);
      return;
    }
    const fixed = around ?? (item && item.to > from && item.from < to ? (item.from + item.to) / 2 : (from + to) / 2);
    const width = Math.min(this.total, (to - from) / factor);
    this.look(fixed - ((fixed - from) / (to - from)) * width, fixed - ((fixed - from) / (to - from)) * width + width);
  }

  /// What can be drawn of each row.
  drawn() {
    this.items ??= this.rows.map((row) => icicleItems(row, this.scale()));
    return this.items;
  }

  itemOf({ row, cell }) {
    const items = this.drawn()[row];
    return items[lastUpTo(items, (item) => item.first <= cell)];
  }

  near(x, y) {
    const row = Math.floor(y / LAYER);
    if (!this.rows[row]) return null;
    const where = this.view.from + x / this.scale();
    const items = this.drawn()[row];
    const item = items[lastUpTo(items, (item) => item.from <= where)];
    return item && where <= item.to + 1 / this.scale() ? { row, cell: item.first } : null;
  }

  /// One cluster, or none if several are too narrow to show.
  placeOf(spot) {
    const item = this.itemOf(spot);
    return item.first === item.last ? this.rows[spot.row].place[item.first] : null;
  }

  /// What is told of an item.
  facts(spot) {
    const row = this.rows[spot.row];
    const { level } = row;
    const { name } = this.shades;
    const item = this.itemOf(spot);
    const place = this.placeOf(spot);
    if (place === null) return this.several(row, item);
    const parts = [`level ${level.number}, cluster ${level.id(place)}`, counted(sizeOf(level, place), "point")];
    if (name !== "size") parts.push(`${readable(name)} ${valueText(level, name, place)}`);
    if (row.under[item.first]) parts.push(`in cluster ${level.parent[place]} of level ${level.number + 1}`);
    if (item.narrow) parts.push("narrower than a pixel");
    return parts.join(" · ");
  }

  /// Facts of clusters that are too narrow to show.
  several(row, { first, last }) {
    const { level } = row;
    const { name, better } = this.shades;
    const places = row.place.slice(first, last + 1);
    const known = places.filter((place) => level.value(name, place) !== null);
    const parts = [`level ${level.number}: ${counted(places.length, "cluster")} too narrow to show`,
      counted(places.reduce((sum, place) => sum + sizeOf(level, place), 0), "point") + " together"];
    const ordered = known.sort((a, b) => level.value(name, a) - level.value(name, b));
    if (ordered.length && name !== "size") {
      const worst = better === "higher" ? ordered[0] : ordered.at(-1);
      const range = `${readable(name)} from ${short(level.value(name, ordered[0]))} to ${short(level.value(name, ordered.at(-1)))}`;
      parts.push(better === "neither" ? range : `${range}, worst in cluster ${level.id(worst)}`);
    }
    return [...parts, "Enter or + zooms in"].join(" · ");
  }

  /// Opens a cluster; zooms in to clusters that are too narrow to show, or if asked.
  open(spot, zoomed) {
    const place = this.placeOf(spot);
    const { level } = this.rows[spot.row];
    if (place !== null && !zoomed) {
      location.hash = address(level.number, level.id(place));
      return;
    }
    const item = this.itemOf(spot);
    this.at = spot;
    this.look(item.from, item.to);
    this.told(spot);
  }

  /// Shows the facts of what the pointer is on.
  point(spot) {
    if (spot && this.under && spot.row === this.under.row && spot.cell === this.under.cell) return;
    if (!spot && !this.under) return;
    this.under = spot;
    this.draw();
  }

  told(spot) {
    this.status.textContent = this.facts(spot);
  }

  /// Moves the focus of the keyboard.
  walk(spot) {
    if (!spot) return;
    this.at = spot;
    const item = this.itemOf(spot);
    const { from, to } = this.view;
    if (item.to - item.from > to - from) this.look(item.from, item.to);
    else if (item.from < from) this.move(item.from - from);
    else if (item.to > to) this.move(item.to - to);
    this.draw();
    this.told(spot);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: () => this.beside(-1), ArrowRight: () => this.beside(1), ArrowUp: () => this.above(), ArrowDown: () => this.below(),
      Home: () => this.end(0), End: () => this.end(-1) };
    const zooms = { "+": CLOSER, "=": CLOSER, "-": 1 / CLOSER, "_": 1 / CLOSER };
    if (ways[event.key]) this.walk(this.at ? ways[event.key]() : this.start());
    else if (zooms[event.key]) this.zoom(zooms[event.key]);
    else if (event.key === "0") this.look(0, this.total);
    else if (event.key === "Enter" && this.at) this.open(this.at);
    else return;
    if (this.at && event.key !== "Enter") this.told(this.at);
    event.preventDefault();
  }

  start() {
    const row = this.rows.findIndex((row) => row.place.length);
    return { row, cell: this.drawn()[row].find((item) => item.to > this.view.from)?.first ?? 0 };
  }

  beside(step) {
    const items = this.drawn()[this.at.row];
    const next = items[items.indexOf(this.itemOf(this.at)) + step];
    return next ? { row: this.at.row, cell: next.first } : null;
  }

  end(at) {
    return { row: this.at.row, cell: this.drawn()[this.at.row].at(at).first };
  }

  /// The parent; on a level that is drawn on its own, what stands above.
  above() {
    const row = this.rows[this.at.row];
    const up = this.rows[this.at.row - 1];
    if (!up?.place.length) return null;
    const { first, from, to } = this.itemOf(this.at);
    if (!row.linked) return this.standing(this.at.row - 1, (from + to) / 2);
    if (!row.under[first]) return null;
    return this.itemAt(this.at.row - 1, up.cellOf.get(up.level.place(row.level.parent[row.place[first]])));
  }

  /// The first child, or what stands below.
  below() {
    const down = this.rows[this.at.row + 1];
    if (!down?.place.length) return null;
    const { first, last, from, to } = this.itemOf(this.at);
    if (!down.linked) return this.standing(this.at.row + 1, (from + to) / 2);
    const parents = new Set(this.rows[this.at.row].place.slice(first, last + 1).map((place) => this.rows[this.at.row].level.id(place)));
    const cell = down.place.findIndex((place, cell) => down.under[cell] && parents.has(down.level.parent[place]));
    return cell < 0 ? null : this.itemAt(this.at.row + 1, cell);
  }

  itemAt(row, cell) {
    return { row, cell: this.itemOf({ row, cell }).first };
  }

  standing(row, where) {
    const items = this.drawn()[row];
    return { row, cell: items[Math.max(0, lastUpTo(items, (item) => item.from <= where))].first };
  }
}

const valueText = (level, name, place) => (level.value(name, place) === null ? "not defined" : short(level.value(name, place)));
