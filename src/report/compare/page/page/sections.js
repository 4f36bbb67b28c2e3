// The sections of the page: notices, the verdict, metrics, clusters that changed most, the runs.

const outcomes = { better: "best", worse: "worst", same: "same" };

/// A change in percent, with its sign; nothing without a change.
function relative(value) {
  if (!value) return "";
  const size = Math.abs(value);
  const sign = value > 0 ? "+" : "−";
  if (size < 5e-5) return `${sign}< 0.01 %`;
  if (size >= 10) return `${sign}${short(100 * size)} %`;
  return `${sign}${(100 * size).toFixed(size < 0.0995 ? 2 : 1)} %`;
}

/// A difference with its sign.
const signed = (value) => (value === null || value === undefined ? "–" : value > 0 ? `+${short(value)}` : value < 0 ? `−${short(-value)}` : "0");

/// Whether a metric counts in the verdict on a level, and why not.
function counts(level, name) {
  const judged = data.verdict.levels.find((judged) => judged.level === level.level);
  const counted = [judged.better, judged.worse, judged.same].some((names) => names.includes(name));
  return { counted, why: judged.left_out.find((left) => left.metrics.includes(name))?.why };
}

/// What a metric says of B: a word, in its colour; a star if it does not count.
function outcome(change, level) {
  const { counted, why } = counts(level, change.name);
  if (change.outcome) return el("span", { class: `${outcomes[change.outcome]}${counted ? "" : " uncounted"}`, title: why && `not counted: ${why}` }, change.outcome, counted ? "" : "*");
  if (change.difference === null) return el("span", { class: "undefined", title: change.undefined }, "not in both");
  return el("span", { class: "undefined" }, change.difference === 0 ? "equal" : "differs");
}

const levelsInWords = (numbers) => `level${numbers.length === 1 ? "" : "s"} ${numbers.join(", ")}`;

function notices() {
  const { a, b, same, apart } = data;
  const parts = [];
  if (same.differences.length) {
    const title = { false: "The runs judged different data", true: "The runs differ in what they judged", null: "The runs may have judged different data" }[same.embeddings];
    const meant = same.embeddings === false ? ["Distances in different data can’t tell which clustering is better."] : [];
    parts.push(notice(title, [...same.differences, ...meant]));
  }
  const only = [["A", a, b], ["B", b, a]].flatMap(([name, mine, other]) => {
    const numbers = mine.levels.map(([number]) => number).filter((number) => !other.levels.some(([there]) => there === number));
    return numbers.length ? [`Only ${name} has ${levelsInWords(numbers)}.`] : [];
  });
  if (only.length) parts.push(notice("The runs have different levels", [...only, `Compared: ${levelsInWords(data.levels.map((level) => level.level))}.`]));
  if (apart) parts.push(notice("Clusters were not compared", [apart]));
  return parts;
}

function verdict() {
  const { text, levels } = data.verdict;
  const word = { better: "B better", "mostly better": "B mostly better", worse: "A better", "mostly worse": "A mostly better", same: "the same", mixed: "mixed", open: "open" };
  const colour = { better: "best", "mostly better": "best", worse: "worst", "mostly worse": "worst", same: "same", mixed: "mixed", open: "undefined" };
  return [
    el("h2", { id: "verdict" }, "Verdict"),
    el("p", { class: "sentence" }, text),
    el("ul", { class: "judged" }, levels.map((level) => el("li", { class: colour[level.decision] },
      el("strong", { class: colour[level.decision] }, word[level.decision]), " ", level.text[0].toUpperCase() + level.text.slice(1)))),
    el("p", { class: "note" }, "A is the baseline. “Same” means within noise: rounding (10⁻⁶ of sums and means, 10⁻⁵ of ratios), or, for a sampled silhouette, two standard errors of the difference. How even the sizes are decides nothing, nor does a metric that another implies."),
  ];
}

