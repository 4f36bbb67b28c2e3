// The images of a cluster's members: grids of them, and words about those that are not in this page.

/// Most images in a grid at a time, and in one of the farthest: a row of the panel, above one of the nearest cluster.
const PER_PAGE = 8;
const IN_ROW = 4;

/// What the page has of a level's images: which clusters, and how many there are elsewhere.
const imagesOn = (level) => images().levels.find((other) => other.level === level.number);

/// What is known about the image of a row; null if the page knows none.
function imageOf(row) {
  const { rows, paths, captions, classes, sources } = images();
  const at = lastUpTo(rows, (other) => other <= row);
  if (rows[at] !== row) return null;
  const path = paths[at];
  return { row, path, name: fileName(path), caption: captions[at] ?? null, class: classes[at] ?? null, source: sources[at] };
}

/// The members of a cluster that the page shows: `closest` (or at random) and `farthest`; null if there are none.
function membersOf(level, id) {
  const here = imagesOn(level);
  const at = level.samplePlaces.get(id);
  if (at === undefined) return null;
  const items = (rows, distances) => rows[at].map((row, i) => ({ level, cluster: id, row, distance: distances[at][i] ?? null }));
  return {
    closest: items(here.rows, here.distances),
    farthest: items(here.farthest, here.farthest_distances),
    chosen: here.chosen[at],
  };
}

/// A distance by the mean distance of the cluster's points, with words after it; null if either is unknown.
function ratioOf({ level, cluster, distance }, words) {
  const place = level.place(cluster);
  const mean = place === undefined ? null : level.value("mean_distance", place);
  return distance === null || !mean ? null : `${(distance / mean).toFixed(2)}${words}`;
}

/// The picture, or why there is none.
function pictureOf({ source, caption, name }) {
  return source
    ? el("img", { src: source, alt: caption ?? name, loading: "lazy", decoding: "async" })
    : el("span", { class: "none", role: "img", "aria-label": `${caption ?? name}: can't be read` }, "can't be read");
}

/// Images in a grid with pages. It is one stop of the Tab key; arrow keys move within it, Enter enlarges.
class MemberGrid {
  /// `farther` adds how a distance compares with the mean.
  constructor(items, label, { farther = false, perPage = PER_PAGE } = {}) {
    this.items = items;
    this.label = label;
    this.farther = farther;
    this.perPage = perPage;
    this.page = 0;
    this.list = el("ul", { class: "thumbnails", "aria-label": label, onkeydown: (event) => this.key(event) });
    this.about = el("span", { class: "note", role: "status" });
    const turn = (by, text, name) => el("button", { type: "button", class: "quiet", "aria-label": name, onclick: () => this.show(this.page + by) }, text);
    this.before = turn(-1, "‹", `Earlier images: ${label}`);
    this.after = turn(1, "›", `More images: ${label}`);
    const pager = items.length > perPage ? el("div", { class: "pager" }, this.before, this.about, this.after) : null;
    this.element = el("div", { class: "members" }, [this.list, pager].filter(Boolean));
    this.show(0);
  }

  get pages() {
    return Math.ceil(this.items.length / this.perPage);
  }

  show(page) {
    this.page = Math.min(Math.max(page, 0), this.pages - 1);
    const first = this.page * this.perPage;
    const shown = this.items.slice(first, first + this.perPage);
    this.buttons = shown.map((item, i) => this.button(item, first + i));
    this.buttons[0].tabIndex = 0;
    this.list.replaceChildren(...shown.map((item, i) => this.figure(item, this.buttons[i])));
    this.about.textContent = `${first + 1} to ${first + shown.length} of ${this.items.length}`;
    this.before.disabled = this.page === 0;
    this.after.disabled = this.page + 1 === this.pages;
  }

  button(item, at) {
    const open = () => lightbox.open(this, at);
    return el("button", { type: "button", class: "enlarge", tabindex: -1, onclick: open }, pictureOf(imageOf(item.row)));
  }

  figure(item, button) {
    const image = imageOf(item.row);
    const about = [image.caption, image.path, `row ${item.row}`].filter(Boolean).join("\n");
    const line = (text, kind, title) => (text === null ? null : el("span", { class: kind, title }, text));
    const majority = item.level.place(item.cluster) === undefined ? null : item.level.value("majority_label", item.level.place(item.cluster));
    const differs = image.class !== null && majority !== null && String(majority) !== image.class;
    return el("li", {}, el("figure", { title: about }, button, el("figcaption", {},
      line(item.distance === null ? null : `d ${short(item.distance)}`, "line"),
      this.farther ? line(ratioOf(item, " × mean"), "line") : null,
      line(image.class, differs ? "line other-class" : "line", differs ? `${image.class}: not the majority label, ${majority}` : null),
      line(image.caption ?? (image.class === null ? image.name : null), "words"))));
  }

