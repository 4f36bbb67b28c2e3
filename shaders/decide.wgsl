// Decides which two of a row's four candidates are its nearest centroids, where measured distances and scores prove it. The
// host decides the other rows.
//
// The proof is that of `rescore.rs`. It is evaluated in float32 with larger constants, so rounding never makes it accept too
// much. With U = 2^-23, a row x and a centroid c, both minus the centre m, the score of c is off by at most 17/16 U ((2 d +
// 12) |x| |c| + 4 |c|^2) + 2^-43 |m| (|x| + |c|) + 2^-122 d (1 + |x| + |c|).
// Concatenated after shared/candidates.wgsl.

// The nearest two clusters and the squared distances. The host decides a row whose clusters are UNDECIDED.
struct Nearest {
    clusters: vec2<u32>,
    squared: vec2<f32>,
}

// A row that the host decides, with what it needs for that.
struct Undecided {
    scores: vec4<f32>,
    places: vec4<u32>,
    squared: vec4<f32>,
    floor: f32,
    stamp: u32,
    row: u32,
    padding: u32,
}

// The host recognises results of this dispatch by `stamp`.
struct StampedNearest {
    stamp: u32,
    // Number of undecided rows. The first MOST_UNDECIDED to be counted are in the list, in any order.
    undecided: atomic<u32>,
    padding: vec2<u32>,
    list: array<Undecided, MOST_UNDECIDED>,
    rows: array<Nearest>,
}

struct Params {
    rows: u32,
    // Number of searched centroids.
    places: u32,
    // Stamp of the search's results, and of this kernel's.
    searched_stamp: u32,
    stamp: u32,
    // Columns.
    dim: f32,
    // Norm of the centre, and the largest norm of a centroid.
    centre: f32,
    longest: f32,
    // Largest magnitude of the centre's values.
    largest: f32,
    // Largest relative error of a measured squared distance, times 2.5.
    direct: f32,
    // The host measures squared distances below `tiny`, and those below `share` times the row's largest squared value.
    tiny: f32,
    share: f32,
    groups_x: u32,
    first_group: u32,
}

@group(0) @binding(0) var<storage, read> best: array<Best>;
@group(0) @binding(1) var<storage, read> places: array<Place>;
@group(0) @binding(2) var<storage, read> squared: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> nearest: StampedNearest;
@group(0) @binding(4) var<uniform> params: Params;

const GROUP: u32 = 64u;
const UNDECIDED: u32 = 0xfffffffeu;
const MOST_UNDECIDED: u32 = 256u;
const NO_CLUSTER: u32 = 0xffffffffu;
const UNIT: f32 = 1.1920929e-7;
// A factor that covers the relative error of the root of a measured square.
const SLACK: f32 = 1.0005;
// Norms beyond this might overflow in products.
const LONG: f32 = 1e15;

// Largest error of a score if |x| <= point and |c| <= centroid, including the rounding of the comparison in float32.
fn bound(point: f32, centroid: f32) -> f32 {
    let rounding = UNIT * ((2.0 * params.dim + 40.0) * point * centroid + 20.0 * centroid * centroid);
    let offset = 1.2e-13 * params.centre * (point + centroid);
    let underflow = 2e-37 * params.dim * (1.0 + point + centroid);
    return 1.07 * rounding + offset + underflow;
}

// The three lowest of four values, and the numbers of the lowest two.
struct Lowest {
    values: vec3<f32>,
    numbers: vec2<u32>,
}

fn lowest(values: vec4<f32>) -> Lowest {
    var kept = vec3<f32>(NOTHING);
    var numbers = vec2<u32>(0u, 0u);
    for (var number = 0u; number < 4u; number++) {
        let value = values[number];
        if value < kept.x {
            kept = vec3<f32>(value, kept.x, kept.y);
            numbers = vec2<u32>(number, numbers.x);
        } else if value < kept.y {
            kept = vec3<f32>(kept.x, value, kept.y);
            numbers.y = number;
        } else if value < kept.z {
            kept.z = value;
        }
    }
    return Lowest(kept, numbers);
}

// Norm of a candidate. That of a missing one is arbitrary.
fn length_of(place: u32) -> f32 {
    return places[min(place, params.places - 1u)].length;
}

@compute @workgroup_size(GROUP)
fn decide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let row = number * GROUP + index;
    if row == 0u {
        nearest.stamp = params.stamp;
    }
    if row >= params.rows {
        return;
    }
    let found = best[row];
    let known = found.places < vec4<u32>(params.places);
    let measured = select(vec4<f32>(NOTHING), squared[row], known);
    // |x| <= |c| + |x - c| for the two candidates with the lowest scores
    let lengths = vec2<f32>(length_of(found.places.x), length_of(found.places.y));
    let to = sqrt(measured.xy) * SLACK + vec2<f32>(1e-12 * params.centre);
    let reached = select(vec2<f32>(NOTHING), lengths * SLACK + to, known.xy);
    let point = min(reached.x, reached.y);
    // Every other centroid is farther away than the first two candidates. Up to four centroids are all candidates.
    let upper = max(found.scores.x + bound(point, lengths.x), found.scores.y + bound(point, lengths.y));
    let reach = min(params.longest, (point + max(to.x, to.y)) * SLACK);
    let closed = params.places <= 4u || found.floor - bound(point, reach) > upper;
    let low = lowest(measured);
    let apart = low.values.x * (1.0 + params.direct) < low.values.y && (low.values.y * (1.0 + params.direct) < low.values.z || low.values.y == NOTHING);
    // bounds the magnitude of the row's values
    let size = point + params.largest;
    let accurate = low.values.x > max(params.tiny, size * size * params.share);
    var result = Nearest(vec2<u32>(UNDECIDED), vec2<f32>());
    if closed && apart && accurate && point < LONG && params.longest < LONG && found.stamp == params.searched_stamp {
        let first = found.places[low.numbers.x];
        let second = found.places[low.numbers.y];
        result = Nearest(vec2<u32>(places[first].cluster, NO_CLUSTER), low.values.xy);
        if second < params.places && low.values.y < NOTHING {
            result.clusters.y = places[second].cluster;
        }
    } else {
        let at = atomicAdd(&nearest.undecided, 1u);
        if at < MOST_UNDECIDED {
            nearest.list[at] = Undecided(found.scores, found.places, squared[row], found.floor, found.stamp, row, 0u);
        }
    }
    nearest.rows[row] = result;
}