/// All levels: what each metric says of B, and by how much it changed.
function sideBySide() {
  const { levels } = data;
  const named = data.metrics.filter(({ name }) => levels.some((level) => level.figures.some((change) => change.name === name)));
  const cell = (level, name) => {
    const change = level.figures.find((change) => change.name === name);
    if (!change) return el("td", {}, "–");
    const values = change.a === change.b ? short(change.a) : `${short(change.a)} → ${short(change.b)}`;
    if (change.better === "neither" && change.difference !== null) return el("td", {}, values);
    const by = change.relative === null ? signed(change.difference) : relative(change.relative);
    return el("td", { title: change.undefined ?? values },
      outcome(change, level), el("small", {}, change.difference ? by : ""));
  };
  const head = el("tr", {}, el("th", { scope: "col" }, "metric"),
    levels.map((level) => el("th", { scope: "col" }, el("a", { href: `#level${level.level}` }, `level ${level.level}`))));
  const row = (info) => el("tr", {},
    el("th", { scope: "row" }, readable(info.name) + arrow(info.name), el("small", {}, meaning(info.name))),
    levels.map((level) => cell(level, info.name)));
  return [
    el("h2", { id: "metrics" }, "Levels side by side"),
    el("p", { class: "lead" }, `What each metric says of B, and its change from A to B. * does not count in the verdict.`),
    scrolled("Metrics of levels", el("table", { class: "wide changes" }, el("thead", {}, head), el("tbody", {}, named.map(row)))),
  ];
}

/// A noise band in two digits.
const band = (noise) => (noise === null ? "" : noise === 0 ? "0" : `±${noise < 1e-3 ? noise.toExponential(1) : noise < 100 ? noise.toPrecision(2) : short(Math.round(noise))}`);

function metricTable(level) {
  const head = ["metric", "A", "B", "B − A", "change", "noise", "B is"].map((name, at) =>
    el("th", { scope: "col", class: at && at < 6 ? "number" : null }, name));
  const number = (text, title) => el("td", { class: "number", title }, text);
  const row = (change) => el("tr", {},
    el("th", { scope: "row", title: meaning(change.name) }, readable(change.name) + arrow(change.name)),
    number(short(change.a), change.a), number(short(change.b), change.b),
    number(signed(change.difference), change.difference), number(relative(change.relative)),
    number(band(change.noise)), el("td", {}, outcome(change, level)));
  const reasons = level.figures.filter((change) => change.undefined).map((change) => `${readable(change.name)}: ${change.undefined}`);
  return [
    scrolled(`Metrics of level ${level.level}`, el("table", { class: "wide" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, level.figures.map(row)))),
    reasons.length ? el("p", { class: "note" }, `– means not there: ${reasons.join("; ")}`) : null,
  ];
}

function picture(at) {
  const { name, caption, source, why } = images().pictures[at];
  const about = [caption, name, why].filter(Boolean).join("\n");
  const shown = source
    ? el("img", { src: source, alt: caption ?? fileName(name), loading: "lazy", decoding: "async" })
    : el("span", { class: "none" }, why);
  return el("li", {}, el("figure", { title: about }, shown, el("figcaption", {}, el("span", { class: "words" }, caption ?? fileName(name)))));
}

/// The images of a cluster of one run.
function ofSide(side, at) {
  const name = at ? "B" : "A";
  const { cluster, size } = side;
  const title = el("h4", {}, `${name}: cluster ${cluster}`, side.name === null ? null : ` · ${side.name}`);
  const points = size === null ? null : el("p", { class: "note" }, counted(size, "point"));
  const none = (at ? data.b : data.a).images ? `Run ${name} has no sample of this cluster.` : `Run ${name} has no images.`;
  const shown = side.pictures.length ? el("ul", { class: "thumbnails" }, side.pictures.map(picture)) : el("p", { class: "note" }, none);
  return el("div", { class: "side" }, title, points, shown);
}

function card(change, by, kind, rank) {
  const [a, b] = change.values;
  return el("li", { class: "change" },
    el("p", { class: `about ${outcomes[kind]}` },
      el("strong", {}, `${kind} ${rank}`), ` · ${readable(by)} ${short(a)} → ${short(b)}`, a ? ` (${relative((b - a) / Math.abs(a))})` : "",
      el("span", { class: "note" }, change.jaccard === 1 ? " · the same points" : ` · ${percent(change.jaccard)} of their points shared`)),
    el("div", { class: "sides" }, change.sides.map(ofSide)));
}

