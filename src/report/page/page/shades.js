// Colours for values: the scale of each level, and its legend.

/// Share of the clusters at each end that get the colour of that end.
const OUTERMOST = 0.01;

/// Black or white, whichever is easier to read on a colour.
function inkOn(colour) {
  const [r, g, b] = colour.match(/\d+/g).map((channel) => (channel / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000000" : "#ffffff";
}

/// How a metric is coloured. Ratios have one scale for all levels; sums and distances, which grow with the level, one for each.
class Shades {
  constructor(name) {
    this.name = name;
    const info = metric(name);
    this.better = info?.better ?? "neither";
    this.unit = info?.unit ?? "";
    const having = levels.filter((level) => level.ascending(name).length);
    const ratio = !this.unit && having.some((level) => level.ascending(name).some((value) => !Number.isInteger(value)));
    const groups = ratio ? [having] : having.map((level) => [level]);
    this.scales = groups.filter((group) => group.length).map((group) => this.scale(group));
    this.byLevel = new Map(this.scales.flatMap((scale) => scale.levels.map((level) => [level, scale])));
  }

  /// The scale of some levels.
  scale(group) {
    const values = Float64Array.from(group.flatMap((level) => [...level.ascending(this.name)])).sort();
    return { levels: group, ...scaleOf(this.name, values, OUTERMOST) };
  }

  /// Where a value lies on the scale of its level, from 0 (best, or low) to 1; null if it is not defined.
  at(level, value) {
    const scale = this.byLevel.get(level);
    if (value === null || !scale) return null;
    if (scale.high === scale.low) return 0;
    const inside = scale.share(value);
    return this.better === "higher" ? 1 - inside : inside;
  }

  /// The colours of the theme, from the best to the worst or from low to high.
  colours() {
    const ramp = ramps[mode()][this.better === "neither" ? "more" : "worse"];
    return Array.from({ length: STEPS }, (_, step) => `rgb(${along(ramp, step / (STEPS - 1)).join(" ")})`);
  }

  /// The scale with its numbers; undefined values are hatched.
  legend(hatch) {
    const colours = this.colours();
    const canvas = el("canvas", { width: STEPS * 6, height: 12, role: "img", "aria-label": this.better === "neither" ? "Colours from low to high" : "Colours from best to worst" });
    const pen = canvas.getContext("2d");
    colours.forEach((colour, step) => {
      pen.fillStyle = colour;
      pen.fillRect(step * 6, 0, 6, 12);
    });
    const [start, end] = this.better === "neither" ? ["low", "high"] : ["better", "worse"];
    const none = el("canvas", { width: 24, height: 12, role: "img", "aria-label": "Hatched" });
    hatch(none.getContext("2d"), 0, 0, 24, 12);
    return el("div", { class: "scales" },
      el("table", {},
        el("thead", {}, el("tr", {}, el("td"), el("th", { scope: "col" }, start), el("td", { class: "bar" }, canvas), el("th", { scope: "col" }, end))),
        el("tbody", {}, this.scales.map((scale) => this.numbers(scale)))),
      el("p", { class: "note" }, none, " not defined"));
  }

  numbers({ levels: group, low, middle, high, log, cut }) {
    const ends = [`${cut[0] ? "≤ " : ""}${brief(low)}`, `${cut[1] ? "≥ " : ""}${brief(high)}`];
    if (this.better === "higher") ends.reverse();
    const title = group.length > 1 ? "all levels" : `level ${group[0].number}`;
    return el("tr", {}, el("th", { scope: "row" }, title), el("td", {}, ends[0]), el("td", { class: "bar" }, low === high ? "" : brief(middle) + (log ? " (logarithmic)" : "")), el("td", {}, ends[1]));
  }
}
