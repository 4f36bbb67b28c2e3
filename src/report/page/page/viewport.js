// The visible part of a plane, zoomed and moved by wheel, pointer, fingers or keys.

const MARGIN = 18;
/// Largest zoom.
const CLOSEST = 100;
/// Zoom factor of one step by key or button.
const STEP = 1.5;
/// Pixels that a pointer moves before it counts as dragging.
const DRAG = 4;

class Viewport {
  /// `changed` is called when the view changes, `refused` when the wheel is turned without a key that makes it zoom.
  constructor(canvas, changed, refused) {
    this.canvas = canvas;
    this.changed = changed;
    this.refused = refused;
    this.pointers = new Map();
    /// Whether the pointer has dragged since it went down; a click that follows is ignored.
    this.dragged = false;
    /// What to do with a pointer instead of moving: an object with `takes`, `begin`, `move` and `end`.
    this.tool = null;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("dblclick", () => this.all());
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.up(event));
    this.places = { length: 0 };
    this.show({ home: { x: [-1, 1], y: [-1, 1] }, whole: { x: [-1, 1], y: [-1, 1] }, length: 0 });
  }

  /// Shows a plane with places: the range of most of them, `home`; `whole` has all.
  show(places) {
    this.places = places;
    this.all();
  }

  all() {
    const { x, y } = this.places.home;
    this.zoom = 1;
    this.centre = [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
    this.settle();
  }

  /// Pixels per unit at which a range fills the canvas. One scale for both axes, so that distances can be compared.
  fit({ x, y }) {
    const [width, height] = [this.canvas.clientWidth - 2 * MARGIN, this.canvas.clientHeight - 2 * MARGIN];
    return Math.max(1e-300, Math.min(width / (x[1] - x[0]), height / (y[1] - y[0])));
  }

  scale() {
    return this.zoom * this.fit(this.places.home);
  }

  /// Smallest zoom: everything is visible.
  widest() {
    return Math.min(1, this.fit(this.places.whole) / this.fit(this.places.home));
  }

  /// A place of the plane lies at `scale * x + right` and `down - scale * y`, CSS pixels.
  transform() {
    const scale = this.scale();
    return {
      scale,
      right: this.canvas.clientWidth / 2 - scale * this.centre[0],
      down: this.canvas.clientHeight / 2 + scale * this.centre[1],
    };
  }

  /// Where a place of the plane is drawn, CSS pixels.
  where(x, y) {
    const { scale, right, down } = this.transform();
    return [scale * x + right, down - scale * y];
  }

  /// The place of the plane at a pixel.
  place(left, top) {
    const { scale, right, down } = this.transform();
    return [(left - right) / scale, (down - top) / scale];
  }

  /// Zooms around a fixed place, in pixels.
  zoomBy(factor, left = this.canvas.clientWidth / 2, top = this.canvas.clientHeight / 2) {
    const zoom = Math.min(CLOSEST, Math.max(this.widest(), this.zoom * factor));
    const before = this.place(left, top);
    this.zoom = zoom;
    const after = this.place(left, top);
    this.centre = this.centre.map((at, axis) => at + before[axis] - after[axis]);
    this.settle();
  }

  /// Moves the drawing by pixels.
  moveBy(right, down) {
    const scale = this.scale();
    this.centre = [this.centre[0] - right / scale, this.centre[1] + down / scale];
    this.settle();
  }

  /// Moves so that a place of the plane is visible.
  reveal(x, y) {
    const [left, top] = this.where(x, y);
    const beyond = (at, size) => Math.max(0, 2 * MARGIN - at) - Math.max(0, at - (size - 2 * MARGIN));
    const by = [beyond(left, this.canvas.clientWidth), beyond(top, this.canvas.clientHeight)];
    if (by[0] || by[1]) this.moveBy(...by);
  }

  /// How much larger marks are drawn than at the first zoom.
  growth() {
    return Math.min(2, Math.max(1, this.zoom ** 0.3));
  }

  /// Half of what is visible along each axis.
  half() {
    const scale = this.scale();
    return [this.canvas.clientWidth / 2 / scale, this.canvas.clientHeight / 2 / scale];
  }

  /// Whether more than what is visible can be moved to.
  canMove() {
    return this.zoom > this.widest() * 1.000001;
  }

  settle() {
    const half = this.half();
    const margin = MARGIN / this.scale();
    const { x, y } = this.places.whole;
    this.centre = [x, y].map(([low, high], axis) => {
      if (high - low + 2 * margin <= 2 * half[axis]) return (low + high) / 2;
      return Math.min(high + margin - half[axis], Math.max(low - margin + half[axis], this.centre[axis]));
    });
    this.keepOneInView(half.map((extent) => Math.max(extent / 2, extent - margin)));
    // a finger scrolls the page until the map is zoomed
    this.canvas.style.touchAction = this.zoom > 1 || this.tool?.always ? "none" : "pan-y";
    this.changed();
  }

  /// Moves the view so far that the nearest place lies in it, so that it never shows empty ground alone.
  keepOneInView(half) {
    const { x, y, length } = this.places;
    let [nearest, least] = [-1, Infinity];
    for (let i = 0; i < length && least > 1; i++) {
      const away = Math.max(Math.abs(x[i] - this.centre[0]) / half[0], Math.abs(y[i] - this.centre[1]) / half[1]);
      if (away < least) [nearest, least] = [i, away];
    }
    if (nearest < 0 || least <= 1) return;
    const place = [x[nearest], y[nearest]];
    this.centre = this.centre.map((at, axis) => Math.min(place[axis] + half[axis], Math.max(place[axis] - half[axis], at)));
  }

  /// Only with Ctrl or Cmd, as in other maps: otherwise the page scrolls. Pinching a touchpad comes as a wheel with Ctrl.
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) {
      this.refused();
      return;
    }
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 * event.deltaY : event.deltaY;
    this.zoomBy(Math.exp(Math.min(0.25, Math.max(-0.25, -0.01 * pixels))), event.offsetX, event.offsetY);
  }

  down(event) {
    if (event.button !== 0) return;
    if (!this.pointers.size) this.dragged = false;
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (this.pointers.size > 1) this.tool?.end(false);
    else if (this.tool?.takes(event)) this.tool.begin(event);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.tool?.end(event.type === "pointerup" && this.dragged);
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
    } else if (this.tool?.busy) {
      this.tool.move(event);
    } else {
      this.moveBy(...by);
    }
  }

  /// Handles a key; returns whether it did. Where nothing can be moved, arrows scroll the page.
  key(event) {
    const zooms = { "+": STEP, "=": STEP, "-": 1 / STEP, "_": 1 / STEP };
    const moves = { ArrowRight: [-60, 0], ArrowLeft: [60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (zooms[event.key]) this.zoomBy(zooms[event.key]);
    else if (event.key === "0") this.all();
    else if (moves[event.key] && !event.shiftKey && this.canMove()) this.moveBy(...moves[event.key]);
    else return false;
    return true;
  }
}
