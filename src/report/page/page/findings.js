// The verdict that the overview begins with: findings in sentences, and the worst clusters of every level.

/// Worst clusters shown of each level.
const WORST_SHOWN = 4;
/// Up to so many findings are all open.
const FEW_FINDINGS = 6;

const severities = {
  severe: { one: "severe finding", many: "severe findings" },
  warning: { one: "warning", many: "warnings" },
  note: { one: "note", many: "notes" },
  good: { one: "good sign", many: "good signs" },
};

/// The address of the clusters that a finding is about.
function addressOf({ level, cluster, filter, sort }) {
  return address(level, cluster, { filter, sort });
}

function findingItem(finding) {
  const { severity, sentence, suggestion, clusters } = finding;
  const link = clusters && levelOf(clusters.level)
    ? el("a", { href: addressOf(clusters) }, clusters.cluster === undefined ? "Show the clusters" : `Show cluster ${clusters.cluster}`)
    : null;
  return el("li", { class: "finding", "data-severity": severity },
    el("span", { class: "severity" }, severity),
    el("div", {}, el("p", {}, withCode(sentence)), el("p", { class: "note" }, withCode(suggestion ?? ""), suggestion && link ? " " : null, link)));
}

/// Text whose parts between backquotes are commands.
function withCode(text) {
  return text.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));
}

/// A judgement, and what it rests on: `Usable with care: 2 warnings, 7 notes`.
function headline(findings) {
  const count = (severity) => findings.filter((finding) => finding.severity === severity).length;
  const words = (severity) => `${count(severity)} ${count(severity) === 1 ? severities[severity].one : severities[severity].many}`;
  const counts = (...wanted) => wanted.filter(count).map(words).join(", ");
  if (count("severe")) return `Probably not fit for use: ${counts("severe", "warning", "note")}`;
  if (count("warning")) return `Usable with care: ${counts("warning", "note")}`;
  return count("good") ? `Good: ${counts("good", "note")}, nothing to warn of` : `Nothing to warn of${count("note") ? `: ${counts("note")}` : ""}`;
}

/// From this silhouette on, a cluster is well apart: the worst of such clusters is no bad one.
const WELL_APART = 0.5;

/// The worst clusters of a level by its ranking; none that are good.
function worstOf(level) {
  const { by, worst } = level.ranking;
  const isGood = (value) => by.includes("silhouette") && value !== null && value >= WELL_APART;
  const values = worst.filter((id) => level.place(id) !== undefined).map((id) => [id, level.value(by, level.place(id))]);
  return values.filter(([, value]) => !isGood(value)).map(([id, value]) => [id, value === null ? "–" : Math.abs(value) < 10 ? value.toFixed(2).replace(/^-(0\.00)$/, "$1").replace("-", "−") : short(value)]);
}

/// Clusters to look at on a level, with what is wrong and a picture each where the page has one: first those that findings name.
function toLookAt(level, findings) {
  const named = findings.filter(({ clusters }) => clusters?.level === level.number && clusters.cluster !== undefined)
    .map(({ clusters, value }) => [clusters.cluster, `${Math.round(100 * value)} % of points`]);
  const rest = worstOf(level).filter(([id]) => !named.some(([other]) => other === id));
  const shown = [...named, ...rest].slice(0, WORST_SHOWN);
  const item = ([id, about]) => {
    const image = (membersOf(level, id)?.closest ?? []).map(({ row }) => imageOf(row)).find(({ source }) => source);
    return el("li", {}, el("a", { href: address(level.number, id) },
      image ? el("img", { src: image.source, alt: image.caption ?? image.name, loading: "lazy" }) : null,
      el("span", {}, el("strong", {}, `cluster ${id}`), el("span", { class: "note" }, about))));
  };
  if (!level.ranking.worst.length && !named.length) return null;
  return el("div", {},
    el("h3", {}, `Level ${level.number}, by ${readable(level.ranking.by)}`),
    shown.length ? el("ul", { class: "worst-clusters" }, shown.map(item)) : el("p", { class: "note" }, "Even the worst ranked cluster is well apart from the others."));
}

/// Findings first, with the picture of all levels below; beside them, the clusters to look at.
function verdict() {
  const findings = data.findings ?? [];
  const [first, rest] = [["severe", "warning"], ["note", "good"]].map((wanted) => findings.filter(({ severity }) => wanted.includes(severity)));
  const listOf = (shown) => el("ul", { class: "findings" }, shown.map(findingItem));
  const counts = ["note", "good"].flatMap((severity) => {
    const count = rest.filter((finding) => finding.severity === severity).length;
    return count ? [`${count} ${count === 1 ? severities[severity].one : severities[severity].many}`] : [];
  });
  const worst = levels.map((level) => toLookAt(level, first)).filter(Boolean);
  const few = first.length + rest.length <= FEW_FINDINGS;
  return el("div", { class: "verdict" },
    el("section", { "aria-labelledby": "verdict" },
      el("h2", { id: "verdict" }, "Verdict"),
      el("p", { class: "headline" }, findings.length ? headline(findings) : "No findings."),
      first.length ? listOf(first) : null,
      rest.length ? el("details", { open: few || first.length === 0 }, el("summary", {}, counts.join(", ")), listOf(rest)) : null,
      icicleSection()),
    worst.length ? el("section", { "aria-labelledby": "worst" }, el("h2", { id: "worst" }, "Clusters to look at"), worst,
      levels.some((level) => imagesOn(level).here) ? el("p", { class: "note" }, `Pictures: ${choice(levels[0]).toLowerCase()}.`) : null) : null);
}