/// The same without images, as a table.
function changeTable({ by, improved, worsened }, level) {
  const row = (kind) => (change) => el("tr", {},
    el("td", { class: outcomes[kind] }, kind),
    change.sides.map((side) => el("td", { class: "number" }, side.cluster, side.name === null ? null : ` · ${side.name}`)),
    change.sides.map((side) => el("td", { class: "number" }, wholeOrNone(side.size))),
    el("td", { class: "number" }, percent(change.jaccard)),
    change.values.map((value) => el("td", { class: "number" }, short(value))),
    el("td", { class: "number" }, relative(change.values[0] ? (change.values[1] - change.values[0]) / Math.abs(change.values[0]) : null)));
  const head = ["B is", "cluster of A", "of B", "points in A", "in B", "shared", `${readable(by)} in A`, "in B", "change"];
  return scrolled(`Clusters of level ${level.level} that changed most`, el("table", {},
    el("thead", {}, el("tr", {}, head.map((name, at) => el("th", { scope: "col", class: at ? "number" : null }, name)))),
    el("tbody", {}, improved.map(row("better")), worsened.map(row("worse")))));
}

/// The clusters that changed most.
function changed(level) {
  const { clusters } = level;
  if (!clusters) return [];
  const { by, matched, of_a, of_b } = clusters;
  const parts = [
    el("h3", {}, "Clusters that changed most"),
    el("p", { class: "lead" }, `${counted(matched, "cluster")} of A (of ${whole.format(of_a)}) ${matched === 1 ? "has a match" : "have a match"} in B (of ${whole.format(of_b)}): a cluster that shares more than half of the points of both. These changed most by ${readable(by)}: ${meaning(by)}.`),
  ];
  const lists = [["better", clusters.improved], ["worse", clusters.worsened]].filter(([, list]) => list.length);
  if (!lists.length) parts.push(el("p", {}, matched ? "None changed by more than noise." : "No cluster has a match, so none can be compared."));
  else if (!data.a.images && !data.b.images) parts.push(changeTable(clusters, level));
  else parts.push(el("div", { class: "columns" }, lists.map(([kind, list]) => el("ul", { class: "changes" }, list.map((change, at) => card(change, by, kind, at + 1))))));
  return parts;
}

function agreement(level) {
  if (!level.between) return [];
  const { points, ...measures } = level.between;
  return [
    el("h3", {}, "Agreement of A and B"),
    el("dl", { class: "figures" }, Object.entries({ ...measures, points }).map(([name, value]) =>
      el("div", {}, el("dt", {}, name === "points" ? "points with a cluster in both" : readable(name)), el("dd", {}, short(value))))),
  ];
}

const levelSection = (level) => el("section", { "aria-labelledby": `level${level.level}` },
  el("h2", { id: `level${level.level}` }, `Level ${level.level}`), metricTable(level), agreement(level), changed(level), flowSection(level));

/// What both runs are, and how they differ.
function runs() {
  const { a, b, settings } = data;
  const text = (value) => el("span", { class: "code" }, typeof value === "string" ? value : value === null ? "–" : JSON.stringify(value));
  const row = (name, of) => el("tr", {}, el("th", { scope: "row" }, name), [a, b].map((run) => el("td", {}, of(run))));
  const table = (label, rows) => scrolled(label, el("table", { class: "wide" },
    el("thead", {}, el("tr", {}, ["", "A", "B"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows)));
  return [
    el("h2", { id: "runs" }, "The two runs"),
    table("Runs", [
      row("folder", (run) => text(run.folder)),
      row("clustering", (run) => text(run.clustering)),
      row("embeddings", (run) => text(run.embeddings.join(", "))),
      row("data", (run) => `${counted(run.rows, "row")} of ${counted(run.dim, "column")}, ${run.dtype}`),
      row("levels", (run) => run.levels.map(([number, clusters]) => `${number}: ${counted(clusters, "cluster")}`).join(", ")),
      row("started", (run) => run.started), row("device", (run) => run.device), row("clustrata", (run) => run.version),
      row("command", (run) => text(run.command.join(" "))),
    ]),
    settings.length ? el("h3", {}, "Settings that differ") : null,
    settings.length ? table("Settings that differ", settings.map(([name, of_a, of_b]) =>
      el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, text(of_a)), el("td", {}, text(of_b))))) : null,
  ];
}
