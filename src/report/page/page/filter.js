// The filter of the table: reads conditions, says how it understood them, and refuses what it does not understand.

const comparisons = {
  "<": (a, b) => a < b,
  "≤": (a, b) => a <= b,
  ">": (a, b) => a > b,
  "≥": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "≠": (a, b) => a !== b,
};
const spelled = { "<=": "≤", ">=": "≥", "!=": "≠", "<>": "≠", "==": "=" };

const OR = /or(?![\p{L}\p{N}_])/;
const AND = /and(?![\p{L}\p{N}_])/;
/// Numbers of clusters, up to the next separator.
const IDS = /\d+(?:,\d+)*(?=[\s,;()"“”<>=!≤≥≠]|$)/;
const ONE_ID = /clusters?(?=\s+\d+(?:[\s,;()]|$))/;

/// Counts of points of a cluster; a percentage of one is a share of the cluster's points.
const OF_POINTS = ["misassigned", "labelled_points"];

const isShare = (name) => name === "purity" || /(^|_)share$/.test(name);

/// Why a filter is refused, in one sentence.
class NotUnderstood extends Error {}

/// Finds the column that a name means: the whole name, the words at its end, its beginning, or beginnings of some of its words.
/// Null if there is none; refuses a name that could be several.
function columnNamed(written, names) {
  const wanted = written.toLowerCase().split(/[\s_-]+/).filter(Boolean);
  if (!wanted.length) return null;
  const joined = wanted.join("_");
  if (names.includes(joined)) return joined;
  const startsAt = (words, from) => wanted.every((word, i) => words[from + i]?.startsWith(word));
  const ways = [
    (name) => name.endsWith(`_${joined}`),
    (name) => name.startsWith(joined),
    (name) => startsAt(name.split("_"), 0),
    (name) => name.split("_").some((_, from, words) => startsAt(words, from)),
  ];
  for (const fits of ways) {
    const found = names.filter(fits);
    if (found.length > 1) throw new NotUnderstood(`“${written}” could be ${found.map(readable).join(" or ")}`);
    if (found.length) return found[0];
  }
  return null;
}

/// Reads a filter by recursive descent. Every part becomes `{ passes, said }`: a test of places, and how it was understood.
class FilterReader {
  constructor(text, level) {
    this.text = text;
    this.level = level;
    this.names = level.names();
    this.at = 0;
  }

  refuse(what, at, why) {
    throw new NotUnderstood(`“${what}” (character ${at + 1}) ${why}`);
  }

  /// What stands here and matches, after spaces; moves behind it.
  take(pattern) {
    const sticky = new RegExp(`\\s*(${pattern.source})`, "iuy");
    sticky.lastIndex = this.at;
    const found = sticky.exec(this.text);
    if (!found) return null;
    this.at = sticky.lastIndex;
    return { text: found[1], at: sticky.lastIndex - found[1].length };
  }

  /// Whether this comes next.
  sees(pattern) {
    const at = this.at;
    const found = this.take(pattern);
    this.at = at;
    return found !== null;
  }

  whole() {
    if (!this.text.trim()) return { passes: () => true, said: "" };
    const read = this.either();
    const rest = this.take(/\S+/);
    if (rest) this.refuse(rest.text, rest.at, rest.text.startsWith(")") ? "closes nothing" : "is no condition");
    return read;
  }

  either() {
    const parts = [this.every()];
    while (this.take(OR)) parts.push(this.every());
    if (parts.length === 1) return parts[0];
    const tests = parts.map((part) => part.passes);
    return { passes: (place) => tests.some((passes) => passes(place)), said: parts.map((part) => part.said).join(" or "), either: true };
  }

  /// Conditions that all hold; the numbers of clusters among them are one condition.
  every() {
    const parts = [];
    const ids = [];
    let before = null;
    for (;;) {
      const and = this.take(AND);
      if (and && !before) this.refuse(and.text, and.at, "needs a condition before it");
      const comma = and ? null : this.take(/[,;]/);
      if (this.sees(/\)/) || this.sees(OR) || !this.sees(/\S/)) {
        if (and) this.refuse(and.text, and.at, "needs a condition after it");
        break;
      }
      const term = this.term(before, and, comma);
      if (term.ids) ids.push(...term.ids);
      else parts.push(...term.parts);
      before = term;
    }
    if (ids.length) parts.push(this.clusters(ids));
    if (!parts.length) {
      const next = this.take(/\S+/);
      if (next) this.refuse(next.text, next.at, "needs a condition before it");
      const last = /\S+\s*$/.exec(this.text);
      this.refuse(last[0].trim(), last.index, "needs a condition after it");
    }
    const tests = parts.map((part) => part.passes);
    const said = parts.map((part) => (part.either && parts.length > 1 ? `(${part.said})` : part.said)).join(" and ");
    return { passes: tests.length === 1 ? tests[0] : (place) => tests.every((passes) => passes(place)), said, either: parts.length === 1 && parts[0].either };
  }

  term(before, and, comma) {
    const open = this.take(/\(/);
    if (open) {
      const inside = this.either();
      if (!this.take(/\)/)) this.refuse("(", open.at, "is not closed");
      return { parts: [inside] };
    }
    const quote = this.quoted();
    if (quote) return { parts: [this.holding(quote.text, quote.at)] };
    this.take(ONE_ID);
    const ids = this.take(IDS);
    if (ids) return { ids: this.ids(ids, before, and) };
    const number = this.take(/[-+−]?(?:\d[\d,.]*|\.\d+)(?:e[-+−]?\d+)?%?(?=[\s,;()"“”<>=!≤≥≠]|$)/);
    if (number) this.refuse(number.text, number.at, "is not the number of a cluster; a condition begins with its column, as in size>=10");
    return this.named(comma);
  }

  /// Numbers of clusters. `1,000` is one number where there is such a cluster, or else two.
  ids({ text, at }, before, and) {
    if (this.sees(/[<>=!≤≥≠]/)) this.refuse(text, at, "stands before a comparison, which begins with its column, as in size>=10");
    if (before?.ids && and) this.refuse(text, at, "can't hold with another number, since a cluster has one; write 3, 17 for both");
    if (before?.compared) this.refuse(text, at, "follows a compared number; write 1,000 for a thousand, parent=3 or parent=4 for two values, cluster=3 for a cluster");
    const together = Number(text.replaceAll(",", ""));
    if (/^\d{1,3}(,\d{3})+$/.test(text) && this.level.place(together) !== undefined) return [together];
    return text.split(",").map(Number);
  }

  clusters(ids) {
    const wanted = new Set(ids);
    const level = this.level;
    const said = [...wanted].map((id) => whole.format(id) + (level.place(id) === undefined ? " (not in this table)" : ""));
    return { passes: (place) => wanted.has(level.id(place)), said: `cluster ${said.join(" or ")}`, either: wanted.size > 1 };
  }

  /// Words: a condition if a comparison follows, else `empty` or a text to find.
  named(comma) {
    const words = [];
    while (!this.sees(OR) && !this.sees(AND) && !(words.length && (this.sees(IDS) || this.sees(ONE_ID)))) {
      const word = this.take(/[^\s,;()"“”<>=!≤≥≠]+/);
      if (!word) break;
      words.push(word);
    }
    const sign = this.take(/<=|>=|!=|<>|==|[≤≥≠<>=]/);
    if (!words.length) {
      const what = sign ?? this.take(/\S+/) ?? comma;
      this.refuse(what.text, what.at, sign ? "needs a column before it, as in size>=10" : "is no condition");
    }
    if (!sign) return { parts: this.texts(words) };
    // `a cat mean inertia>2`: the longest end of the words that names a column
    for (let from = 0; from < words.length; from++) {
      const name = columnNamed(this.between(words, from), this.names);
      if (name) return this.compared(words.slice(0, from), words[from].at, name, spelled[sign.text] ?? sign.text, sign);
    }
    const written = this.between(words, words.length === 1 || this.level.texts.size ? words.length - 1 : 0);
    throw new NotUnderstood(`no column “${written}” (character ${words[0].at + 1}); columns are ${this.names.map(readable).join(", ")}`);
  }

  between(words, from, to = words.length - 1) {
    return this.text.slice(words[from].at, words[to].at + words[to].text.length);
  }

  compared(words, at, name, sign, where) {
    const before = words.length ? this.texts(words) : [];
    const condition = this.level.texts.has(name) ? this.labelled(name, sign, where) : this.measured(name, sign, where);
    return { parts: [...before, condition], compared: !this.level.texts.has(name) };
  }

  /// A comparison of names.
  labelled(name, sign, where) {
    if (sign !== "=" && sign !== "≠") this.refuse(where.text, where.at, `does not apply to ${readable(name)}, which is a name; use = or !=`);
    const column = this.level.column(name);
    const value = this.quoted()?.text ?? this.label(column, where);
    if (!column.includes(value) && /^(undefined|none|–)$/i.test(value)) return this.missing(name, sign);
    // exactly, or else without regard to case
    const exact = column.includes(value);
    const same = exact ? (found) => found === value : (found) => found.toLowerCase() === value.toLowerCase();
    const known = exact || column.some((found) => found !== null && same(found));
    const holds = sign === "=" ? same : (found) => !same(found);
    return {
      passes: (place) => column[place] !== null && holds(column[place]),
      said: `${readable(name)} ${sign} “${value}”${known ? "" : ", which no cluster has"}`,
    };
  }

  /// A label without quotes: the most words that are a label, or one word.
  label(column, where) {
    const rest = this.take(/[^,;()"“”]+/);
    if (!rest) this.refuse(where.text, where.at, "needs a name after it");
    const labels = new Set(column.filter((label) => label !== null).map((label) => label.toLowerCase()));
    let text = rest.text.trimEnd();
    for (let words = text; words; words = words.replace(/\s*\S+$/, "")) {
      if (labels.has(words.toLowerCase())) {
        text = words;
        break;
      }
      if (!/\s/.test(words)) text = words;
    }
    this.at = rest.at + text.length;
    return text;
  }

  missing(name, sign) {
    const column = this.level.column(name);
    const wanted = sign === "=";
    return { passes: (place) => ((column[place] ?? null) === null) === wanted, said: `${readable(name)} is ${wanted ? "un" : ""}defined` };
  }

  /// A comparison of numbers. An undefined value passes none.
  measured(name, sign, where) {
    if ((sign === "=" || sign === "≠") && this.take(/(?:undefined|none|–)(?=[\s,;)]|$)/)) return this.missing(name, sign);
    const written = this.take(/(?:,(?=\d)|[^\s,;()"“”])+/);
    if (!written) this.refuse(where.text, where.at, "needs a number after it");
    const text = written.text;
    const plain = /^([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:e[-+]?\d+)?)(%?)$/i.exec(text.replaceAll("−", "-"));
    const value = plain && /\d/.test(plain[1]) ? Number(plain[1].replaceAll(",", "")) : NaN;
    if (!Number.isFinite(value)) {
      const hint = /^\d+(,\d*)+$/.test(text) ? "; thousands are written 1,000, two values as size=1 or size=2" : "";
      this.refuse(text, written.at, `is not a number to compare ${readable(name)} with${hint}`);
    }
    const percent = plain[2] || this.take(/%/) ? "%" : "";
    return percent ? this.shared(name, sign, value, written) : this.valued(name, sign, value, plain[1]);
  }

  valued(name, sign, value, text) {
    const column = this.level.column(name);
    const holds = comparisons[sign];
    const digits = this.level.format(name).digits;
    const asShown = (sign === "=" || sign === "≠") && digits !== undefined && (text.split(".")[1] ?? "").length === digits;
    // with as many digits as the table shows, what it shows is compared
    const near = 0.500001 * 10 ** -digits;
    const passes = asShown
      ? (place) => (column[place] ?? null) !== null && (Math.abs(column[place] - value) <= near) === (sign === "=")
      : (place) => (column[place] ?? null) !== null && holds(column[place], value);
    const exact = (sign === "=" || sign === "≠") && digits !== undefined && !asShown ? ` exactly, to six digits` : asShown ? " as shown" : "";
    return { passes, said: `${readable(name)} ${sign} ${text.replace("-", "−")}${exact}` };
  }

  /// A percentage: of one for shares, of the cluster's points for counts of them.
  shared(name, sign, percent, { text, at }) {
    const column = this.level.column(name);
    const holds = comparisons[sign];
    if (isShare(name)) {
      return { passes: (place) => (column[place] ?? null) !== null && holds(column[place], percent / 100), said: `${readable(name)} ${sign} ${percent}%` };
    }
    const sizes = this.level.column("size");
    if (!OF_POINTS.includes(name) || !sizes) this.refuse(text, at, `is a percentage, but ${readable(name)} is no share; use a plain number`);
    return {
      passes: (place) => (column[place] ?? null) !== null && sizes[place] > 0 && holds((100 * column[place]) / sizes[place], percent),
      said: `${readable(name)} ${sign} ${percent}% of the cluster's points`,
    };
  }

  quoted() {
    const open = this.take(/["“”]/);
    if (!open) return null;
    const end = /["“”]/g;
    end.lastIndex = this.at;
    const close = end.exec(this.text);
    if (!close) this.refuse(this.text.slice(open.at), open.at, "has no closing quote");
    const text = this.text.slice(this.at, close.index);
    this.at = end.lastIndex;
    return { text, at: open.at };
  }

  /// Words without a comparison.
  texts(words) {
    const all = this.between(words, 0);
    const column = this.names.find((name) => name === all.toLowerCase().replaceAll(/[\s_-]+/g, "_"));
    if (column) this.refuse(all, words[0].at, `needs a comparison, such as ${column}${this.level.texts.has(column) ? "=name" : ">=10"}`);
    return words.map(({ text, at }) => {
      if (!/[\p{L}\p{N}]/u.test(text)) this.refuse(text, at, "is no condition");
      if (text.toLowerCase() === "empty" && this.level.column("size")) return { passes: (place) => this.level.isEmpty(place), said: "without points" };
      return this.holding(text, at);
    });
  }

  /// A text that a name contains.
  holding(text, at) {
    const texts = [...this.level.texts];
    if (!texts.length) this.refuse(text, at, "is neither a cluster number nor a condition such as size>=100");
    const wanted = text.toLowerCase();
    const columns = texts.map((name) => this.level.column(name).map((value) => value !== null && value.toLowerCase().includes(wanted)));
    return { passes: (place) => columns.some((column) => column[place]), said: `${texts.map(readable).join(" or ")} contains “${text}”` };
  }
}

/// Parses a filter. Returns a test of places and how it was understood, or why it was not.
function parseFilter(text, level) {
  try {
    return new FilterReader(text, level).whole();
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error;
    return { wrong: error.message };
  }
}
