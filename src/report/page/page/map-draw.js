// Draws discs by the ten thousand, pixel by pixel: faster than paths, with or without a graphics card.

/// Discs of one radius and one colour, as pixels relative to the centre.
class Sprite {
  /// Channels of the fill and of the edge, if any, which is `width` wide; opacity from 0 to 1.
  constructor(radius, fill, edge, opacity, width, stride) {
    const solid = [];
    const mixed = [];
    const extent = Math.ceil(radius + 0.5);
    for (let down = -extent; down <= extent; down++) {
      for (let right = -extent; right <= extent; right++) {
        const away = Math.hypot(right, down);
        const cover = Math.min(1, Math.max(0, radius + 0.5 - away)) * opacity;
        const rim = edge ? Math.min(1, Math.max(0, away - radius + width + 0.5)) : 0;
        const colour = fill.map((channel, i) => Math.round(channel + rim * ((edge ?? fill)[i] - channel)));
        const weight = Math.round(256 * cover);
        if (weight > 250) solid.push([down * stride + right, packed(colour)]);
        else if (weight) mixed.push([down * stride + right, weight, colour]);
      }
    }
    this.solidAt = Int32Array.from(solid, ([at]) => at);
    this.solid = Uint32Array.from(solid, ([, colour]) => colour);
    this.mixedAt = Int32Array.from(mixed, ([at]) => at);
    this.left = Int32Array.from(mixed, ([, weight]) => 256 - weight);
    // channels times weight: red and blue together, and green
    this.redBlue = Int32Array.from(mixed, ([, weight, [red, , blue]]) => ((blue << 16) | red) * weight);
    this.green = Int32Array.from(mixed, ([, weight, [, green]]) => green * weight);
  }

  draw(pixels, centre) {
    const { solidAt, solid, mixedAt, left, redBlue, green } = this;
    for (let i = 0; i < solidAt.length; i++) pixels[centre + solidAt[i]] = solid[i];
    for (let i = 0; i < mixedAt.length; i++) {
      const at = centre + mixedAt[i];
      const below = pixels[at];
      const mixedRedBlue = ((Math.imul(below & 0xff00ff, left[i]) + redBlue[i]) >>> 8) & 0xff00ff;
      const mixedGreen = (Math.imul((below >>> 8) & 0xff, left[i]) + green[i]) & 0xff00;
      pixels[at] = OPAQUE | mixedRedBlue | mixedGreen;
    }
  }
}

const OPAQUE = 0xff000000;
/// A pixel as `ImageData` holds it on machines that browsers run on: little endian.
const packed = ([red, green, blue]) => (OPAQUE | (blue << 16) | (green << 8) | red) >>> 0;

/// Channels of a computed colour.
const computed = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);

/// Room around the pixels for discs that lie partly outside, CSS pixels.
const BORDER = 28;

class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    // it stays in main memory, where it is drawn
    this.pen = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.known = "";
  }

  /// Prepares for a size, a theme, colours and a number of pixels to a CSS pixel; forgets sprites of others.
  prepare(colours, ratio) {
    const { clientWidth, clientHeight } = this.canvas;
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    const style = getComputedStyle(this.canvas);
    const known = [width, height, ratio, style.color, style.backgroundColor, colours.join()].join();
    if (known === this.known) return;
    this.known = known;
    Object.assign(this, { ratio, width, height, colours, edges: { ink: computed(style.color), ground: computed(style.backgroundColor) } });
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.border = Math.ceil(BORDER * ratio);
    this.stride = width + 2 * this.border;
    this.image = new ImageData(this.stride, height + 2 * this.border);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.sprites = new Map();
  }

  clear() {
    this.pixels.fill(packed(this.edges.ground));
  }

  finish() {
    this.pen.putImageData(this.image, -this.border, -this.border, this.border, this.border, this.width, this.height);
  }

  /// Draws the marks from `from` to `to` that `wanted` has (all without it). `edge` names the colour around them, if any: the
  /// ground sets them off from each other.
  discs(places, slots, view, { from, to, wanted, edge = null, opacity = 1 }) {
    const { ratio, pixels, stride, border, width, height, edges } = this;
    const size = 2 * ratio * view.growth();
    const rim = edge ? (edge === "ink" ? 1.5 : 0.75) : 0;
    const { scale, right, down } = view.transform();
    const [across, left, top] = [scale * ratio, right * ratio, down * ratio];
    const style = `${edge}${opacity}`;
    if (!this.sprites.has(style)) this.sprites.set(style, []);
    const made = this.sprites.get(style);
    for (let i = from; i < to; i++) {
      if (wanted && !wanted(i)) continue;
      const x = Math.round(places.x[i] * across + left);
      const y = Math.round(top - places.y[i] * across);
      // in steps of half a pixel
      const half = Math.round(size * places.radius[i] + 2 * ratio * rim);
      const extent = (half >> 1) + 2;
      if (x < -extent || y < -extent || x >= width + extent || y >= height + extent) continue;
      const key = half * 64 + slots[i];
      made[key] ??= new Sprite(half / 2, this.colours[slots[i]], edges[edge], opacity, ratio * rim, stride);
      made[key].draw(pixels, (y + border) * stride + x + border);
    }
  }
}

/// Rings around marks, and a line around a selection.
class MapOverlay {
  constructor() {
    const shape = (name, className) => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", name);
      if (className) element.setAttribute("class", className);
      return element;
    };
    this.element = shape("svg", "over");
    this.element.setAttribute("aria-hidden", "true");
    this.circles = [shape("circle"), shape("circle")];
    this.around = shape("polygon");
    this.element.append(...this.circles, this.around);
  }

  /// Each ring has its centre and its radius, or is null.
  rings(rings) {
    rings.forEach((ring, i) => {
      ["cx", "cy", "r"].forEach((name, at) => this.circles[i].setAttribute(name, ring ? ring[at] : 0));
    });
  }

  line(places) {
    this.around.setAttribute("points", places.map((place) => place.join()).join(" "));
  }
}
