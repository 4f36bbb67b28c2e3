// Where the clusters of all levels stand in the icicle.

/// Places the clusters of all levels side by side, as wide as they have points, and children under their parents. Returns the
/// rows, the top level first; a row has the columns `place`, `from` and `size` of its cells by position, and `cellOf` a place.
function icicleRows() {
  const upward = levels.map((level, at) => linked(level, levels[at + 1]));
  const room = rooms(upward);
  const rows = [];
  for (let at = levels.length - 1; at >= 0; at--) {
    const level = levels[at];
    const starts = new Map();
    const above = upward[at] ? rows.at(-1) : null;
    const groups = above ? above.place.map((parent) => [upward[at].get(parent) ?? [], above.from[above.cellOf.get(parent)]]) : [];
    const inGroups = new Set(groups.flatMap(([places]) => places));
    for (const [places, from] of groups) lineUp(places, from, room[at], starts);
    // clusters without a parent come after the others
    const rest = bySize(level, Array.from({ length: level.length }, (_, place) => place).filter((place) => !inGroups.has(place)));
    lineUp(rest, above ? extent(above, room[at + 1]) : 0, room[at], starts);
    rows.push(asRow(level, starts, above !== null, inGroups));
  }
  return rows;
}

const sizeOf = (level, place) => level.value("size", place) ?? 0;

const bySize = (level, places) => places.filter((place) => sizeOf(level, place) > 0).sort((a, b) => sizeOf(level, b) - sizeOf(level, a) || a - b);

/// The children of each place of the level above, largest first; null if the levels are not of one hierarchy.
function linked(level, above) {
  if (!above || above.number !== level.number + 1 || !level.parent.length) return null;
  const children = new Map();
  level.parent.forEach((id, place) => {
    const parent = id === null ? undefined : above.place(id);
    // a parent without points has no width to stand under
    if (parent === undefined || !sizeOf(above, parent)) return;
    if (!children.has(parent)) children.set(parent, []);
    children.get(parent).push(place);
  });
  for (const [parent, places] of children) children.set(parent, bySize(level, places));
  return children;
}

/// The room that each cluster takes with its descendants, by level and place: more than its size if theirs add up to more.
function rooms(upward) {
  const room = levels.map((level) => Array.from({ length: level.length }, (_, place) => sizeOf(level, place)));
  upward.forEach((children, at) => {
    for (const [parent, places] of children ?? []) {
      const sum = places.reduce((sum, place) => sum + room[at][place], 0);
      room[at + 1][parent] = Math.max(room[at + 1][parent], sum);
    }
  });
  return room;
}

function lineUp(places, from, room, starts) {
  for (const place of places) {
    starts.set(place, from);
    from += room[place];
  }
}

const extent = (row, room) => row.place.reduce((end, place, cell) => Math.max(end, row.from[cell] + room[place]), 0);

function asRow(level, starts, isLinked, inGroups) {
  const place = [...starts.keys()].sort((a, b) => starts.get(a) - starts.get(b));
  return {
    level,
    linked: isLinked,
    place,
    from: place.map((at) => starts.get(at)),
    size: place.map((at) => sizeOf(level, at)),
    under: place.map((at) => inGroups.has(at)),
    cellOf: new Map(place.map((at, cell) => [at, cell])),
  };
}

/// Groups the cells of a row into what can be drawn at a scale of pixels by point: cells of a pixel or more, and runs of
/// narrower ones. A run ends with its parent if it is wide enough to point at.
function icicleItems(row, scale) {
  const items = [];
  let run = null;
  for (let cell = 0; cell < row.place.length; cell++) {
    const [from, size] = [row.from[cell], row.size[cell]];
    if (size * scale >= 1) {
      run = null;
      items.push({ first: cell, last: cell, from, to: from + size });
      continue;
    }
    const parent = row.linked ? row.level.parent[row.place[cell]] : 0;
    const ends = run && parent !== run.parent && (run.to - run.from) * scale >= POINTED;
    if (!run || ends || (from - run.to) * scale >= 1) items.push((run = { first: cell, last: cell, from, to: from + size }));
    run.last = cell;
    run.to = from + size;
    run.parent = parent;
    run.narrow = true;
  }
  return items;
}

/// Pixels that a run of clusters needs to be pointed at.
const POINTED = 6;
