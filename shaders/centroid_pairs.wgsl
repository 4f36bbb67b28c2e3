// Compares centroids ("rows") with a strip of other centroids ("columns"): for each row, finds the nearest column and the
// largest (s_i + s_j) / d_ij. No matrix of distances is stored.
//
// A workgroup processes 32 rows and the columns of one strip, 32 at a time; an invocation processes 4 by 4 pairs. At the end,
// the results of a row's eight invocations are merged; the host merges the strips. Rows are read as points, columns as
// centroids.
// Concatenated after shared/points.wgsl and shared/distance.wgsl.

struct Params {
    rows: u32,
    columns: u32,
    // Octets per row, of rows and columns alike.
    stride: u32,
    // Columns per strip, and number of strips.
    strip: u32,
    strips: u32,
    // Positions of the first row and of the first column among all centroids.
    first_row: u32,
    first_column: u32,
    // Position of the first column on the device.
    column_at: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    // Always 0; see `settled`.
    zero: u32,
}

// Result for one row and one strip. `second` is the squared distance to the second nearest column. The host recognises results
// of this dispatch by `stamp`.
struct Found {
    nearest: f32,
    nearest_at: u32,
    second: f32,
    ratio: f32,
    ratio_at: u32,
    stamp: u32,
}

// s of all compared clusters.
@group(0) @binding(3) var<storage, read> spread: array<f32>;
@group(0) @binding(4) var<storage, read_write> found: array<Found>;
@group(0) @binding(5) var<uniform> params: Params;

const GROUP: u32 = 64u;
// Rows of a workgroup, and columns that it processes at a time: 8 by 8 invocations with 4 by 4 pairs each.
const TILE: u32 = 32u;
const NOTHING: f32 = 3.4028234e38;
const NO_PLACE: u32 = 0xffffffffu;

// By row, then by the invocation of the row.
var<workgroup> shares: array<Found, 256>;

// Results of an invocation for its four rows; a component is a row.
struct Four {
    nearest: vec4<f32>,
    nearest_at: vec4<u32>,
    second: vec4<f32>,
    ratio: vec4<f32>,
    ratio_at: vec4<u32>,
}

// Merges the squared distances of the four rows to one column.
fn take(four: ptr<function, Four>, squared: vec4<f32>, column: u32, last: u32, places: vec4<u32>, s: vec4<f32>) {
    let place = vec4<u32>(params.first_column + column);
    let counts = (places != place) & vec4<bool>(column < last);
    let d = select(vec4<f32>(NOTHING), squared, counts);
    let f = *four;
    let nearer = d < f.nearest;
    (*four).second = select(min(f.second, d), f.nearest, nearer);
    (*four).nearest = select(f.nearest, d, nearer);
    (*four).nearest_at = select(f.nearest_at, place, nearer);
    let sum = s + vec4<f32>(spread[min(place.x, arrayLength(&spread) - 1u)]);
    let apart = counts & (d > vec4<f32>());
    let ratio = select(vec4<f32>(-1.0), sum / sqrt(max(d, vec4<f32>(1e-37))), apart);
    let worse = ratio > f.ratio;
    (*four).ratio = select(f.ratio, ratio, worse);
    (*four).ratio_at = select(f.ratio_at, place, worse);
}

fn base(row: u32, last: u32) -> u32 {
    return min(row, last) * params.stride;
}

fn merged(row: u32) -> Found {
    var best = shares[row * 8u];
    for (var share = 1u; share < 8u; share++) {
        let other = shares[row * 8u + share];
        let lower = other.nearest == best.nearest && other.nearest_at < best.nearest_at;
        if other.nearest < best.nearest || lower {
            best.second = min(other.second, best.nearest);
            best.nearest = other.nearest;
            best.nearest_at = other.nearest_at;
        } else {
            best.second = min(best.second, other.nearest);
        }
        if other.ratio > best.ratio {
            best.ratio = other.ratio;
            best.ratio_at = other.ratio_at;
        }
    }
    best.stamp = params.stamp;
    return best;
}

@compute @workgroup_size(GROUP)
fn centroid_pairs(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let first_row = (number / params.strips) * TILE;
    let strip = number % params.strips;
    // A dispatch can have slightly more workgroups than needed.
    if first_row >= params.rows {
        return;
    }
    let row = first_row + index / 8u;
    let last_row = params.rows - 1u;
    let rows_at = vec4<u32>(base(row, last_row), base(row + 8u, last_row), base(row + 16u, last_row), base(row + 24u, last_row));
    let places = vec4<u32>(params.first_row + row) + vec4<u32>(0u, 8u, 16u, 24u);
    let known = min(places, vec4<u32>(arrayLength(&spread) - 1u));
    let s = vec4<f32>(spread[known.x], spread[known.y], spread[known.z], spread[known.w]);
    var four = Four(vec4<f32>(NOTHING), vec4<u32>(NO_PLACE), vec4<f32>(NOTHING), vec4<f32>(-1.0), vec4<u32>(NO_PLACE));
    let end = min((strip + 1u) * params.strip, params.columns);
    for (var first = strip * params.strip; first < end; first += TILE) {
        let column = first + index % 8u;
        let columns_at = vec4<u32>(
            base(column, end - 1u),
            base(column + 8u, end - 1u),
            base(column + 16u, end - 1u),
            base(column + 24u, end - 1u),
        ) + vec4<u32>(params.column_at * params.stride);
        let squared = transpose(four_by_four(rows_at, columns_at, 0u, params.stride, params.zero));
        take(&four, squared[0], column, end, places, s);
        take(&four, squared[1], column + 8u, end, places, s);
        take(&four, squared[2], column + 16u, end, places, s);
        take(&four, squared[3], column + 24u, end, places, s);
    }
    let share = (index / 8u) * 8u + index % 8u;
    shares[share] = Found(four.nearest.x, four.nearest_at.x, four.second.x, four.ratio.x, four.ratio_at.x, 0u);
    shares[share + 64u] = Found(four.nearest.y, four.nearest_at.y, four.second.y, four.ratio.y, four.ratio_at.y, 0u);
    shares[share + 128u] = Found(four.nearest.z, four.nearest_at.z, four.second.z, four.ratio.z, four.ratio_at.z, 0u);
    shares[share + 192u] = Found(four.nearest.w, four.nearest_at.w, four.second.w, four.ratio.w, four.ratio_at.w, 0u);
    workgroupBarrier();
    if index < TILE && first_row + index < params.rows {
        found[(first_row + index) * params.strips + strip] = merged(index);
    }
}
