// The verdict that the overview begins with: findings in sentences, and the worst clusters of every level.

/// Worst clusters shown of each level.
const WORST_SHOWN = 4;

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
  return el("li", { class: `finding ${severity}` },
    el("span", { class: "severity" }, severity),
    el("div", {}, el("p", {}, sentence), el("p", { class: "note" }, suggestion, suggestion && link ? " " : null, link)));
}

/// `1 severe finding, 2 warnings`; the good ones are not counted.
function headline(findings) {
  const counts = ["severe", "warning", "note"].flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    const { one, many } = severities[severity];
    return count ? [`${count} ${count === 1 ? one : many}`] : [];
  });
  const start = findings.some(({ severity }) => severity === "severe") ? "" : "Nothing severe was found";
  return [start, counts.join(", ")].filter(Boolean).join(": ");
}

/// The worst clusters of a level, with a picture each where the page has one.
function worstOf(level) {
  const { by, worst } = level.ranking;
  const item = (id) => {
    const image = (membersOf(level, id)?.closest ?? []).map(({ row }) => imageOf(row)).find(({ source }) => source);
    const value = level.value(by, level.place(id));
    return el("li", {}, el("a", { href: address(level.number, id), "aria-label": `cluster ${id}` },
      image ? el("img", { src: image.source, alt: image.caption ?? image.name, loading: "lazy" }) : null,
      el("span", {}, el("strong", {}, id), el("span", { class: "note" }, value === null ? "–" : Number(value.toPrecision(2))))));
  };
  const shown = worst.filter((id) => level.place(id) !== undefined).slice(0, WORST_SHOWN);
  return shown.length === 0 ? null : el("div", {},
    el("h3", {}, `Level ${level.number}, by ${readable(by)}`),
    el("ul", { class: "worst-clusters" }, shown.map(item)));
}

/// Findings first, then the clusters to look at.
function verdict() {
  const findings = data.findings ?? [];
  const [first, rest] = [["severe", "warning"], ["note", "good"]].map((wanted) => findings.filter(({ severity }) => wanted.includes(severity)));
  const listOf = (shown) => el("ul", { class: "findings" }, shown.map(findingItem));
  const counts = ["note", "good"].flatMap((severity) => {
    const count = rest.filter((finding) => finding.severity === severity).length;
    return count ? [`${count} ${count === 1 ? severities[severity].one : severities[severity].many}`] : [];
  });
  const worst = levels.map(worstOf).filter(Boolean);
  return el("div", { class: "verdict" },
    el("section", { "aria-labelledby": "verdict" },
      el("h2", { id: "verdict" }, "Verdict"),
      el("p", { class: "headline" }, findings.length ? headline(findings) : "No rule found anything to say."),
      first.length ? listOf(first) : null,
      // good signs alone are the news
      rest.length ? el("details", { open: first.length === 0 }, el("summary", {}, counts.join(", ")), listOf(rest)) : null),
    worst.length ? el("section", { "aria-labelledby": "worst" }, el("h2", { id: "worst" }, "Worst clusters"), worst) : null);
}
