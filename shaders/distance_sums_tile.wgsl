// Sums of the distances of outer points to runs of inner points with register tiles, for GPUs with memory of their own.
//
// A workgroup processes a strip, consecutive runs of inner points, and 64 outer points: 128 inner points at a time, an
// invocation 8 of them by 4 outer ones. It loads 16 columns of both into workgroup memory, column by column, so that four
// points are one load. Tiles of inner points ignore where runs begin and end, so short runs cost no more than long ones. The
// tile's distances then pass through workgroup memory, 48 inner points at a time, and are added up run by run. A run lies
// within a segment and a strip and has at most 256 points, so float32 is accurate enough; the host adds runs up. The distance
// of a point to itself needs no special case: the differences are 0. Concatenated after shared/eight.wgsl, of which a component
// is an outer point.

struct Params {
    // Outer points, and the row of the first one in its buffer.
    outer: u32,
    first_outer: u32,
    // Number of the inner buffer's first point, in the numbers of the runs.
    first_inner: u32,
    // Strips of this dispatch: their number, and where in `runs` the first one is.
    strips: u32,
    first_strip: u32,
    // The run whose sums come first.
    first_run: u32,
    // Quads per row, of inner and outer points alike. A quad is four columns of one point.
    stride: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    unused_a: u32,
    unused_b: u32,
}

// The host recognises results of this dispatch by `stamp`.
struct StampedSums {
    stamp: vec4<u32>,
    values: array<f32>,
}

@group(0) @binding(0) var<storage, read> inner_points: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> outer_points: array<vec4<f32>>;
// First point of each run and its number of points, then first run of each strip and its number of runs.
@group(0) @binding(2) var<storage, read> runs: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> sums: StampedSums;
@group(0) @binding(4) var<uniform> params: Params;

const GROUP: u32 = 256u;
// Inner points of a tile.
const TILE: u32 = 128u;
// Points that one pass of the workgroup loads, a quad per invocation; also its outer points.
const LOADED: u32 = 64u;
const SLAB_QUADS: u32 = 4u;
// Outer points of a workgroup, in fours; a column of the slab has the inner ones first, in 32 fours.
const OUTER_FOURS: u32 = 16u;
const SLAB_OUTER: u32 = 32u;
// Inner points whose distances are in workgroup memory together.
const ROUND: u32 = 48u;

// 16 columns of four points each; later, distances by four outer points, then by inner point. The odd row length spreads
// neighbours over the memory's banks. Rows are an array of their own, because the number of a column is constant: so all
// columns share one check of bounds.
var<workgroup> slab: array<array<vec4<f32>, 49>, 16>;

// Where an invocation is in the tile: its four outer points, and the first four of its inner points.
struct Place {
    across: u32,
    down: u32,
}

fn plus(a: Eight, b: Eight) -> Eight {
    return Eight(
        a.e0 + b.e0, a.e1 + b.e1, a.e2 + b.e2, a.e3 + b.e3, a.e4 + b.e4, a.e5 + b.e5, a.e6 + b.e6, a.e7 + b.e7,
    );
}

// Adds the square of the difference between one inner and four outer points.
fn square(x: f32, outer: vec4<f32>, sum: vec4<f32>) -> vec4<f32> {
    let difference = vec4<f32>(x) - outer;
    return fma(difference, difference, sum);
}

// Adds one column of the slab.
fn add_column(s: Eight, column: u32, at: Place) -> Eight {
    let outer = slab[column][SLAB_OUTER + at.across];
    let x = slab[column][at.down];
    let y = slab[column][at.down + OUTER_FOURS];
    return Eight(
        square(x.x, outer, s.e0), square(x.y, outer, s.e1), square(x.z, outer, s.e2), square(x.w, outer, s.e3),
        square(y.x, outer, s.e4), square(y.y, outer, s.e5), square(y.z, outer, s.e6), square(y.w, outer, s.e7),
    );
}

fn add_slab(before: Eight, at: Place) -> Eight {
    var s = before;
    s = add_column(s, 0u, at);
    s = add_column(s, 1u, at);
    s = add_column(s, 2u, at);
    s = add_column(s, 3u, at);
    s = add_column(s, 4u, at);
    s = add_column(s, 5u, at);
    s = add_column(s, 6u, at);
    s = add_column(s, 7u, at);
    s = add_column(s, 8u, at);
    s = add_column(s, 9u, at);
    s = add_column(s, 10u, at);
    s = add_column(s, 11u, at);
    s = add_column(s, 12u, at);
    s = add_column(s, 13u, at);
    s = add_column(s, 14u, at);
    return add_column(s, 15u, at);
}

// Stores a quad in its four columns of the slab. `four` is the point's place in a column in fours, `lane` its place therein.
fn store_quad(quad: u32, four: u32, lane: u32, values: vec4<f32>) {
    slab[quad * 4u][four][lane] = values.x;
    slab[quad * 4u + 1u][four][lane] = values.y;
    slab[quad * 4u + 2u][four][lane] = values.z;
    slab[quad * 4u + 3u][four][lane] = values.w;
}

// Quads that an invocation loads for a slab: of two inner points and an outer one.
struct Quads {
    inner_a: vec4<f32>,
    inner_b: vec4<f32>,
    outer: vec4<f32>,
}

