// Where clusters and points lie on a map, in columns: the clusters come first, large ones before small ones.

class MapPlaces {
  constructor(level, kind) {
    this.level = level;
    const { clusters, x, y } = level.maps[kind];
    const spots = clusters.flatMap((cluster, i) => {
      const place = level.place(cluster);
      return place === undefined || !isPlace(x[i], y[i]) ? [] : [{ place, x: x[i], y: y[i], size: level.value("size", place) ?? 1 }];
    });
    // small ones stay visible on top of large ones
    spots.sort((a, b) => b.size - a.size || a.place - b.place);
    const points = data.maps[kind].points;
    const labels = points.labels[levels.indexOf(level)];
    this.sampled = points.rows.flatMap((row, i) => (isPlace(points.x[i], points.y[i]) ? [i] : []));
    this.source = points;
    this.clusters = spots.length;
    this.length = spots.length + this.sampled.length;
    this.x = Float64Array.from([...spots.map((spot) => spot.x), ...this.sampled.map((i) => points.x[i])]);
    this.y = Float64Array.from([...spots.map((spot) => spot.y), ...this.sampled.map((i) => points.y[i])]);
    /// Place of the cluster, or of the point's cluster; -1 for a cluster that is not listed.
    this.place = Int32Array.from([...spots.map((spot) => spot.place), ...this.sampled.map((i) => level.place(labels[i]) ?? -1)]);
    const largest = spots.reduce((most, { size }) => Math.max(most, size), 1);
    const most = Math.min(11, Math.max(3.5, 190 / Math.sqrt(spots.length)));
    /// Radius of the mark at the first zoom, CSS pixels.
    this.radius = Float32Array.from({ length: this.length }, (_, i) =>
      i < spots.length ? 1.75 + (most - 1.75) * Math.sqrt(spots[i].size / largest) : POINT);
    this.home = this.range(Math.floor(this.sampled.length / 100));
    this.whole = this.range(0);
  }

  /// The range of all clusters, and of the points without the `cut` outermost ones on each side, which can shrink the rest to
  /// a dot.
  range(cut) {
    const along = (values) => {
      const points = values.slice(this.clusters).sort();
      let [low, high] = points.length ? [points[cut], points[points.length - 1 - cut]] : [Infinity, -Infinity];
      for (let i = 0; i < this.clusters; i++) [low, high] = [Math.min(low, values[i]), Math.max(high, values[i])];
      if (high > low) return [low, high];
      return Number.isFinite(low) ? [low - 1, low + 1] : [-1, 1];
    };
    return { x: along(this.x), y: along(this.y) };
  }

  isPoint(i) {
    return i >= this.clusters;
  }

  /// The mark of a cluster; -1 for none.
  spot(place) {
    return place === null ? -1 : this.place.subarray(0, this.clusters).indexOf(place);
  }

  /// The row of a point.
  row(i) {
    return this.source.rows[this.sampled[i - this.clusters]];
  }

  /// What is known of a point.
  point(i) {
    const at = this.sampled[i - this.clusters];
    const { rows, given_labels: given, distances } = this.source;
    return {
      row: rows[at],
      label: given?.[at],
      distance: distances?.[levels.indexOf(this.level)]?.[at],
      clusters: this.source.labels.map((labels) => labels[at]),
    };
  }

  /// The mark at the pointer: of those within reach the nearest one, and of those below the pointer the topmost. `until` is
  /// the number of marks shown. Looking at each of 30,000 takes a fraction of a millisecond.
  near(view, left, top, until) {
    const { scale, right, down } = view.transform();
    const growth = view.growth();
    let [best, least] = [-1, Infinity];
    for (let i = 0; i < until; i++) {
      const across = this.x[i] * scale + right - left;
      const along = down - this.y[i] * scale - top;
      const reach = i < this.clusters ? REACH : POINT_REACH;
      const radius = growth * this.radius[i];
      if (Math.abs(across) > reach + radius || Math.abs(along) > reach + radius) continue;
      const beyond = Math.max(0, Math.hypot(across, along) - radius);
      // clusters lie above points
      if (beyond <= reach && (beyond < least || (beyond === least && i < this.clusters))) [best, least] = [i, beyond];
    }
    return best;
  }
}

/// Radius of a point, and distances within which the pointer finds a point or a cluster; CSS pixels.
const POINT = 1.75;
const POINT_REACH = 5;
const REACH = 10;

const isPlace = (x, y) => Number.isFinite(x) && Number.isFinite(y);
