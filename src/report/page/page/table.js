// The clusters of a level as a table; only visible rows are in the document.

const inOrder = new Intl.Collator("en", { numeric: true });

const ROW = 30;
const NO_FILTER = { text: "", passes: () => true, said: "" };

class ClusterTable {
  constructor(level, open) {
    this.level = level;
    this.open = open;
    this.sort = { name: "cluster", descending: false };
    /// The filter that is shown: the last one that was understood.
    this.filter = NO_FILTER;
    this.order = null;
    this.places = [];
    this.rows = [];
    this.active = 0;
    this.selected = null;
    /// Called with the new query when the filter, the sorting or the columns change.
    this.changed = () => {};
    this.build();
    this.setColumns(null);
    this.apply();
  }

  build() {
    const level = this.level;
    const names = level.names();
    const example = ["silhouette", "simplified_silhouette", "mean_inertia", "inertia"].find((name) => names.includes(name));
    const hint = `size>=10${example ? ` and ${readable(example)}<0.1` : ""}, or cluster numbers`;
    this.input = el("input", {
      type: "search", placeholder: `Filter: ${hint}`, "aria-label": `Filter clusters, for example ${hint}`,
      "aria-describedby": "filter-count filter-said", spellcheck: "false", autocomplete: "off", oninput: () => this.type(),
    });
    this.count = el("span", { class: "note", role: "status", id: "filter-count" });
    this.said = el("p", { class: "note said", id: "filter-said" });
    this.chooser = new ColumnChooser(names.filter((name) => name !== "cluster"), (shown) => {
      this.setColumns(shown);
      this.draw();
      this.tell();
    });
    this.quick = new QuickFilters(level);
    this.head = el("div", { role: "row", class: "head" });
    this.head.addEventListener("keydown", (event) => this.headKey(event));
    this.space = el("div", { class: "space", role: "rowgroup" });
    this.empty = el("p", { class: "empty", hidden: true }, "No cluster matches the filter.");
    this.grid = el("div", { class: "grid", role: "grid", tabindex: 0, "aria-label": `Clusters of level ${level.number}` }, this.head, this.space);
    this.grid.addEventListener("scroll", () => this.draw(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.space.addEventListener("click", (event) => {
      const row = event.target.closest("[role=row]");
      if (row) this.activate(Number(row.dataset.at), true);
    });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.grid);
    this.printed = el("div", { class: "printed" });
    const signs = "↑ higher is better · ↓ lower is better · ▲ ▼ sorted by this column";
    this.element = el("div", {},
      this.quick.element,
      el("div", { class: "tools" }, this.input, this.chooser.element, this.count), this.said, this.grid, this.empty,
      el("p", { class: "note signs" }, signs), this.printed);
  }

  /// Shows these columns, all if null; clusters are always named.
  setColumns(shown) {
    const names = this.level.names();
    const kept = shown && names.filter((name) => name === "cluster" || shown.includes(name));
    this.names = kept && kept.length < names.length ? kept : names;
    this.all = this.names.length === names.length;
    this.formats = this.names.map((name) => this.level.format(name));
    this.chooser.show(this.names);
    this.headers = this.names.map((name, at) => {
      const title = name === "cluster" ? "number of the cluster" : name === "parent" ? "cluster on the level above" : meaning(name);
      const button = el("button", { type: "button", title, tabindex: at ? -1 : 0, onclick: () => this.sortBy(name) }, readable(name) + arrow(name));
      return el("div", { role: "columnheader", class: this.level.texts.has(name) ? "name" : null }, button);
    });
    this.head.replaceChildren(...this.headers);
    this.space.replaceChildren();
    this.rows = [];
    this.grid.setAttribute("aria-colcount", this.names.length);
    this.grid.style.setProperty("--columns", this.names.length - 1);
    this.markSorted();
  }

  /// What the address tells of this table.
  query() {
    const { name, descending } = this.sort;
    const plain = name === "cluster" && !descending;
    return {
      filter: this.filter.text,
      sort: plain ? "" : (descending ? "-" : "") + name,
      columns: this.all ? "" : this.names.filter((name) => name !== "cluster").join(",") || "none",
    };
  }

  /// Shows what an address asks for.
  show({ filter, sort, columns }) {
    const now = this.query();
    if (columns !== now.columns) this.setColumns(columns ? columns.split(",") : null);
    const name = sort.replace(/^-/, "");
    const known = this.level.names().includes(name);
    this.setSort(known ? { name, descending: sort.startsWith("-") } : { name: "cluster", descending: false });
    if (filter !== now.filter) {
      this.input.value = filter;
      this.filter = NO_FILTER;
      this.understand(filter);
    }
    if (filter !== now.filter || sort !== now.sort) this.apply();
    this.quick.mark(this.query());
  }

  tell() {
    this.quick.mark(this.query());
    this.changed(this.query());
  }

  /// Shows these clusters alone. The filter names them, so the address keeps them.
  only(places) {
    this.input.value = places.map((place) => this.level.id(place)).join(", ");
    this.type();
    this.input.scrollIntoView({ block: "center" });
    this.input.focus({ preventScroll: true });
  }

  type() {
    if (!this.understand(this.input.value.trim())) return;
    this.apply();
    this.tell();
  }

  /// Takes a filter if it is understood; says why not otherwise.
  understand(text) {
    const { passes, said, wrong } = parseFilter(text, this.level);
    this.input.setAttribute("aria-invalid", wrong ? "true" : "false");
    this.count.classList.toggle("wrong", Boolean(wrong));
    if (!wrong) {
      this.filter = { text, passes, said };
      return true;
    }
    this.count.textContent = `Not understood: ${wrong}`;
    this.said.textContent = this.filter.said ? `The table still shows: ${this.filter.said}.` : "The table shows all clusters.";
    return false;
  }

  /// Places in the order of the sorting. Undefined values come last in either direction; ties by number.
  sorted() {
    const { name, descending } = this.sort;
    const column = this.level.column(name);
    const order = Array.from({ length: this.level.length }, (_, place) => place);
    const compare = this.level.texts.has(name) ? inOrder.compare : (a, b) => a - b;
    const value = (place) => column[place] ?? null;
    return order.sort((a, b) => {
      const [first, second] = [value(a), value(b)];
      if (first === null || second === null) return (first === null) - (second === null) || a - b;
      return (descending ? compare(second, first) : compare(first, second)) || a - b;
    });
  }

  /// Applies filter and sorting.
  apply() {
    this.order ??= this.sorted();
    this.places = this.order.filter(this.filter.passes);
    if (this.input.getAttribute("aria-invalid") !== "true") {
      const all = wholeOrNone(this.level.clusters);
      const listed = this.level.ids ? `${wholeOrNone(this.level.length)} best and worst of ${all}` : all;
      this.count.textContent = `${wholeOrNone(this.places.length)} of ${listed} clusters`;
      this.said.textContent = this.filter.said ? `Shown: ${this.filter.said}.` : "";
    }
    this.grid.setAttribute("aria-rowcount", this.places.length + 1);
    this.space.style.height = `${this.places.length * ROW}px`;
    this.empty.hidden = this.places.length > 0;
    this.active = Math.max(0, this.places.indexOf(this.selected));
    this.grid.scrollTop = 0;
    this.draw();
  }

  setSort(sort) {
    if (sort.name === this.sort.name && sort.descending === this.sort.descending) return;
    this.sort = sort;
    this.order = null;
    this.markSorted();
  }

  markSorted() {
    const { name, descending } = this.sort;
    this.headers.forEach((header, at) =>
      header.setAttribute("aria-sort", this.names[at] === name ? (descending ? "descending" : "ascending") : "none"));
  }

  sortBy(name) {
    const better = metric(name)?.better;
    // the first click shows large and bad clusters, which readers look for first
    const first = better === "lower" || name === "size";
    this.setSort({ name, descending: this.sort.name === name ? !this.sort.descending : first });
    this.apply();
    this.tell();
  }

  /// Fills the table that is printed instead, or empties it again.
  print(on) {
    this.printed.replaceChildren(...(on ? printedRows(this) : []));
  }

  draw() {
    const from = Math.max(0, Math.floor(this.grid.scrollTop / ROW) - 4);
    const to = Math.min(this.places.length, Math.ceil((this.grid.scrollTop + this.grid.clientHeight) / ROW) + 4);
    while (this.rows.length < to - from) this.rows.push(this.row());
    while (this.rows.length > to - from) this.rows.pop().remove();
    this.rows.forEach((row, i) => this.fill(row, from + i));
    const active = this.rows[this.active - from];
    if (active) this.grid.setAttribute("aria-activedescendant", active.id);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  row() {
    const cell = (name) => el("div", { role: "gridcell", class: this.level.texts.has(name) ? "name" : null });
    const row = el("div", { role: "row" }, this.names.map(cell));
    this.space.append(row);
    return row;
  }

  fill(row, at) {
    const place = this.places[at];
    row.dataset.at = at;
    row.id = `row-${this.level.number}-${at}`;
    row.style.transform = `translateY(${at * ROW}px)`;
    row.setAttribute("aria-rowindex", at + 2);
    row.setAttribute("aria-selected", place === this.selected);
    row.classList.toggle("active", at === this.active);
    this.names.forEach((name, column) => {
      const text = this.formats[column](this.level.value(name, place));
      const cell = row.children[column];
      if (cell.textContent !== text) cell.textContent = text;
      // a long name is cut off
      if (this.level.texts.has(name)) cell.title = text;
    });
  }

  /// Makes a row active, and opens its cluster if asked.
  activate(at, open) {
    if (!this.places.length) return;
    this.active = Math.min(Math.max(at, 0), this.places.length - 1);
    const top = this.active * ROW;
    const room = this.grid.clientHeight - this.head.offsetHeight - ROW;
    if (top < this.grid.scrollTop) this.grid.scrollTop = top;
    else if (top > this.grid.scrollTop + room) this.grid.scrollTop = top - room;
    this.draw();
    if (open) this.open(this.level.id(this.places[this.active]));
  }

  /// Marks the open cluster, without scrolling.
  select(place) {
    this.selected = place;
    const at = this.places.indexOf(place);
    if (at >= 0) this.active = at;
    this.draw();
  }

  key(event) {
    if (event.target !== this.grid) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.activate(this.active + steps[event.key], false);
    else if (event.key === "Enter" || event.key === " ") this.activate(this.active, true);
    else return;
    event.preventDefault();
  }

  /// Left and right move between headers, so that the table has two tab stops.
  headKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const buttons = this.headers.map((header) => header.firstChild);
    const at = buttons.indexOf(document.activeElement);
    const next = buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)];
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    event.preventDefault();
  }
}
