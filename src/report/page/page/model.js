// The levels, as the views query them.

/// Columns whose values are names, even where they are written as integers.
const NAMES = ["majority_label"];

/// Columns in the order in which they tell a bad cluster; the one that ranks the clusters goes before those after `size`.
const FIRST = ["cluster", "size", "silhouette", "simplified_silhouette", "misassigned", "purity", "majority_label",
  "mean_distance", "max_distance", "mean_inertia", "nearest_cluster", "nearest_distance"];
/// Columns that are read least, since they grow with the size or belong to another one.
const LAST = ["labelled_points", "parent", "parent_points_share", "parent_inertia_share", "inertia"];

/// One level. A cluster has a number, and a place in the columns; they differ if not all clusters are listed.
class Level {
  constructor(raw) {
    Object.assign(this, raw);
    this.number = raw.level;
    this.columns = new Map(raw.columns.map(([name, values]) =>
      [name, NAMES.includes(name) ? values.map((value) => (value === null ? null : String(value))) : values]));
    this.parent = raw.parent ?? [];
    this.length = raw.ids ? raw.ids.length : raw.clusters;
    /// Columns of text.
    this.texts = new Set([...this.columns].filter(([name, values]) => NAMES.includes(name) || values.some((value) => typeof value === "string")).map(([name]) => name));
    this.places = raw.ids ? new Map(raw.ids.map((id, place) => [id, place])) : null;
    this.sorted = new Map();
    this.formats = new Map();
  }

  /// The place of a cluster among the samples of its level, made when first needed.
  get samplePlaces() {
    return (this.known ??= new Map(imagesOn(this).clusters.map((cluster, at) => [cluster, at])));
  }

  id(place) {
    return this.ids ? this.ids[place] : place;
  }

  /// Undefined for a cluster that does not exist or is not listed.
  place(id) {
    if (this.places) return this.places.get(id);
    return Number.isInteger(id) && id >= 0 && id < this.length ? id : undefined;
  }

  /// Null if not defined.
  value(name, place) {
    if (name === "cluster") return this.id(place);
    if (name === "parent") return this.parent[place] ?? null;
    return this.columns.get(name)?.[place] ?? null;
  }

  /// Columns to list, sort and filter by, those first that tell a bad cluster.
  names() {
    const all = ["cluster", ...this.columns.keys(), ...(this.parent.length ? ["parent"] : [])];
    const first = [...FIRST.slice(0, 2), this.ranking.by, ...FIRST.slice(2)];
    const [start, end] = [first, LAST].map((list) => [...new Set(list)].filter((name) => all.includes(name)));
    const kept = end.filter((name) => !start.includes(name));
    return [...start, ...all.filter((name) => !start.includes(name) && !kept.includes(name)), ...kept];
  }

  /// The values of a column by place; undefined if there is no such column.
  column(name) {
    if (name === "cluster") return this.ids ?? Array.from({ length: this.length }, (_, place) => place);
    return name === "parent" ? this.parent : this.columns.get(name);
  }

  /// Writes the values of a column so that they align.
  format(name) {
    if (!this.formats.has(name)) {
      const values = name === "cluster" ? null : this.column(name);
      this.formats.set(name, this.texts.has(name) ? (value) => value ?? "–" : values ? aligned(values) : wholeOrNone);
    }
    return this.formats.get(name);
  }

  /// Columns of numbers that colours can show.
  numericColumns() {
    return [...this.columns.keys()].filter((name) => name !== "nearest_cluster" && !this.texts.has(name));
  }

  isEmpty(place) {
    return this.columns.get("size")?.[place] === 0;
  }

  /// Number of listed clusters that are not empty.
  nonEmpty() {
    return Array.from({ length: this.length }, (_, place) => place).filter((place) => !this.isEmpty(place)).length;
  }

  /// Defined values of a metric over all non-empty clusters, ascending.
  ascending(name) {
    if (!this.sorted.has(name)) {
      const kept = (this.columns.get(name) ?? []).filter((value, place) => value !== null && !this.isEmpty(place));
      this.sorted.set(name, Float64Array.from(kept).sort());
    }
    return this.sorted.get(name);
  }

  /// Share of the clusters with a smaller value, from 0 to 1; ties count half.
  share(name, value) {
    const values = this.ascending(name);
    if (value === null || values.length < 2) return null;
    const below = (limit) => lastUpTo(values, limit) + 1;
    const less = below((other) => other < value);
    const same = below((other) => other <= value) - less;
    return (less + (same - 1) / 2) / (values.length - 1);
  }
}

const levels = data.levels.map((raw) => new Level(raw));
const levelOf = (number) => levels.find((level) => level.number === number);

/// Places of a cluster's children on the level below, largest first.
const children = (() => {
  const known = new Map();
  return (level, id) => {
    const below = levelOf(level.number - 1);
    if (!below || !below.parent.length) return null;
    if (!known.has(below)) {
      const byParent = new Map();
      below.parent.forEach((parent, place) => {
        if (!byParent.has(parent)) byParent.set(parent, []);
        byParent.get(parent).push(place);
      });
      known.set(below, byParent);
    }
    const places = known.get(below).get(id) ?? [];
    return [...places].sort((a, b) => (below.value("size", b) ?? 0) - (below.value("size", a) ?? 0) || a - b);
  };
})();

/// The address of a level or of one of its clusters. `query` may hold a filter, a sorting (a column, with `-` before it for
/// descending) and the columns to show, as `ClusterTable` takes them: `#level2/cluster12?filter=size%3D1&sort=-silhouette`.
function address(level, id, query = {}) {
  const parts = ["filter", "sort", "columns"].filter((name) => query[name]).map((name) => `${name}=${encodeURIComponent(query[name]).replaceAll("%2C", ",")}`);
  return `#level${level}${id === undefined || id === null ? "" : `/cluster${id}`}${parts.length ? `?${parts.join("&")}` : ""}`;
}

/// Reads an address: number of the level, number of the cluster or null, and the query. Null if it is of another view.
function fromAddress(hash) {
  const found = /^#level(\d+)(?:\/cluster(\d+))?(?:\?(.*))?$/.exec(hash);
  if (!found) return null;
  const [, level, cluster, query] = found;
  const asked = new URLSearchParams(query ?? "");
  return {
    level: Number(level),
    cluster: cluster === undefined ? null : Number(cluster),
    query: { filter: asked.get("filter") ?? "", sort: asked.get("sort") ?? "", columns: asked.get("columns") ?? "" },
  };
}

/// A link to a cluster; plain text if the page does not list it.
function clusterLink(level, id, text = `cluster ${id}`) {
  const there = levelOf(level)?.place(id) !== undefined;
  return there ? el("a", { href: address(level, id) }, text) : document.createTextNode(text);
}
