// Points and clusters selected on the map, by a line drawn around them or by what is in view.

/// Most clusters of a selection that are named.
const LISTED_CLUSTERS = 12;

/// Whether a place lies inside a closed line (even-odd rule).
function isInside(line, x, y) {
  let inside = false;
  for (let i = 0, j = line.length - 1; i < line.length; j = i++) {
    const [[ax, ay], [bx, by]] = [line[i], line[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/// Row numbers as a NumPy file: int64, one dimension.
function npyOf(rows) {
  const header = `{'descr': '<i8', 'fortran_order': False, 'shape': (${rows.length},), }`;
  // numbers start at a multiple of 64 bytes
  const start = 64 * Math.ceil((10 + header.length + 1) / 64);
  const file = new DataView(new ArrayBuffer(start + 8 * rows.length));
  [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0].forEach((byte, i) => file.setUint8(i, byte));
  file.setUint16(8, start - 10, true);
  const text = new TextEncoder().encode(header.padEnd(start - 11) + "\n");
  text.forEach((byte, i) => file.setUint8(10 + i, byte));
  rows.forEach((row, i) => file.setBigInt64(start + 8 * i, BigInt(row), true));
  return file.buffer;
}

/// Rows, paths of their images, and their clusters, with the columns of points.parquet.
function csvOf(points) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const head = ["row", "path", ...levels.map((level) => `level${level.number}`)];
  const lines = points.map(({ row, clusters }) => [row, quoted(imageOf(row)?.path ?? ""), ...clusters].join(","));
  return [head.join(","), ...lines, ""].join("\n");
}

/// Saves a file that the page has made. The policy of the page governs what it loads, and lets it be saved.
function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  el("a", { href: url, download: name }).click();
  // the browser reads it after the click
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/// A selection. It is a tool of the viewport: while its button is pressed, or with Shift, dragging draws a line.
///
/// The map's element gets an event `selected` after every change; its `detail` has the level's number, the selected `rows`,
/// and the `places` of the clusters with a selected point or a selected centroid.
class Selection {
  constructor(map) {
    this.map = map;
    this.always = false;
    this.busy = false;
    this.line = [];
    /// Row numbers of points, and places of clusters whose centroid is selected.
    this.rows = new Set();
    this.spots = new Set();
    this.flags = null;
    this.button = el("button", { type: "button", id: "map-select", "aria-pressed": "false", title: "Drag around points to select them; Shift with dragging does so too", onclick: () => this.toggle() }, "Select");
    const view = el("button", { type: "button", id: "map-select-view", title: "Select the points and clusters in view", onclick: () => this.selectView() }, "Select what is in view");
    this.buttons = el("span", { class: "field" }, this.button, view);
    this.element = el("div", { class: "selection", hidden: true });
  }

  toggle() {
    this.always = !this.always;
    this.button.setAttribute("aria-pressed", String(this.always));
    this.map.view.settle();
  }

  takes(event) {
    return this.always || event.shiftKey;
  }

  begin(event) {
    this.busy = true;
    this.line = [this.map.view.place(event.offsetX, event.offsetY)];
  }

  move(event) {
    this.line.push(this.map.view.place(event.offsetX, event.offsetY));
    this.map.redraw();
  }

  end(finished) {
    if (!this.busy) return;
    this.busy = false;
    const line = this.line;
    this.line = [];
    if (finished && line.length > 2) this.select((x, y) => isInside(line, x, y));
    else this.map.redraw();
  }

  selectView() {
    const { view } = this.map;
    const half = view.half();
    this.select((x, y) => Math.abs(x - view.centre[0]) <= half[0] && Math.abs(y - view.centre[1]) <= half[1]);
  }

  /// Selects the visible marks at the places that `holds`.
  select(holds) {
    const { places } = this.map;
    this.rows = new Set();
    this.spots = new Set();
    for (let i = 0; i < this.map.until(); i++) {
      if (!holds(places.x[i], places.y[i])) continue;
      if (places.isPoint(i)) this.rows.add(places.row(i));
      else this.spots.add(places.place[i]);
    }
    this.changed();
  }

  clear() {
    this.select(() => false);
  }

  changed() {
    this.flag();
    this.tell();
    this.map.redraw();
    const detail = { level: this.map.level.number, rows: [...this.rows], places: this.places() };
    this.map.element.dispatchEvent(new CustomEvent("selected", { bubbles: true, detail }));
  }

  /// Notes which marks are selected, by number; another kind of map has other marks for the same rows.
  flag() {
    const { places } = this.map;
    const none = !this.rows.size && !this.spots.size;
    this.flags = none ? null : Uint8Array.from({ length: places.length }, (_, i) =>
      places.isPoint(i) ? this.rows.has(places.row(i)) : this.spots.has(places.place[i]));
  }

  /// The points of the map that are selected, on any kind of map.
  points() {
    const found = new Map();
    for (const kind of this.map.kinds) {
      const { rows, labels } = data.maps[kind].points;
      rows.forEach((row, i) => {
        if (this.rows.has(row)) found.set(row, { row, clusters: labels.map((level) => level[i]) });
      });
    }
    return [...found.values()].sort((a, b) => a.row - b.row);
  }

  /// Counts of selected points by cluster, most first.
  counts() {
    const at = levels.indexOf(this.map.level);
    const counts = new Map();
    for (const { clusters } of this.points()) counts.set(clusters[at], (counts.get(clusters[at]) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  }

  /// Places of the clusters with a selected point or centroid.
  places() {
    const { level } = this.map;
    const ofPoints = this.counts().map(([cluster]) => level.place(cluster)).filter((place) => place !== undefined);
    return [...new Set([...ofPoints, ...this.spots])].sort((a, b) => a - b);
  }

  /// Says what is selected, and offers what can be done with it.
  tell() {
    const { level } = this.map;
    const counts = this.counts();
    this.element.hidden = !this.flags;
    if (!this.flags) return;
    const name = `level${level.number}-selection`;
    const button = (title, onclick, disabled = false) => el("button", { type: "button", onclick, disabled }, title);
    const rows = () => [...this.rows].sort((a, b) => a - b);
    const none = !this.rows.size;
    const centroids = this.spots.size ? `, and ${counted(this.spots.size, "centroid")}` : "";
    const named = counts.slice(0, LISTED_CLUSTERS).flatMap(([cluster, count], i) => [i ? ", " : "", clusterLink(level.number, cluster), ` ${whole.format(count)}`]);
    const more = counts.length > LISTED_CLUSTERS ? `, and ${counted(counts.length - LISTED_CLUSTERS, "more cluster")}` : "";
    this.element.replaceChildren(
      el("p", { role: "status" }, `Selected: ${counted(this.rows.size, "sampled point")} of ${counted(counts.length, "cluster")}${centroids}`),
      ...(counts.length ? [el("p", { class: "note" }, "Points by cluster: ", named, more)] : []),
      el("div", { class: "tools" },
        button("Rows as .csv", () => save(`${name}.csv`, "text/csv", csvOf(this.points())), none),
        button("Rows as .npy", () => save(`${name}.npy`, "application/octet-stream", npyOf(rows())), none),
        button("Show these clusters in the table", () => shown.parts.table.only(this.places())),
        button("Clear", () => this.clear())));
  }
}
