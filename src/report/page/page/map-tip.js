// What the pointer, or the keyboard, has found on the map.

/// Title, facts and picture of a cluster.
function aboutCluster(level, place, colour) {
  const id = level.id(place);
  const numeric = ["size", level.columns.has(colour) && !level.texts.has(colour) ? colour : level.ranking.by];
  const facts = numeric.filter((name, i) => level.columns.has(name) && numeric.indexOf(name) === i)
    .map((name) => `${readable(name)} ${short(level.value(name, place))}`);
  const texts = [...level.texts].filter((name) => level.value(name, place) !== null).map((name) => `${readable(name)} ${level.value(name, place)}`);
  const parent = level.value("parent", place);
  const up = parent === null ? [] : [`in cluster ${parent} of level ${level.number + 1}`];
  const members = membersOf(level, id);
  const first = members && [...members.closest, ...members.farthest][0];
  return { title: `cluster ${id}`, facts: [...facts, ...texts, ...up], image: first ? imageOf(first.row) : null };
}

/// Title, facts and picture of a point.
function aboutPoint(level, places, i) {
  const point = places.point(i);
  const image = imageOf(point.row);
  const place = places.place[i];
  const facts = [
    image ? image.path : null,
    image ? `row ${point.row}` : null,
    point.label === undefined ? null : point.label === null ? "no class" : `class ${point.label}`,
    `cluster ${point.clusters[levels.indexOf(level)]}${place < 0 ? ", which this page does not list" : ""}`,
    typeof point.distance === "number" ? `distance to its centroid ${short(point.distance)}` : null,
  ];
  return { title: image ? image.caption ?? image.name : `row ${point.row}`, facts: facts.filter(Boolean), image };
}

class MapTip {
  constructor() {
    this.picture = el("img", { alt: "" });
    this.title = el("strong");
    this.lines = el("div");
    this.element = el("div", { class: "tip", hidden: true }, el("div", {}, this.title, this.lines));
  }

  hide() {
    this.element.hidden = true;
  }

  /// Shows what is known, and returns it in one line.
  show({ title, facts, image }) {
    this.title.textContent = title;
    this.lines.replaceChildren(...facts.map((fact) => el("div", {}, fact)));
    if (image?.source) {
      this.picture.src = image.source;
      this.element.prepend(this.picture);
    } else {
      this.picture.remove();
    }
    this.element.hidden = false;
    return [title, ...facts].join(" · ");
  }

  /// Puts it beside a pixel, inside an area.
  place(x, y, width, height) {
    const [wide, high] = [this.element.offsetWidth, this.element.offsetHeight];
    const right = x + 14 + wide <= width - 4;
    const left = !right && x - 14 - wide >= 4;
    // on narrow maps below or above
    const beside = right || left;
    const across = right ? x + 14 : left ? x - 14 - wide : x - wide / 2;
    const down = beside ? y - high / 2 : y + 14 + high <= height - 4 ? y + 14 : y - 14 - high;
    this.element.style.left = `${Math.max(4, Math.min(across, width - wide - 4))}px`;
    this.element.style.top = `${Math.max(4, Math.min(down, height - high - 4))}px`;
  }
}
