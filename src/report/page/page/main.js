// The view is chosen by the part of the address after #, so that Back works and clusters can be linked.

const main = document.getElementById("main");
const panel = document.getElementById("cluster");
const page = main.parentElement;

/// The current view.
const shown = { view: null, level: null, parts: null, from: null };

function route() {
  const [, number, cluster] = /^#level(\d+)(?:\/cluster(\d+))?$/.exec(location.hash) ?? [];
  const level = number === undefined ? undefined : levelOf(Number(number));
  if (level) return { view: `level${level.number}`, level, cluster: cluster === undefined ? null : Number(cluster) };
  return { view: location.hash === "#run" ? "run" : "overview", level: null, cluster: null };
}

const open = (level) => (id) => {
  shown.from = document.activeElement;
  if (location.hash === address(level.number, id)) show();
  else location.hash = address(level.number, id);
};

function close() {
  const back = shown.from;
  // by the address: the view follows it with a delay
  location.hash = address((route().level ?? shown.level).number);
  (back && back.isConnected && back !== document.body ? back : main).focus({ preventScroll: true });
}

function showView({ view, level }) {
  if (view === shown.view) return;
  shown.parts?.table.resized.disconnect();
  shown.parts?.map?.resized.disconnect();
  shown.parts = level ? levelView(level, open(level)) : null;
  const parts = level ? shown.parts.parts : view === "run" ? runView() : overview();
  main.replaceChildren(...parts.filter(Boolean));
  shown.parts?.table.draw();
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
  theme.changed = () => shown.parts?.map?.draw();
  addEventListener("hashchange", show);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) close();
  });
  show();
}

start();
