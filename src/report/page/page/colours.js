// The colours of values, on the map and in the icicle.

// Nine colours each, at even distances (OKLab) along a curve whose lightness only rises or only falls, so that readers with
// any colour vision see the order. The last one, for the worst or the largest value, contrasts most with the ground; the
// first one still has 3 to 1.
const ramps = {
  light: {
    worse: ["#3f9ad3", "#6286e6", "#836bd9", "#9854b6", "#a33d8b", "#a6205d", "#9d002d", "#810003", "#5f0608"],
    more: ["#2ea4a4", "#14939e", "#008297", "#007190", "#005f87", "#004e7c", "#0b3e6f", "#122e5f", "#141e4f"],
  },
  dark: {
    worse: ["#346aac", "#6868cb", "#996cce", "#bf75b9", "#dd809b", "#f58f7b", "#ffa863", "#ffc96f", "#ffeb9d"],
    more: ["#4669a2", "#387eb2", "#2c93bc", "#28a9c2", "#37bdc7", "#54d0ca", "#79e2cd", "#a2f1d1", "#cefcd6"],
  },
};

/// Colours that a metric is drawn in.
const STEPS = 33;

const three = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

const brief = (value) => (value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-3) ? value.toExponential(2) : three.format(value)).replaceAll("-", "−");

const mode = () => (theme.isDark() ? "dark" : "light");

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/// A colour of a ramp, from 0 to 1, as channels.
function along(ramp, share) {
  const at = share * (ramp.length - 1);
  const from = Math.min(Math.floor(at), ramp.length - 2);
  const [a, b] = [channels(ramp[from]), channels(ramp[from + 1])];
  return a.map((low, i) => Math.round(low + (at - from) * (b[i] - low)));
}

/// Ratios whose values mean the same on any data, and the least width of their scale: clusters that are nearly alike have nearly
/// the same colour, and good ones the colours of good ones.
const RATIOS = ["silhouette", "simplified_silhouette", "silhouette_cosine", "purity"];
const LEAST = 0.25;

/// The ends of a scale, wide enough.
function widened(name, low, high) {
  if (!RATIOS.includes(name) || high - low >= LEAST) return [low, high];
  return (low + high) / 2 >= 0.5 ? [high - LEAST, high] : [low, low + LEAST];
}

/// Ratio of the ends from which on colours follow the logarithm.
const WIDE = 50;

/// The scale of a metric by its values: which of them get the colours at the ends (a share `cut` of them at each end, so that few
/// do not take all colours), and where a value lies between them.
function scaleOf(name, ascending, cut) {
  const at = (share) => ascending[Math.round(share * (ascending.length - 1))];
  let [low, high] = [at(cut), at(1 - cut)];
  if (low === high) [low, high] = [ascending[0], ascending.at(-1)];
  [low, high] = widened(name, low, high);
  const log = low > 0 && high / low > WIDE;
  const of = log ? Math.log : (value) => value;
  const back = log ? Math.exp : (value) => value;
  return {
    low, high, log,
    middle: back((of(low) + of(high)) / 2),
    cut: [ascending[0] < low, ascending.at(-1) > high],
    share: (value) => (high > low ? Math.min(1, Math.max(0, (of(value) - of(low)) / (of(high) - of(low)))) : 0.5),
  };
}
