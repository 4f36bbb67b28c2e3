// One page from top to bottom: what to know first, the verdict, the metrics, each level, the runs.

function start() {
  const name = document.title.replace(/ – clustrata$/, "");
  document.getElementById("title").textContent = "Two runs compared";
  document.getElementById("summary").append(
    el("span", {}, el("b", {}, "A"), ` ${data.a.folder}`), " · ", el("span", {}, el("b", {}, "B"), ` ${data.b.folder}`));
  document.title = `${name} – clustrata compare`;
  const links = [["verdict", "Verdict"], ["metrics", "Metrics"],
    ...data.levels.map((level) => [`level${level.level}`, `Level ${level.level}`]), ["runs", "Runs"]];
  document.getElementById("views").append(...links.map(([id, title]) => el("a", { href: `#${id}` }, title)));
  theme.install();
  const parts = [...notices(), ...verdict(), ...sideBySide(), ...data.levels.map(levelSection), ...runs()];
  document.getElementById("main").append(...parts.filter(Boolean));
  theme.watch(document.body, () => drawings.forEach((drawing) => drawing.draw()));
  // the place that the address names did not exist when the page was opened
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

start();
