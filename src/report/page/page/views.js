// The views: all levels side by side, one level, and the run.

function overview() {
  const named = data.metrics.filter(({ name }) => levels.some((level) => name in level.figures));
  const row = (info) => el("tr", {},
    el("th", { scope: "row" }, readable(info.name) + arrow(info.name), el("small", {}, meaning(info.name))),
    levels.map((level) => {
      const why = level.undefined[info.name];
      const value = level.figures[info.name];
      return el("td", { class: why ? "number undefined" : "number", title: why ?? value ?? "" }, why ? "–" : short(value));
    }));
  const head = el("tr", {}, el("th", { scope: "col" }, "metric"),
    levels.map((level) => el("th", { scope: "col", class: "number" }, el("a", { href: address(level.number) }, `level ${level.number}`))));
  const reasons = levels.flatMap((level) =>
    Object.entries(level.undefined).map(([name, why]) => `level ${level.number}, ${readable(name)}: ${why}`));
  const clusters = data.metrics.filter(({ name }) => levels.some((level) => level.columns.has(name)) && !named.some((n) => n.name === name));
  return [
    verdict(),
    data.warnings.length ? notice("Warnings of the run", data.warnings) : null,
    images().notes.length ? notice("Left out of this page", images().notes.map(withCode)) : null,
    el("h2", {}, levels.length === 1 ? "Metrics of the level" : "Levels side by side"),
    el("p", { class: "lead" }, `${grouping()}Distances are Euclidean, to the ${ofMeans() ? "means of the clusters" : "stored centroids"}.`),
    scrolled("Metrics of levels", el("table", { class: "wide" }, el("thead", {}, head), el("tbody", {}, named.map(row)))),
    reasons.length ? el("p", { class: "note" }, `– means not defined: ${reasons.join("; ")}`) : null,
    clusters.length ? el("h2", {}, "Metrics of clusters only") : null,
    clusters.length ? scrolled("Metrics of clusters", el("table", {}, el("tbody", {}, clusters.map(({ name }) => el("tr", {},
      el("th", { scope: "row" }, readable(name) + arrow(name), el("small", {}, meaning(name)))))))) : null,
    ...kmeansSection(),
  ];
}

/// What the levels group. Without parents, the level above is not of the same hierarchy, or was not evaluated.
function grouping() {
  if (levels.length === 1) return "";
  return levels.slice(0, -1).every((level) => level.parent.length)
    ? "Level 1 groups points; each higher level groups the clusters of the level below. "
    : "Each level groups the points on its own, except where clusters have a parent on the level above. ";
}

/// Whether labels were given without centroids.
const ofMeans = () => Boolean(data.settings.assignments?.length) && !data.settings.centroids?.length;

/// How the clustering was made, if known.
function kmeansSection() {
  const kmeans = data.kmeans;
  if (!kmeans) return [];
  const objective = (value) => (value === undefined ? "–" : short(value));
  const steps = kmeans.steps.map((step) => [
    `level ${step.level}, step ${step.step}`, whole.format(step.fitted), whole.format(step.clusters), whole.format(step.empty_clusters),
    whole.format(step.objectives.length), objective(step.objectives[0]), objective(step.objectives.at(-1)),
    objective(step.mean_squared_distance), step.seconds.reduce((sum, seconds) => sum + seconds, 0).toFixed(1)]);
  const drawing = document.getElementById("convergence");
  return [
    el("h2", {}, "How the clustering was made"),
    el("p", { class: "lead" }, `Hierarchical k-means by clustrata ${kmeans.version}, started ${kmeans.started}${kmeans.complete ? "" : ", not complete"}, on ${kmeans.device}. The objective is the mean squared distance to the nearest centroid: over the points of the step before its first and last iteration, and over all points of the level.`),
    list("k-means", steps, ["", "points", "clusters", "empty", "iterations", "first", "last", "all points", "seconds"]),
    el("div", { class: "plots" }, drawing ? drawing.content.cloneNode(true) : []),
  ];
}

const KEY_METRICS = ["points", "clusters", "empty_clusters", "inertia", "explained_variance", "davies_bouldin",
  "calinski_harabasz", "simplified_silhouette", "silhouette", "misassigned", "size_entropy", "largest_share"];

function keyMetrics(level) {
  const cell = (name) => {
    const why = level.undefined[name];
    return el("div", { title: meaning(name) },
      el("dt", {}, readable(name) + arrow(name)),
      el("dd", { class: why ? "undefined" : null }, why ?? short(level.figures[name])));
  };
  return el("dl", { class: "figures" }, KEY_METRICS.filter((name) => name in level.figures).map(cell));
}

function montageCard(level, montage) {
  const source = images().montages[montage.path];
  const value = short(level.value(level.ranking.by, level.place(montage.cluster)));
  const lost = montage.missing + montage.broken;
  const about = `Montage of cluster ${montage.cluster}: ${counted(montage.shown, "image")}${lost ? `, ${lost} of them unreadable` : ""}`;
  return el("li", {}, el("a", { href: address(level.number, montage.cluster), title: about },
    source ? el("img", { src: source, alt: about, loading: "lazy" }) : el("span", { class: "none" }, "not in this page"),
    el("span", { class: `about ${montage.end}` },
      el("strong", {}, `${montage.end} ${montage.rank} · cluster ${montage.cluster}`),
      el("span", {}, `${readable(level.ranking.by)} ${value}`))));
}

/// The clusters of an end of the ranking with their first columns.
function endTable(level, end) {
  const places = level.ranking[end].map((cluster) => level.place(cluster)).filter((place) => place !== undefined);
  if (!places.length) return el("p", {}, "none");
  return scrolled(`${end} clusters`, plainTable(level, places, level.names().slice(0, PRINTED.columns)));
}

