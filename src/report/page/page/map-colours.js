// The colours of the map: a metric by its value; labels and clusters of upper levels by kind.

// At least 0.07 apart (OKLab), also to readers without red or green cones, and from the grey of the rest.
const kindColours = {
  light: ["#2276cb", "#eb6c10", "#408b76", "#a2265d", "#776717", "#65349b", "#4499d3", "#5d111c", "#91509a", "#33552d", "#322f4c", "#6ca064"],
  dark: ["#689fcc", "#f0894a", "#55b0a1", "#fc116d", "#f0d04a", "#9386fa", "#f2b8c3", "#4d874a", "#b5c6fd", "#c25b05", "#5579b7", "#cfe6a0"],
};
const rest = { light: "#a3a3a3", dark: "#767c83" };

/// Share of the clusters at each end of a metric that get the colour of that end, so that few do not take all colours.
const CUT = 0.02;

/// Colours by a metric. Like [`KindColours`], it gives places and points slots, and slots colours; the last slot is grey.
class MetricColours {
  constructor(level, name) {
    this.level = level;
    this.name = name;
    this.better = metric(name)?.better ?? "neither";
    const values = level.ascending(name);
    this.scale = values.length ? scaleOf(name, values, CUT) : null;
    this.slots = STEPS + 1;
  }

  slot(place) {
    const value = this.level.value(this.name, place);
    if (value === null || !this.scale || this.level.isEmpty(place)) return STEPS;
    const share = this.scale.share(value);
    return Math.round((this.better === "higher" ? 1 - share : share) * (STEPS - 1));
  }

  slotOfPoint(place) {
    return place < 0 ? STEPS : this.slot(place);
  }

  ramp() {
    return ramps[mode()][this.better === "neither" ? "more" : "worse"];
  }

  colours() {
    return [...Array.from({ length: STEPS }, (_, i) => along(this.ramp(), i / (STEPS - 1))), channels(rest[mode()])];
  }

  ends() {
    return { higher: ["worse", "better"], lower: ["better", "worse"], neither: ["", ""] }[this.better];
  }

  /// The numbers at the low end, in the middle and at the high end.
  numbers() {
    const { low, middle, high, cut } = this.scale;
    if (low === high) return [short(low)];
    return [(cut[0] ? "≤ " : "") + brief(low), brief(middle), (cut[1] ? "≥ " : "") + brief(high)];
  }

  legend() {
    if (!this.scale) return el("div", { class: "legend" }, `${readable(this.name)} is defined for no cluster.`);
    const stops = this.better === "higher" ? this.ramp().toReversed() : this.ramp();
    const bar = el("i", { class: "bar" });
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    const unit = metric(this.name)?.unit;
    const about = [unit, this.scale.log ? "logarithmic scale" : ""].filter(Boolean).join(", ");
    const [left, right] = this.ends();
    return el("div", { class: "legend" },
      el("strong", {}, readable(this.name)),
      el("span", { class: "ends" }, el("span", {}, left),
        el("span", { class: "scale" }, bar, el("span", { class: "numbers" }, this.numbers().map((number) => el("span", {}, number)))),
        el("span", {}, right)),
      about ? el("span", { class: "note" }, about) : null,
      this.level.ascending(this.name).length < this.level.nonEmpty() ? swatch(rest[mode()], "not defined") : null);
  }

  /// For readers who do not see colours.
  words() {
    if (!this.scale) return "";
    const numbers = this.numbers();
    const [left, right] = this.ends();
    return `Colours show ${readable(this.name)} from ${numbers[0]}${left && ` (${left})`} to ${numbers.at(-1)}${right && ` (${right})`}.`;
  }
}

const swatch = (colour, text, title) => {
  const dot = el("i", { class: "dot" });
  dot.style.background = colour;
  return el("span", { class: "kind", title }, dot, text);
};

