// Sums over runs of rows that share a label, of their differences from the run's first row.
//
// `order` holds the start of each run and the end of the last one, followed by the rows sorted by label. An invocation adds up
// one octet of one run. The order of additions depends only on positions, so results are reproducible bit by bit. Runs have
// at most 256 rows, and rows are added up in blocks of sixteen, so float32 is accurate enough. It is accurate relative to the
// distances within the run, because the first row is subtracted: the host adds it again in float64.
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
const BLOCK_ROWS: u32 = 16u;

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
    let end = order[params.first_run + run + 1u];
    var start = order[params.first_run + run];
    let first = load_point(order[params.list + start] * params.octets + octet);
    var total_a = vec4<f32>();
    var total_b = vec4<f32>();
    while start < end {
        let stop = min(start + BLOCK_ROWS, end);
        var sum_a = vec4<f32>();
        var sum_b = vec4<f32>();
        for (var position = start; position < stop; position++) {
            let point = load_point(order[params.list + position] * params.octets + octet);
            let difference = between(point, first, params.zero);
            sum_a += difference.a;
            sum_b += difference.b;
        }
        total_a += sum_a;
        total_b += sum_b;
        start = stop;
    }
    sums.values[item * 2u] = total_a;
    sums.values[item * 2u + 1u] = total_b;
}