// The quads number `quad` of the rows at `rows`, or zeros past the last column.
fn load_quads(rows: vec3<u32>, quad: u32) -> Quads {
    let exists = quad < params.stride;
    let column = min(quad, params.stride - 1u);
    let inner_a = inner_points[rows.x + column];
    let inner_b = inner_points[rows.y + column];
    let outer = outer_points[rows.z + column];
    let zero = vec4<f32>();
    return Quads(select(zero, inner_a, exists), select(zero, inner_b, exists), select(zero, outer, exists));
}

// Squared distances between an invocation's inner and outer points. `rows` are where the rows start that it loads.
fn squared_distances(index: u32, at: Place, rows: vec3<u32>) -> Eight {
    let quad = index % SLAB_QUADS;
    let four = index / SLAB_QUADS / 4u;
    let lane = index / SLAB_QUADS % 4u;
    // Blocks of sqrt(slabs) slabs make the shortest chains of additions, and so the least rounding.
    let slabs = (params.stride + SLAB_QUADS - 1u) / SLAB_QUADS;
    let block = max(4u, u32(sqrt(f32(slabs))));
    var total = Eight();
    var loaded = load_quads(rows, quad);
    var slab_number = 0u;
    while slab_number < slabs {
        let stop = min(slab_number + block, slabs);
        var part = Eight();
        for (; slab_number < stop; slab_number++) {
            workgroupBarrier();
            store_quad(quad, four, lane, loaded.inner_a);
            store_quad(quad, four + OUTER_FOURS, lane, loaded.inner_b);
            store_quad(quad, four + SLAB_OUTER, lane, loaded.outer);
            workgroupBarrier();
            // the next slab is on its way while this one is added
            loaded = load_quads(rows, (slab_number + 1u) * SLAB_QUADS + quad);
            part = add_slab(part, at);
        }
        total = plus(total, part);
    }
    return total;
}

// Stores the distances to one inner point if it is in this round. `row` counts from the round's first one.
fn store_distances(across: u32, row: u32, squared: vec4<f32>) {
    if row < ROUND {
        slab[across][row] = sqrt(squared);
    }
}

// Stores the distances to those of an invocation's inner points that are in the round from `first` on.
fn store_round(at: Place, first: u32, squared: Eight) {
    let row = at.down * 4u - first;
    store_distances(at.across, row, squared.e0);
    store_distances(at.across, row + 1u, squared.e1);
    store_distances(at.across, row + 2u, squared.e2);
    store_distances(at.across, row + 3u, squared.e3);
    store_distances(at.across, row + LOADED, squared.e4);
    store_distances(at.across, row + LOADED + 1u, squared.e5);
    store_distances(at.across, row + LOADED + 2u, squared.e6);
    store_distances(at.across, row + LOADED + 3u, squared.e7);
}

// Sum of the distances in the rows `begin .. end` of a round.
fn add_rows(across: u32, begin: u32, end: u32) -> vec4<f32> {
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var row = begin; row < end; row += 4u) {
        s0 += slab[across][row];
        if row + 1u < end {
            s1 += slab[across][row + 1u];
        }
        if row + 2u < end {
            s2 += slab[across][row + 2u];
        }
        if row + 3u < end {
            s3 += slab[across][row + 3u];
        }
    }
    return (s0 + s1) + (s2 + s3);
}

fn store_sums(run: u32, across: u32, sum: vec4<f32>) {
    let place = (run - params.first_run) * params.outer;
    for (var lane = 0u; lane < 4u; lane++) {
        let outer = across * 4u + lane;
        if outer < params.outer {
            sums.values[place + outer] = sum[lane];
        }
    }
}

@compute @workgroup_size(GROUP)
fn distance_sums_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    if number == 0u && index == 0u {
        sums.stamp.x = params.stamp;
    }
    let groups_outer = (params.outer + LOADED - 1u) / LOADED;
    // A dispatch can have slightly more workgroups than needed.
    if number / groups_outer >= params.strips {
        return;
    }
    let strip = runs[params.first_strip + number / groups_outer];
    let first_outer = number % groups_outer * LOADED;
    let after = strip.x + strip.y;
    let begin = runs[strip.x].x;
    let end = runs[after - 1u].x + runs[after - 1u].y;
    let at = Place(index % OUTER_FOURS, index / OUTER_FOURS);
    let outer_row = params.first_outer + min(first_outer + index / SLAB_QUADS, params.outer - 1u);
    // Each 16 invocations add up every sixteenth run. A run that a round leaves open is completed in later ones.
    var run = strip.x + at.down;
    var open = vec4<f32>();
    for (var first = begin; first < end; first += TILE) {
        let inner = vec2<u32>(first + index / SLAB_QUADS) + vec2<u32>(0u, LOADED);
        let inner_row = min(inner, vec2<u32>(end - 1u)) - vec2<u32>(params.first_inner);
        let squared = squared_distances(index, at, vec3<u32>(inner_row, outer_row) * params.stride);
        for (var done = 0u; done < TILE; done += ROUND) {
            workgroupBarrier();
            store_round(at, done, squared);
            workgroupBarrier();
            let round = first + done;
            let stop = min(first + min(done + ROUND, TILE), end);
            while run < after {
                let points = runs[run];
                if points.x >= stop {
                    break;
                }
                let last = points.x + points.y;
                open += add_rows(at.across, max(points.x, round) - round, min(last, stop) - round);
                if last > stop {
                    break;
                }
                store_sums(run, first_outer / 4u + at.across, open);
                open = vec4<f32>();
                run += OUTER_FOURS;
            }
        }
    }
}