/// Colours by kind: the kinds with the most points have a colour each, all others are grey.
class KindColours {
  /// `kindOf` gives the kind of a place, `kindOfPoint` that of a point, or null; `title` names a kind.
  constructor(level, what, kindOf, kindOfPoint, title) {
    Object.assign(this, { what, kindOf, kindOfPoint, title });
    const found = new Map();
    this.bare = false;
    for (let place = 0; place < level.length; place++) {
      if (level.isEmpty(place)) continue;
      const kind = kindOf(place);
      this.bare ||= kind === null;
      if (kind === null) continue;
      const { clusters, points } = found.get(kind) ?? { clusters: 0, points: 0 };
      found.set(kind, { clusters: clusters + 1, points: points + (level.value("size", place) ?? 1) });
    }
    const ordered = [...found].sort((a, b) => b[1].points - a[1].points || inOrder.compare(String(a[0]), String(b[0])));
    const most = kindColours.light.length;
    this.named = ordered.slice(0, most);
    this.others = ordered.length - this.named.length;
    this.slotOf = new Map(this.named.map(([kind], slot) => [kind, slot]));
    this.slots = this.named.length + 1;
  }

  slot(place) {
    return this.slotOf.get(this.kindOf(place)) ?? this.slots - 1;
  }

  slotOfPoint(place, point) {
    return this.slotOf.get(this.kindOfPoint(place, point)) ?? this.slots - 1;
  }

  colours() {
    return [...this.named.map((_, slot) => channels(kindColours[mode()][slot])), channels(rest[mode()])];
  }

  grey() {
    return [this.others ? counted(this.others, "other") : "", this.bare ? "none" : ""].filter(Boolean).join(" and ");
  }

  legend() {
    const entries = this.named.map(([kind, { clusters, points }], slot) =>
      swatch(kindColours[mode()][slot], this.title(kind), `${counted(clusters, "cluster")}, ${counted(points, "point")}`));
    return el("div", { class: "legend" }, el("strong", {}, this.what), entries, this.grey() ? swatch(rest[mode()], this.grey()) : null);
  }

  words() {
    return `Colours show the ${this.what}; ${this.others ? `the ${this.named.length} most frequent have a colour, ${this.others} are grey` : `there are ${this.named.length}`}.`;
  }
}

/// The cluster of an upper level that a place belongs to, or null.
function ancestor(level, place, number) {
  let [at, id] = [level, null];
  for (; at.number < number; at = levelOf(at.number + 1)) {
    id = place === undefined ? null : at.value("parent", place);
    if (id === null || !levelOf(at.number + 1)) return null;
    place = levelOf(at.number + 1).place(id);
  }
  return id;
}

/// Levels above that a level's clusters belong to clusters of.
function above(level) {
  const found = [];
  for (let at = level; at.parent.length && levelOf(at.number + 1); at = levelOf(at.number + 1)) found.push(levelOf(at.number + 1));
  return found;
}

/// What the map can be coloured by, as pairs of a name and a title.
function colourOptions(level) {
  const few = level.nonEmpty() <= kindColours.light.length;
  return [
    ...level.numericColumns().map((name) => [name, readable(name)]),
    ...[...level.texts].map((name) => [name, readable(name)]),
    ...above(level).map((upper, i) => [`level${upper.number}`, i ? `cluster on level ${upper.number}` : `parent (level ${upper.number})`]),
    ...(few ? [["cluster", "cluster"]] : []),
  ];
}

function coloursBy(level, name) {
  const upper = /^level(\d+)$/.exec(name);
  if (upper) {
    const number = Number(upper[1]);
    const there = levelOf(number);
    const label = (id) => [...there.texts].map((text) => there.value(text, there.place(id))).find(Boolean);
    const kindOf = (place) => ancestor(level, place, number);
    return new KindColours(level, `cluster on level ${number}`, kindOf, (place) => (place < 0 ? null : kindOf(place)),
      (id) => `${id}${label(id) ? ` (${label(id)})` : ""}`);
  }
  if (name === "cluster") return new KindColours(level, "cluster", (place) => level.id(place), (place) => (place < 0 ? null : level.id(place)), String);
  if (!level.texts.has(name)) return new MetricColours(level, name);
  // points have labels of their own
  const ofPoint = (place, point) => (name === "majority_label" && point.label !== undefined ? point.label : place < 0 ? null : level.value(name, place));
  return new KindColours(level, readable(name), (place) => level.value(name, place), ofPoint, String);
}