/// The best and worst clusters as montages, or as tables if there are none.
function ends(level) {
  const { by, min_size, ranked } = level.ranking;
  const about = `Ranked by ${readable(by)}: ${counted(ranked, "cluster")} with at least ${counted(min_size, "point")}.`;
  const parts = [el("h2", {}, "Best and worst"), el("p", { class: "lead" }, about), missingImages(level)];
  for (const end of ["best", "worst"]) {
    const montages = level.montages.filter((montage) => montage.end === end);
    parts.push(el("h3", { class: end }, end === "best" ? "Best" : "Worst"));
    if (montages.length) parts.push(el("ul", { class: "montages" }, montages.map((montage) => montageCard(level, montage))));
    else parts.push(endTable(level, end));
  }
  return parts;
}

function levelView(level, open) {
  const table = new ClusterTable(level, open);
  const map = ClusterMap.has(level) ? new ClusterMap(level, open) : null;
  const drawings = document.getElementById(`distributions-${level.number}`);
  return {
    table,
    map,
    parts: [
      keyMetrics(level),
      el("h2", {}, "Clusters"),
      table.element,
      el("h2", {}, "Distributions"),
      el("div", { class: "plots" }, drawings ? drawings.content.cloneNode(true) : []),
      ...ends(level),
      ...contactSheet(level),
      ...(map ? [el("h2", {}, "Map"), map.element] : []),
    ],
  };
}

const rows = (pairs) => el("tbody", {}, pairs.map(([term, ...cells]) => el("tr", {}, el("th", { scope: "row" }, term), cells.map((cell) =>
  cell instanceof Node ? el("td", {}, cell) : el("td", { class: "number" }, cell)))));

/// A setting or text in a fixed-width font; a dash for null, lists of texts with commas.
function text(value) {
  const texts = Array.isArray(value) && value.every((item) => typeof item === "string");
  const written = value === null ? "–" : texts ? value.join(", ") || "–" : typeof value === "string" ? value : JSON.stringify(value);
  return el("span", { class: "code" }, written);
}

/// A table. In each row, cells that are strings are aligned to the right, elements to the left.
function list(label, pairs, head) {
  const names = (head ?? []).map((name, i) =>
    el("th", { scope: "col", class: i && typeof pairs[0]?.[i] === "string" ? "number" : null }, name));
  return scrolled(label, el("table", {}, head ? el("thead", {}, el("tr", {}, names)) : null, rows(pairs)));
}

/// `evaluate.read` is part of `evaluate`, and summed over lanes.
function stageName(name) {
  const [stage, part] = name.split(".");
  return part ? `${readable(stage)}: ${readable(part)}, in all lanes` : readable(stage);
}

function runView() {
  const { device, inputs } = data;
  const file = (kind, input) => [kind, text(input.path), bytes(input.bytes), input.modified ?? "–"];
  const files = [
    ...inputs.embeddings.map((input) => file("embeddings", input)),
    ...inputs.hierarchy.map((input) => file("hierarchy", input)),
    ...(inputs.subset ? [file("subset", inputs.subset)] : []),
    ...inputs.images.map((input) => file("images", input)),
  ];
  const limits = Object.entries(device.limits).map(([name, limit]) => `${readable(name)} ${whole.format(limit)}`);
  const worker = (part) => Object.entries(part.stages).map(([stage, worker]) =>
    [`rows ${whole.format(part.rows[0])} to ${whole.format(part.rows[1])}`, stage, text(worker.host), text(worker.device.name), worker.seconds.toFixed(2), wholeOrNone(worker.resumed)]);
  const rate = (stage) => (stage.bytes_per_second ? `${(stage.bytes_per_second / 1e9).toFixed(2)} GB/s` : "");
  return [
    el("h2", {}, "Run"),
    list("Run", [
      ["program", text(`clustrata ${data.version}`)],
      ["started", text(data.started)],
      ["command", text(data.command.join(" "))],
      ["device", text(`${device.name} [${device.kind}, ${device.api}]`)],
      ["chosen because", text(device.reason)],
      ...(device.driver ? [["driver", text(device.driver)]] : []),
      ["tiles", text(`${whole.format(device.tile_rows)} rows, ${device.lanes} in flight`)],
      ...(limits.length ? [["limits", text(limits.join(", "))]] : []),
      ...(data.plan ? [["fingerprint", text(data.plan)]] : []),
      ...(data.skipped_rows ? [["skipped rows", text(whole.format(data.skipped_rows))]] : []),
    ]),
    el("h2", {}, "Inputs"),
    el("p", { class: "lead" }, `${counted(inputs.rows, "row")} of ${counted(inputs.dim, "column")}, ${inputs.dtype}. The fingerprint above is a hash of the inputs and of the settings that decide the metrics.`),
    list("Inputs", files, ["kind", "file", "size", "modified"]),
    el("h2", {}, "Time"),
    ...(data.stages.some((stage) => stage.name.includes(".")) ? [el("p", { class: "lead" }, "A row “… in all lanes” adds up the seconds of lanes that work at the same time, and may exceed the stage that it is part of.")] : []),
    list("Time", data.stages.map((stage) => [stageName(stage.name), `${stage.seconds.toFixed(3)} s`, rate(stage)]), ["stage", "time", "rate"]),
    ...(data.parts.length ? [el("h2", {}, "Parts"), list("Parts", data.parts.flatMap(worker), ["rows", "stage", "machine", "device", "seconds", "resumed"])] : []),
    el("h2", {}, "Settings"),
    list("Settings", Object.entries(data.settings).map(([name, value]) => [name, text(value)])),
  ];
}
