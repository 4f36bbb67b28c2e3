// The clusters of a level as a table; only visible rows are in the document.

const operators = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

const inOrder = new Intl.Collator("en", { numeric: true });

/// Parses a filter such as `size>=100 silhouette<0 majority_label="a cat"`, or cluster numbers. Returns a test of places, or the error.
function parseFilter(text, level) {
  const tests = [];
  const wanted = new Set();
  const unquoted = (text) => (/^".*"$/.test(text) ? text.slice(1, -1) : text);
  const named = [...level.texts].map((name) => new RegExp(`(${name})\\s*(!=|==?)\\s*("[^"]*"|[^\\s,;"]+)`, "gi"));
  for (const condition of named) {
    text = text.replace(condition, (_, name, operator, value) => {
      tests.push([name.toLowerCase(), operators[operator === "==" ? "=" : operator], unquoted(value)]);
      return " ";
    });
  }
  const number = "-?\\d+(?:\\.\\d*)?(?:e[+-]?\\d+)?";
  const condition = new RegExp(`([a-z_]+)\\s*(<=|>=|!=|==?|<|>)\\s*(${number})(?=[\\s,;]|$)`, "gi");
  const rest = text.replace(condition, (_, name, operator, value) => {
    tests.push([name.toLowerCase(), operators[operator === "==" ? "=" : operator], Number(value)]);
    return " ";
  });
  const unknown = tests.find(([name]) => !level.names().includes(name));
  if (unknown) return { wrong: `no column “${unknown[0]}”; columns are ${level.names().join(", ")}` };
  for (const word of rest.split(/[\s,;]+|\band\b/).filter(Boolean)) {
    if (!/^\d+$/.test(word)) return { wrong: `“${word}” is neither a cluster number nor a condition such as size>=100` };
    wanted.add(Number(word));
  }
  const passes = (place) =>
    (!wanted.size || wanted.has(level.id(place))) &&
    tests.every(([name, holds, value]) => {
      const found = level.value(name, place);
      return found !== null && holds(found, value);
    });
  return { passes };
}

const ROW = 30;

class ClusterTable {
  constructor(level, open) {
    this.level = level;
    this.open = open;
    this.names = level.names();
    this.formats = this.names.map((name) => {
      const values = name === "parent" ? level.parent : level.columns.get(name);
      if (level.texts.has(name)) return (value) => value ?? "–";
      return values ? aligned(values) : wholeOrNone;
    });
    this.sort = { name: "cluster", descending: false };
    this.places = Array.from({ length: level.length }, (_, place) => place);
    this.rows = [];
    this.active = 0;
    this.selected = null;
    this.build();
    this.apply();
  }

  build() {
    const example = ["silhouette", "simplified_silhouette", "inertia"].find((name) => this.names.includes(name));
    const hint = `size>=10${example ? ` ${example}<0.1` : ""}, or cluster numbers`;
    this.input = el("input", {
      type: "search", placeholder: `Filter: ${hint}`, "aria-label": `Filter clusters, for example ${hint}`,
      spellcheck: "false", autocomplete: "off", oninput: () => this.apply(),
    });
    this.count = el("span", { class: "note", role: "status" });
    this.headers = this.names.map((name, at) => {
      const title = name === "cluster" ? "number of the cluster" : name === "parent" ? "cluster on the level above" : meaning(name);
      const button = el("button", { type: "button", title, tabindex: at ? -1 : 0, onclick: () => this.sortBy(name) }, readable(name));
      return el("div", { role: "columnheader" }, button);
    });
    const head = el("div", { role: "row", class: "head" }, this.headers);
    head.addEventListener("keydown", (event) => this.headKey(event));
    this.space = el("div", { class: "space", role: "rowgroup" });
    this.empty = el("p", { class: "empty", hidden: true }, "No cluster matches the filter.");
    this.grid = el("div", {
      class: "grid", role: "grid", tabindex: 0, "aria-label": `Clusters of level ${this.level.number}`,
      "aria-colcount": this.names.length,
    }, head, this.space, this.empty);
    this.grid.style.setProperty("--columns", this.names.length - 1);
    this.grid.addEventListener("scroll", () => this.draw(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.key(event));
    this.space.addEventListener("click", (event) => {
      const row = event.target.closest("[role=row]");
      if (row) this.activate(Number(row.dataset.at), true);
    });
    this.head = head;
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.grid);
    this.element = el("div", {}, el("div", { class: "tools" }, this.input, this.count), this.grid);
  }

  /// Applies filter and sorting.
  apply() {
    const { passes, wrong } = parseFilter(this.input.value, this.level);
    this.input.setAttribute("aria-invalid", wrong ? "true" : "false");
    if (wrong) {
      this.count.textContent = wrong;
      return;
    }
    const { name, descending } = this.sort;
    const level = this.level;
    const value = (place) => this.level.value(name, place);
    const places = Array.from({ length: this.level.length }, (_, place) => place).filter(passes);
    // undefined values come last in either direction; ties by number
    places.sort((a, b) => {
      const [first, second] = [value(a), value(b)];
      if (first === null || second === null) return (first === null) - (second === null) || a - b;
      const order = level.texts.has(name) ? inOrder.compare(first, second) : first - second;
      return (descending ? -order : order) || a - b;
    });
    this.places = places;
    this.headers.forEach((header, at) => {
      const sorted = this.names[at] === name ? (descending ? "descending" : "ascending") : "none";
      header.setAttribute("aria-sort", sorted);
    });
    const all = wholeOrNone(this.level.clusters);
    const listed = this.level.ids ? `${wholeOrNone(this.level.length)} best and worst of ${all}` : all;
    this.count.textContent = `${wholeOrNone(places.length)} of ${listed} clusters`;
    this.grid.setAttribute("aria-rowcount", places.length + 1);
    this.space.style.height = `${places.length * ROW}px`;
    this.empty.hidden = places.length > 0;
    this.active = Math.max(0, places.indexOf(this.selected));
    this.grid.scrollTop = 0;
    this.draw();
  }

  sortBy(name) {
    const better = metric(name)?.better;
    // the first click shows large and bad clusters, which readers look for first
    const first = better === "lower" || name === "size";
    const descending = this.sort.name === name ? !this.sort.descending : first;
    this.sort = { name, descending };
    this.apply();
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
    const row = el("div", { role: "row" }, this.names.map(() => el("div", { role: "gridcell" })));
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
      if (row.children[column].textContent !== text) row.children[column].textContent = text;
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
