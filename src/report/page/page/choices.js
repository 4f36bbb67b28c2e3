// What stands around the table: groups of clusters, the choice of columns, and what is printed of it.

/// Links to the groups of a level's clusters, each with their number.
class QuickFilters {
  constructor(level) {
    this.level = level;
    this.links = this.groups().map(({ title, about, filter = "", sort = "" }) => ({
      filter, sort, link: el("a", { href: address(level.number, null, { filter, sort }), title: about }, title),
    }));
    this.element = el("nav", { class: "quick", "aria-label": "Groups of clusters" }, this.links.map(({ link }) => link));
  }

  groups() {
    const { level } = this;
    const { by, min_size: least } = level.ranking;
    const sizes = level.column("size") ?? [];
    const count = (passes) => sizes.reduce((sum, size) => sum + (passes(size) ? 1 : 0), 0);
    const [ones, small, none] = [count((size) => size === 1), count((size) => size > 0 && size < least), count((size) => size === 0)];
    const ranked = `size>=${Math.max(1, least)}`;
    const [worst, best] = metric(by)?.better === "lower" ? [`-${by}`, by] : [by, `-${by}`];
    const order = (end) => `clusters with at least ${counted(least, "point")} by ${readable(by)}, the ${end} first`;
    const ends = level.columns.has(by) && sizes.length
      ? [{ title: "Worst first", about: order("worst"), filter: ranked, sort: worst }, { title: "Best first", about: order("best"), filter: ranked, sort: best }] : [];
    return [
      { title: `All ${whole.format(level.length)}`, about: "no filter, by number" },
      ...ends,
      ...(ones ? [{ title: `${counted(ones, "cluster")} of one point`, filter: "size=1" }] : []),
      ...(small ? [{ title: `${whole.format(small)} too small to rank`, about: `fewer than ${counted(least, "point")}`, filter: `size>0 size<${least}` }] : []),
      ...(none ? [{ title: `${whole.format(none)} empty`, about: "without points", filter: "empty" }] : []),
    ];
  }

  /// Marks the group that is shown.
  mark({ filter, sort }) {
    for (const group of this.links) {
      if (group.filter === filter && group.sort === sort) group.link.setAttribute("aria-current", "true");
      else group.link.removeAttribute("aria-current");
    }
  }
}

/// The columns of the table as a list of boxes to tick.
class ColumnChooser {
  /// `changed` is called with the names that are shown.
  constructor(names, changed) {
    this.boxes = names.map((name) => el("input", { type: "checkbox", value: name, onchange: () => changed(this.shown()) }));
    const all = el("button", { type: "button", onclick: () => changed(null) }, "All");
    this.summary = el("summary", {});
    this.element = el("details", { class: "chooser" }, this.summary,
      el("fieldset", {}, el("legend", {}, "Columns to show"),
        this.boxes.map((box) => el("label", { title: meaning(box.value) }, box, ` ${readable(box.value)}`)), all));
    const close = (event) => {
      if (!this.element.contains(event.target)) this.element.open = false;
    };
    this.element.addEventListener("toggle", () => {
      if (this.element.open) addEventListener("pointerdown", close);
      else removeEventListener("pointerdown", close);
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.element.open) return;
      this.element.open = false;
      this.summary.focus();
      // an open cluster stays open
      event.stopPropagation();
    });
  }

  shown() {
    return this.boxes.filter((box) => box.checked).map((box) => box.value);
  }

  show(names) {
    for (const box of this.boxes) box.checked = names.includes(box.value);
    const shown = this.shown().length;
    this.summary.textContent = shown === this.boxes.length ? "Columns" : `Columns: ${shown} of ${this.boxes.length}`;
  }
}

/// Most rows and columns of the table that are printed.
const PRINTED = { rows: 50, columns: 9 };

/// Some clusters as a plain table.
function plainTable(level, places, names) {
  const kind = (name) => (level.texts.has(name) ? null : "number");
  const head = names.map((name) => el("th", { scope: "col", class: name === "cluster" ? null : kind(name), title: meaning(name) }, readable(name) + arrow(name)));
  const row = (place) => el("tr", {},
    el("th", { scope: "row" }, clusterLink(level.number, level.id(place), level.format("cluster")(level.id(place)))),
    names.slice(1).map((name) => el("td", { class: kind(name) }, level.format(name)(level.value(name, place)))));
  return el("table", { class: "plain" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, places.map(row)));
}

/// The first rows of the table as it is filtered and sorted.
function printedRows({ level, places, names }) {
  const shown = places.slice(0, PRINTED.rows);
  const left = places.length - shown.length;
  const rest = left ? `The first ${whole.format(shown.length)} of ${whole.format(places.length)} rows; level${level.number}/clusters.csv has all.` : "";
  return [plainTable(level, shown, names.slice(0, PRINTED.columns)), el("p", { class: "note" }, rest)];
}
