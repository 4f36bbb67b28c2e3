// One cluster: its images, metrics and relatives.

/// Most children listed.
const LISTED = 200;

/// The metrics of a cluster, and where each ranks within the level.
function metricsOf(level, place) {
  const rows = level.numericColumns().map((name) => {
    const value = level.value(name, place);
    const share = level.isEmpty(place) ? null : level.share(name, value);
    const bar = el("span", { class: "place" });
    if (share !== null) {
      const dot = el("i");
      dot.style.left = `${100 * share}%`;
      bar.append(dot);
      bar.title = `larger than in ${Math.round(100 * share)} % of the clusters`;
    }
    return el("tr", {},
      el("th", { scope: "row", title: meaning(name) }, readable(name) + arrow(name)),
      el("td", { class: "number" }, short(value)),
      el("td", {}, bar));
  });
  return el("table", {}, el("tbody", {}, rows));
}

/// Columns of text, such as the label that most of its points have.
function namesOf(level, place) {
  return [...level.texts].map((name) => [readable(name), level.value(name, place)]).filter(([, value]) => value !== null);
}

function kin(level, id, place) {
  const list = el("dl", { class: "kin" });
  const add = (term, ...content) => list.append(el("dt", {}, term), el("dd", {}, content));
  const parent = level.value("parent", place);
  if (parent !== null) add("parent", clusterLink(level.number + 1, parent, `level ${level.number + 1}, cluster ${parent}`));
  for (const [term, value] of namesOf(level, place)) add(term, value);
  const nearest = level.value("nearest_cluster", place);
  if (nearest !== null) {
    add("nearest cluster", clusterLink(level.number, nearest), ` at distance ${short(level.value("nearest_distance", place))}`);
  }
  return list;
}

function childrenOf(level, id) {
  const places = children(level, id);
  if (!places) return [];
  const below = levelOf(level.number - 1);
  const by = below.columns.has(below.ranking.by) ? below.ranking.by : "inertia";
  const names = ["size", by].filter((name, i, all) => below.columns.has(name) && all.indexOf(name) === i);
  const rows = places.slice(0, LISTED).map((place) => el("tr", {},
    el("th", { scope: "row" }, clusterLink(below.number, below.id(place))),
    names.map((name) => el("td", { class: "number" }, short(below.value(name, place))))));
  const head = el("thead", {}, el("tr", {}, el("th", { scope: "col" }, `level ${below.number}`),
    names.map((name) => el("th", { scope: "col", class: "number" }, readable(name)))));
  const more = places.length > LISTED ? `, the ${LISTED} largest shown` : "";
  return [
    el("h3", {}, `${wholeOrNone(places.length)} ${places.length === 1 ? "child" : "children"}${more}`),
    places.length ? el("div", { class: "tall", tabindex: 0, role: "region", "aria-label": "Children" }, el("table", {}, head, el("tbody", {}, rows))) : null,
  ];
}

/// Shows a cluster in the panel.
function showCluster(level, id, close) {
  const place = level.place(id);
  const button = el("button", { type: "button", class: "quiet", onclick: close, "aria-label": "Close cluster" }, "Close");
  const title = el("h2", { id: "cluster-title", tabindex: -1 }, `Level ${level.number}, cluster ${id}`);
  const ends = ["best", "worst"].flatMap((end) => {
    const rank = level.ranking[end].indexOf(id);
    return rank < 0 ? [] : [el("p", { class: end }, `${end} ${rank + 1} of ${wholeOrNone(level.ranking.ranked)} by ${readable(level.ranking.by)}`)];
  });
  const empty = level.isEmpty(place) ? el("p", { class: "note" }, "This cluster is empty.") : null;
  const panel = document.getElementById("cluster");
  panel.replaceChildren(...[
    el("div", { class: "top" }, title, button),
    ...ends, empty, kin(level, id, place), ...imagesOf(level, id, place),
    el("h3", {}, "Metrics"), metricsOf(level, place),
    el("p", { class: "note" }, "Dots show where the cluster ranks within its level, from lowest (left) to highest value."),
    ...childrenOf(level, id), ...montagesOf(level, id),
  ].filter(Boolean));
  panel.hidden = false;
  panel.scrollTop = 0;
  return title;
}
