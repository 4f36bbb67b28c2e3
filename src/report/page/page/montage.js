// Montages and contact sheets, as pictures that were drawn before.

/// A link to a picture beside the page.
function fullSize(path) {
  const file = path.split("/").map(encodeURIComponent).join("/");
  return el("p", { class: "note" }, "Full size, beside this page: ", el("a", { href: file }, path));
}

/// What the sections of a montage show, from the top down. The picture says so too, but too small for a narrow panel.
function sectionsOf(level, montage) {
  const line = ({ title, cluster }) =>
    el("li", {}, cluster === montage.cluster ? title : clusterLink(level.number, cluster, title));
  return montage.sections.length ? el("ol", { class: "note sections" }, montage.sections.map(line)) : null;
}

/// One image of each cluster from the best to the worst.
function contactSheet(level) {
  const sheet = level.contact_sheet;
  const source = sheet && images().montages[sheet.path];
  if (!sheet) return [];
  const by = readable(level.ranking.by);
  const worst = Math.floor(sheet.shown / 2);
  const about = sheet.left_out
    ? `One image of each of the ${sheet.shown - worst} best and the ${worst} worst clusters by ${by}; the ${whole.format(sheet.left_out)} between them are left out.`
    : `One image of each of ${counted(sheet.shown, "cluster")}, from the best to the worst by ${by}.`;
  return [
    el("h2", {}, "Contact sheet"),
    el("p", { class: "lead" }, about),
    // not lazily: its height is not known before, and the page below would move under the reader's eyes
    source ? el("img", { class: "sheet", src: source, alt: about }) : null,
    fullSize(sheet.path),
  ];
}
