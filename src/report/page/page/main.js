// The view is chosen by the part of the address after #, so that Back works and clusters can be linked.

const main = document.getElementById("main");
const panel = document.getElementById("cluster");
const page = main.parentElement;

/// The current view.
const shown = { view: null, level: null, parts: null, from: null };

function route() {
  const asked = fromAddress(location.hash);
  const level = asked ? levelOf(asked.level) : undefined;
  if (level) return { ...asked, view: `level${level.number}`, level };
  return { view: location.hash === "#run" ? "run" : "overview", level: null, cluster: null, query: null };
}

/// Goes to an address; also back to the one that is shown.
function go(hash) {
  if (location.hash === hash) show();
  else location.hash = hash;
}

const open = (level) => (id) => {
  shown.from = document.activeElement;
  go(address(level.number, id, shown.parts?.table.query()));
};

function close() {
  const back = shown.from;
  // by the address: the view follows it with a delay
  const { level, query } = route();
  location.hash = address((level ?? shown.level).number, null, query ?? {});
  (back && back.isConnected && back !== document.body ? back : main).focus({ preventScroll: true });
}

/// Writes filter, sorting and columns into the address, without a step of their own for Back.
function remember(query) {
  const { level, cluster } = route();
  if (!level || level !== shown.level) return;
  const hash = address(level.number, cluster, query);
  // a browser may refuse this for files
  try { history.replaceState(null, "", hash); } catch { /* the address stays as it was */ }
}

/// A link without a query keeps the columns, and within its level the filter and the sorting.
function follow(event) {
  const link = event.target.closest?.("a[href^='#level']");
  if (!link || !shown.level || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const to = fromAddress(link.getAttribute("href"));
  if (!to) return;
  const kept = shown.parts.table.query();
  const stays = to.level === shown.level.number && to.cluster !== null && !to.query.filter && !to.query.sort;
  const query = { ...(stays ? kept : to.query), columns: to.query.columns || kept.columns };
  const hash = address(to.level, to.cluster, query);
  if (hash === link.getAttribute("href")) return;
  event.preventDefault();
  go(hash);
}

function showView({ view, level }) {
  if (view === shown.view) return;
  shown.parts?.table.resized.disconnect();
  shown.parts?.map?.resized.disconnect();
  shown.parts = level ? levelView(level, open(level)) : null;
  const parts = level ? shown.parts.parts : view === "run" ? runView() : overview();
  main.replaceChildren(...parts.filter(Boolean));
  shown.parts?.table.draw();
  if (level) shown.parts.table.changed = remember;
  document.querySelectorAll("#views a").forEach((link) => {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  if (shown.view !== null) scrollTo(0, 0);
}

function showPanel({ level, cluster }) {
  const there = level !== null && cluster !== null && level.place(cluster) !== undefined;
  page.classList.toggle("with-cluster", there);
  panel.hidden = !there;
  if (!there) panel.replaceChildren();
  shown.parts?.table.select(there ? level.place(cluster) : null);
  shown.parts?.map?.mark(there ? level.place(cluster) : null);
  if (!there) return;
  const title = showCluster(level, cluster, close);
  // a page opened at a cluster keeps its focus
  if (shown.view !== null) title.focus({ preventScroll: true });
}

function show() {
  if (location.hash === "#main") {
    main.focus();
    return;
  }
  const next = route();
  showView(next);
  shown.parts?.table.show(next.query);
  showPanel(next);
  shown.view = next.view;
  shown.level = next.level;
  const where = next.level ? `level ${next.level.number}${next.cluster === null ? "" : `, cluster ${next.cluster}`} – ` : "";
  document.title = where + name;
}

const name = document.title;

function start() {
  document.getElementById("title").textContent = name.replace(/ – clustrata$/, "");
  const counts = levels.map((level) => wholeOrNone(level.clusters)).join(" / ");
  const parts = [
    `${counted(data.inputs.rows, "point")} of ${counted(data.inputs.dim, "dimension")}`,
    `${counted(levels.length, "level")} of ${counts} clusters`,
    data.device.name,
    data.started.slice(0, 10),
  ];
  document.getElementById("summary").textContent = parts.join(" · ");
  const links = [["overview", "Overview"], ...levels.map((level) => [`level${level.number}`, `Level ${level.number}`]), ["run", "Run"]];
  document.getElementById("views").append(...links.map(([view, title]) => el("a", { href: `#${view}` }, title)));
  theme.install();
  theme.watch(document.body, () => shown.parts?.map?.draw());
  addEventListener("hashchange", show);
  addEventListener("click", follow);
  addEventListener("beforeprint", () => shown.parts?.table.print(true));
  addEventListener("afterprint", () => shown.parts?.table.print(false));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) close();
  });
  show();
}

start();
