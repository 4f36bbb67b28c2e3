// Elements, numbers and theme, used by all scripts below.

const data = JSON.parse(document.getElementById("data").textContent);

/// The pictures, which are most of the page: parsed when first needed.
const images = (() => {
  let read = null;
  return () => (read ??= JSON.parse(document.getElementById("images").textContent));
})();

/// Creates an element. Text is set as text and never parsed as HTML.
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const readable = (name) => name.replaceAll("_", " ");

const whole = new Intl.NumberFormat("en");
const wholeOrNone = (value) => (value === null || value === undefined ? "–" : whole.format(value));

const five = new Intl.NumberFormat("en", { minimumSignificantDigits: 5, maximumSignificantDigits: 5 });
const seven = new Intl.NumberFormat("en", { maximumSignificantDigits: 7 });

/// A number in few digits; a dash if it is not defined.
function short(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return whole.format(value);
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return value.toExponential(3);
  return (size >= 1e5 ? seven : five).format(value);
}

/// A format for the numbers of one column that aligns their decimal points. Its `digits` are those after the point, undefined
/// if it writes powers of ten.
function aligned(values) {
  let largest = 0;
  let fractional = false;
  for (const value of values) {
    if (value === null) continue;
    largest = Math.max(largest, Math.abs(value));
    fractional ||= !Number.isInteger(value);
  }
  if (!fractional) return wholeOrNone;
  if (largest >= 1e9 || largest < 1e-4) return (value) => (value === null ? "–" : value.toExponential(3));
  const digits = Math.min(6, Math.max(0, 4 - Math.floor(Math.log10(largest))));
  const format = new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return Object.assign((value) => (value === null ? "–" : format.format(value)), { digits });
}

function bytes(count) {
  const units = [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];
  const unit = units.find(([size]) => count >= size);
  return unit ? `${(count / unit[0]).toFixed(1)} ${unit[1]}` : `${count} bytes`;
}

const metric = (name) => data.metrics.find((metric) => metric.name === name);
const directions = { higher: "higher is better", lower: "lower is better", neither: "" };

/// Which direction is better, as an arrow after a name. Sorting is shown by triangles, so that an arrow means one thing.
const arrow = (name) => ({ higher: "\u00a0↑", lower: "\u00a0↓" })[metric(name)?.better] ?? "";

/// What a metric means, and which direction is better, in one line.
function meaning(name) {
  const info = metric(name);
  if (!info) return readable(name);
  const direction = directions[info.better];
  return info.summary + (info.unit ? ` (${info.unit})` : "") + (direction ? `; ${direction}` : "");
}

/// A count with its noun, which takes an s in the plural.
const counted = (count, noun) => `${whole.format(count)} ${noun}${count === 1 ? "" : "s"}`;

/// The last of some ordered items for which something holds; -1 if there is none.
function lastUpTo(items, holds) {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(items[middle])) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

/// The last part of a path of any system.
const fileName = (path) => path.split(/[\\/]/).pop() || path;

const notice = (title, lines) =>
  el("div", { class: "notice" }, el("strong", {}, title), el("ul", {}, lines.map((line) => el("li", {}, line))));

const scrolled = (label, table) => el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, table);

const theme = {
  names: ["auto", "light", "dark"],
  watchers: new Map(),
  /// Calls `draw` whenever the colours change, as long as the element is in the page.
  watch(element, draw) {
    theme.watchers.set(element, draw);
  },
  changed() {
    for (const [element, draw] of theme.watchers) {
      if (element.isConnected) draw();
      else theme.watchers.delete(element);
    }
  },
  current() {
    return document.documentElement.dataset.theme ?? "auto";
  },
  isDark() {
    const name = theme.current();
    return name === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : name === "dark";
  },
  set(name) {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    const button = document.getElementById("theme");
    button.textContent = `Theme: ${name}`;
    // storage may be disabled for files
    try { localStorage.setItem("clustrata-theme", name); } catch { /* the choice is not kept */ }
    theme.changed();
  },
  install() {
    let kept = null;
    try { kept = localStorage.getItem("clustrata-theme"); } catch { /* as above */ }
    theme.set(theme.names.includes(kept) ? kept : "auto");
    document.getElementById("theme").addEventListener("click", () => {
      theme.set(theme.names[(theme.names.indexOf(theme.current()) + 1) % theme.names.length]);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme.changed());
    // paper is white
    let before = null;
    addEventListener("beforeprint", () => {
      before ??= theme.current();
      document.documentElement.dataset.theme = "light";
      theme.changed();
    });
    addEventListener("afterprint", () => {
      if (before === "auto") delete document.documentElement.dataset.theme;
      else if (before) document.documentElement.dataset.theme = before;
      before = null;
      theme.changed();
    });
  },
};
