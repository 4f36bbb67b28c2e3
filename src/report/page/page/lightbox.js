// One image enlarged, in a dialog, with what is known about it.

/// The address of an image's file, for a page that is a file itself; null for others. Whatever the path holds, this is the
/// address of a file: every part of the path is encoded.
function fileAddress(path) {
  if (location.protocol !== "file:") return null;
  const { root } = images();
  const onWindows = /^([a-z]:[\\/]|\\\\)/i.test(root);
  const isAbsolute = onWindows ? /^([a-z]:[\\/]|\\\\)/i.test(path) : path.startsWith("/");
  const whole = isAbsolute ? path : `${root}/${path}`;
  const parts = (onWindows ? whole.replaceAll("\\", "/") : whole).split("/");
  const encoded = parts.map((part, i) => (onWindows && i === 0 ? part : encodeURIComponent(part))).join("/");
  if (onWindows && encoded.startsWith("//")) return `file:${encoded}`;
  return `file:///${encoded.replace(/^\/+/, "")}`;
}

const lightbox = (() => {
  /// The grid whose images are shown, and which of them.
  const now = { grid: null, at: 0 };
  let parts = null;

  function build() {
    const button = (label, onclick) => el("button", { type: "button", onclick }, label);
    const built = {
      close: button("Close", () => built.dialog.close()),
      before: button("‹ Previous", () => go(-1)),
      after: button("Next ›", () => go(1)),
      title: el("h2", { id: "lightbox-title" }),
      picture: el("div", { class: "picture" }),
      facts: el("dl", { class: "kin" }),
      told: el("p", { class: "note", role: "status" }),
    };
    built.dialog = el("dialog", { class: "lightbox", "aria-labelledby": "lightbox-title", onclose: closed, onkeydown: key },
      el("div", { class: "top" }, built.title, built.close),
      el("div", { class: "halves" }, built.picture, el("div", {}, built.facts, built.told)),
      el("div", { class: "steps" }, built.before, built.after));
    // a press beside the dialog closes it
    built.dialog.addEventListener("click", (event) => { if (event.target === built.dialog) built.dialog.close(); });
    addEventListener("hashchange", () => built.dialog.close());
    document.body.append(built.dialog);
    return built;
  }

  function open(grid, at) {
    parts ??= build();
    Object.assign(now, { grid, at });
    fill();
    parts.dialog.showModal();
  }

  function closed() {
    // to the image that was shown last, if it is still there
    if (now.grid?.element.isConnected) now.grid.reveal(now.at).focus();
  }

  function go(step) {
    const next = now.at + step;
    if (next < 0 || next >= now.grid.items.length) return;
    now.at = next;
    fill();
  }

  function key(event) {
    // the page has keys of its own
    event.stopPropagation();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      go(step);
      event.preventDefault();
    } else if (event.key === "Tab") {
      const stops = [...parts.dialog.querySelectorAll("a[href], button:not(:disabled)")];
      const [from, to] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
      if (document.activeElement === from) {
        to.focus();
        event.preventDefault();
      }
    }
  }

  async function copy(path, code) {
    try {
      await navigator.clipboard.writeText(path);
      parts.told.textContent = "The path is copied.";
    } catch {
      // the clipboard may be refused
      getSelection().selectAllChildren(code);
      parts.told.textContent = "The path is selected: copy it with Ctrl+C.";
    }
  }

  function pathOf({ path }) {
    const code = el("code", { class: "path" }, path);
    const file = fileAddress(path);
    return [code, el("div", { class: "actions" },
      el("button", { type: "button", class: "quiet", onclick: () => copy(path, code) }, "Copy the path"),
      file ? el("a", { href: file, target: "_blank", rel: "noopener noreferrer" }, "Open the image") : null)];
  }

  function fill() {
    const { grid, at } = now;
    const item = grid.items[at];
    const image = imageOf(item.row);
    parts.title.textContent = `Image ${wholeOrNone(at + 1)} of ${wholeOrNone(grid.items.length)}: ${grid.label}`;
    parts.picture.replaceChildren(pictureOf(image));
    const link = clusterLink(item.level.number, item.cluster, `level ${item.level.number}, cluster ${item.cluster}`);
    const facts = [
      ["cluster", link],
      ["distance", item.distance === null ? null : [`${short(item.distance)} to the centroid`, ratioOf(item, " × the mean distance of the cluster")].filter(Boolean).join("; ")],
      ["class", image.class],
      ["caption", image.caption],
      ["row", whole.format(item.row)],
      ["path", pathOf(image)],
    ];
    parts.facts.replaceChildren(...facts.filter(([, value]) => value !== null).flatMap(([term, value]) => [el("dt", {}, term), el("dd", {}, value)]));
    parts.told.textContent = "";
    const focused = document.activeElement;
    parts.before.disabled = at === 0;
    parts.after.disabled = at + 1 === grid.items.length;
    // a button that is disabled loses the focus
    if (focused?.disabled) (focused === parts.before ? parts.after : parts.before).focus();
    if (document.activeElement === document.body || document.activeElement?.disabled) parts.close.focus();
  }

  return { open };
})();
