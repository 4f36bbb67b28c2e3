// The visible part of a plane, zoomed and moved by wheel, pointer, fingers or keys.

const MARGIN = 18;
/// Largest zoom.
const CLOSEST = 100;
/// Zoom factor of one step by key or button.
const STEP = 1.5;
/// Pixels that a pointer moves before it counts as dragging.
const DRAG = 4;

class Viewport {
  /// `changed` is called when the view changes.
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.pointers = new Map();
    /// Whether the pointer has dragged since it went down; a click that follows is ignored.
    this.dragged = false;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    this.show({ x: [-1, 1], y: [-1, 1] });
  }

  /// Shows a whole range of the plane.
  show(range) {
    this.range = range;
    this.all();
  }

  all() {
    this.zoom = 1;
    this.centre = [(this.range.x[0] + this.range.x[1]) / 2, (this.range.y[0] + this.range.y[1]) / 2];
    this.settle();
  }

  /// One scale for both axes, so that distances can be compared.
  scale() {
    const { x, y } = this.range;
    const [width, height] = [this.canvas.clientWidth - 2 * MARGIN, this.canvas.clientHeight - 2 * MARGIN];
    return this.zoom * Math.max(1e-300, Math.min(width / (x[1] - x[0]), height / (y[1] - y[0])));
  }

  /// Where a place of the plane is drawn, CSS pixels.
  where({ x, y }) {
    const scale = this.scale();
    return [
      this.canvas.clientWidth / 2 + scale * (x - this.centre[0]),
      this.canvas.clientHeight / 2 - scale * (y - this.centre[1]),
    ];
  }

  /// Zooms around a fixed place, in pixels.
  zoomBy(factor, left = this.canvas.clientWidth / 2, top = this.canvas.clientHeight / 2) {
    const zoom = Math.min(CLOSEST, Math.max(1, this.zoom * factor));
    if (zoom === this.zoom) return false;
    const away = [left - this.canvas.clientWidth / 2, this.canvas.clientHeight / 2 - top];
    const before = this.scale();
    this.zoom = zoom;
    const after = this.scale();
    this.centre = this.centre.map((at, axis) => at + away[axis] / before - away[axis] / after);
    this.settle();
    return true;
  }

  /// Moves the drawing by pixels.
  moveBy(right, down) {
    const scale = this.scale();
    this.centre = [this.centre[0] - right / scale, this.centre[1] + down / scale];
    this.settle();
  }

  /// Moves so that a place of the plane is visible.
  reveal(spot) {
    const [left, top] = this.where(spot);
    const beyond = (at, size) => Math.max(0, 2 * MARGIN - at) - Math.max(0, at - (size - 2 * MARGIN));
    const by = [beyond(left, this.canvas.clientWidth), beyond(top, this.canvas.clientHeight)];
    if (this.zoom > 1 && (by[0] || by[1])) this.moveBy(...by);
  }

  settle() {
    const inside = (at, [low, high]) => Math.min(high, Math.max(low, at));
    this.centre = [inside(this.centre[0], this.range.x), inside(this.centre[1], this.range.y)];
    // a finger scrolls the page if there is nothing to move
    this.canvas.style.touchAction = this.zoom > 1 ? "none" : "pan-y";
    this.changed();
  }

  wheel(event) {
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // at either end of the zoom range the page scrolls
    if (this.zoomBy(Math.exp(-0.002 * lines * event.deltaY), event.offsetX, event.offsetY)) event.preventDefault();
  }

  down(event) {
    if (event.button !== 0) return;
    if (!this.pointers.size) this.dragged = false;
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  }

  /// One pointer drags, two pointers zoom.
  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.offsetX, event.offsetY];
    const by = [now[0] - before[0], now[1] - before[1]];
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (!this.dragged && !other && Math.hypot(...by) < DRAG) return;
    this.dragged = true;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, now);
    if (other) {
      const apart = (at) => Math.max(1, Math.hypot(at[0] - other[0], at[1] - other[1]));
      this.zoomBy(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (this.zoom > 1) {
      this.moveBy(...by);
    }
  }

  /// Handles a key; returns whether it did.
  key(event) {
    const zooms = { "+": STEP, "=": STEP, "-": 1 / STEP, "_": 1 / STEP };
    const moves = { ArrowRight: [-60, 0], ArrowLeft: [60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (zooms[event.key]) this.zoomBy(zooms[event.key]);
    else if (event.key === "0") this.all();
    else if (event.shiftKey && moves[event.key]) this.moveBy(...moves[event.key]);
    else return false;
    return true;
  }
}
