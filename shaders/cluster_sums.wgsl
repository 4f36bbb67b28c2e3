// Sums over runs of rows that share a label, of their differences from the run's first row.
//
// `order` holds the start of each run and the end of the last one, followed by the rows sorted by label. An invocation adds up
// one octet of one run. The order of additions depends only on positions, so results are reproducible bit by bit.
//
// Differences and sums are pairs of float32, a value and its rounding error (Knuth, TAOCP vol. 2, 4.2.2), about 46 bits
// together: means that are much nearer to each other than their points are to them still have an accurate distance. The first
// row is subtracted, so the sums are accurate relative to the distances within the run; the host adds that row in float64.
// Concatenated after shared/points.wgsl.

struct Params {
    // Runs of this dispatch.
    runs: u32,
    first_run: u32,
    // Octets per row.
    octets: u32,
    // Index in `order` of the first row.
    list: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    // Always 0; see `settled`.
    zero: u32,
}

// The host recognises results of this dispatch by `stamp`.
struct StampedSums {
    stamp: vec4<u32>,
    values: array<vec4<f32>>,
}

@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: StampedSums;
@group(0) @binding(3) var<uniform> params: Params;

const GROUP: u32 = 64u;

struct Pair {
    value: vec4<f32>,
    rest: vec4<f32>,
}

// `a + b` and its rounding error.
fn exact_sum(a: vec4<f32>, b: vec4<f32>) -> Pair {
    let sum = settled(a + b, params.zero);
    let part = settled(sum - a, params.zero);
    let left = settled(sum - part, params.zero);
    return Pair(sum, settled(a - left, params.zero) + settled(b - part, params.zero));
}

// `total` plus a difference of two points, given as the hi parts and the difference of the lo parts.
fn plus(total: Pair, point: vec4<f32>, first: vec4<f32>, lo: vec4<f32>) -> Pair {
    let difference = exact_sum(point, -first);
    let sum = exact_sum(total.value, difference.value);
    return Pair(sum.value, total.rest + (sum.rest + (difference.rest + lo)));
}

@compute @workgroup_size(GROUP)
fn cluster_sums(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let item = number * GROUP + index;
    if item == 0u {
        sums.stamp.x = params.stamp;
    }
    let run = item / params.octets;
    if run >= params.runs {
        return;
    }
    let octet = item % params.octets;
    let start = order[params.first_run + run];
    let end = order[params.first_run + run + 1u];
    let first = load_point(order[params.list + start] * params.octets + octet);
    var a: Pair;
    var b: Pair;
    for (var position = start + 1u; position < end; position++) {
        let point = load_point(order[params.list + position] * params.octets + octet);
        a = plus(a, point.a, first.a, point.lo_a - first.lo_a);
        b = plus(b, point.b, first.b, point.lo_b - first.lo_b);
    }
    sums.values[item * 4u] = a.value;
    sums.values[item * 4u + 1u] = b.value;
    sums.values[item * 4u + 2u] = a.rest;
    sums.values[item * 4u + 3u] = b.rest;
}
