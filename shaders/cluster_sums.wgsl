// Sums of centred rows over runs of rows that share a label.
//
// `order` holds the start of each run and the end of the last one, followed by the rows sorted by label. An invocation adds up
// four columns of one run. The order of additions depends only on positions, so results are reproducible bit by bit. Runs have
// at most 256 rows, and rows are added up in blocks of sixteen, so float32 is accurate enough.

struct Params {
    // Runs of this dispatch.
    runs: u32,
    first_run: u32,
    // vec4 per row.
    quads: u32,
    // Index in `order` of the first row.
    list: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
}

// The host recognises results of this dispatch by `stamp`.
struct StampedSums {
    stamp: vec4<u32>,
    values: array<vec4<f32>>,
}

@group(0) @binding(0) var<storage, read> rows: array<vec4<f32>>;
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
    let run = item / params.quads;
    if run >= params.runs {
        return;
    }
    let quad = item % params.quads;
    let end = order[params.first_run + run + 1u];
    var total = vec4<f32>();
    var start = order[params.first_run + run];
    while start < end {
        let stop = min(start + BLOCK_ROWS, end);
        var sum = vec4<f32>();
        for (var position = start; position < stop; position++) {
            sum += rows[order[params.list + position] * params.quads + quad];
        }
        total += sum;
        start = stop;
    }
    sums.values[item] = total;
}
