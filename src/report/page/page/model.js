// The levels, as the views query them.

/// One level. A cluster has a number, and a place in the columns; they differ if not all clusters are listed.
class Level {
  constructor(raw) {
    Object.assign(this, raw);
    this.number = raw.level;
    this.columns = new Map(raw.columns);
    this.length = raw.ids ? raw.ids.length : raw.clusters;
    /// Columns of text.
    this.texts = new Set(raw.columns.filter(([, values]) => values.some((value) => typeof value === "string")).map(([name]) => name));
    this.places = raw.ids ? new Map(raw.ids.map((id, place) => [id, place])) : null;
    this.sorted = new Map();
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

  /// Columns to list, sort and filter by.
  names() {
    return ["cluster", ...this.columns.keys(), ...(this.parent.length ? ["parent"] : [])];
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
    const below = (limit) => {
      let [from, to] = [0, values.length];
      while (from < to) {
        const middle = (from + to) >> 1;
        if (limit(values[middle])) from = middle + 1;
        else to = middle;
      }
      return from;
    };
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

const address = (level, id) => (id === undefined ? `#level${level}` : `#level${level}/cluster${id}`);

/// A link to a cluster; plain text if the page does not list it.
function clusterLink(level, id, text = `cluster ${id}`) {
  const there = levelOf(level)?.place(id) !== undefined;
  return there ? el("a", { href: address(level, id) }, text) : document.createTextNode(text);
}