  /// Shows the page with this image, and returns its button.
  reveal(at) {
    const page = Math.floor(at / this.perPage);
    if (page !== this.page) this.show(page);
    this.buttons.forEach((button) => { button.tabIndex = -1; });
    const button = this.buttons[at - page * this.perPage];
    button.tabIndex = 0;
    return button;
  }

  key(event) {
    const at = this.buttons.indexOf(document.activeElement);
    if (at < 0) return;
    const columns = getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    const from = this.page * this.perPage + at;
    this.reveal(Math.min(Math.max(from + steps[event.key], 0), this.items.length - 1)).focus();
    event.preventDefault();
  }
}

/// Says how many clusters of a level have images in this page, and where the others are; null if none are missing.
function missingImages(level) {
  const { here, recorded, non_empty } = imagesOn(level);
  if (!data.inputs.images.length || here >= non_empty) return null;
  const count = `${whole.format(here)} of ${counted(non_empty, "cluster")}`;
  const words = [here ? `Images of ${count} of this level are in this page, the worst clusters first. ` : `No images of this level's ${counted(non_empty, "cluster")} are in this page. `];
  if (here < recorded) {
    const rest = recorded < non_empty ? `writes those of ${counted(recorded, "cluster")} beside it.` : "writes all beside it.";
    words.push(el("code", {}, images().command), ` ${rest} `);
  }
  if (recorded < non_empty) words.push(`To keep its record small, the run chose images of ${counted(recorded, "cluster")}.`);
  return el("p", { class: "note missing" }, words);
}

/// Says how many images of a cluster are elsewhere; null if none are.
function moreMembers({ closest, farthest, chosen }) {
  const here = closest.length + farthest.length;
  if (here >= chosen) return null;
  return el("p", { class: "note missing" }, `Images of ${here} of ${chosen} chosen members are in this page; `,
    el("code", {}, images().command), " writes all beside it.");
}

/// How the first members were chosen, in words.
function choice(level) {
  const asked = data.settings?.sample;
  if (asked === "random") return "Random members";
  if (imagesOn(level).has_distances) return "Closest to the centroid";
  // records of older versions
  return { closest: "Closest to the centroid", farthest: "Farthest from the centroid" }[asked] ?? "Members";
}

/// The images of the nearest cluster, to compare with.
function besideOf(level, place) {
  const nearest = level.value("nearest_cluster", place);
  if (nearest === null) return [];
  const members = membersOf(level, nearest);
  const title = el("h3", {}, "Nearest cluster: ", clusterLink(level.number, nearest));
  if (!members) return [title, el("p", { class: "note" }, "No images of it are in this page.")];
  const shown = members.closest.slice(0, IN_ROW);
  return shown.length ? [title, new MemberGrid(shown, `members of the nearest cluster, ${nearest}`).element] : [];
}

/// The images of a cluster: closest, farthest, and those of the nearest cluster.
function imagesOf(level, id, place) {
  if (!data.inputs.images.length || level.isEmpty(place)) return [];
  const members = membersOf(level, id);
  if (!members) {
    const note = missingImages(level);
    return note ? [el("h3", {}, "Images"), el("p", { class: "note" }, "No images of this cluster are in this page."), note] : [];
  }
  const { closest, farthest } = members;
  const size = level.value("size", place);
  const words = choice(level);
  const shown = closest.length + farthest.length;
  const parts = [];
  if (closest.length) {
    const all = size !== null && closest.length >= size ? `all ${counted(size, "point")}` : `${counted(closest.length, "image")}${size === null ? "" : ` of ${counted(size, "point")}`}`;
    parts.push(el("h3", {}, words, el("small", {}, all)), new MemberGrid(closest, `${words.toLowerCase()}, cluster ${id}`).element);
  }
  if (farthest.length) {
    const mean = level.value("mean_distance", place);
    parts.push(el("h3", {}, "Farthest from the centroid", mean === null ? null : el("small", {}, `mean ${short(mean)}`)),
      new MemberGrid(farthest, `farthest from the centroid, cluster ${id}`, { farther: true, perPage: IN_ROW }).element);
  }
  return [...parts, moreMembers(members), ...(shown ? besideOf(level, place) : [])];
}

/// The montages of a cluster.
function montagesOf(level, id) {
  return level.montages.filter((montage) => montage.cluster === id).flatMap((montage) => {
    const source = images().montages[montage.path];
    if (!source) return [];
    const title = `Montage: ${montage.end} cluster ${montage.rank} by ${readable(level.ranking.by)}`;
    return [
      el("h3", {}, title),
      el("img", { class: "montage", src: source, alt: `${title}, ${counted(montage.shown, "image")}`, loading: "lazy" }),
      sectionsOf(level, montage), fullSize(montage.path),
    ];
  });
}
