// A block of the matrix of distances between the rows of a tile and consecutive centroids.
//
// A workgroup does 32 rows by 32 centroids, an invocation 4 by 4 with the sums in registers. Rows and centroids past the
// end are clamped to the last one and not stored. Like own_distance it runs over the octets `begin .. end` and can add
// to what an earlier dispatch left; the last dispatch takes the root.
// Concatenated after shared/distance.wgsl.

struct Params {
    rows: u32,
    // columns of the block, and the place of the first one among the centroids on the device
    count: u32,
    first_centroid: u32,
    // octets of a row, of points and centroids alike
    stride: u32,
    begin: u32,
    end: u32,
    // 1 where an earlier dispatch has done the octets before `begin`
    accumulate: u32,
    // 1 where this dispatch does the last octets
    finish: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    // always 0; see `settled`
    zero: u32,
}

// `stamp` tells the host that the last dispatch of this very block ran.
struct Block {
    stamp: vec4<u32>,
    distances: array<f32>,
}

@group(0) @binding(3) var<storage, read_write> block: Block;
@group(0) @binding(4) var<uniform> params: Params;

const GROUP: u32 = 64u;
// Rows and columns that a workgroup does: 8 by 8 invocations with 4 by 4 pairs each.
override TILE_ROWS: u32 = 32u;
override TILE_COLUMNS: u32 = 32u;

fn point_base(row: u32) -> u32 {
    return min(row, params.rows - 1u) * params.stride;
}

fn centroid_base(column: u32) -> u32 {
    return (params.first_centroid + min(column, params.count - 1u)) * params.stride;
}

fn store(row: u32, column: u32, part: f32) {
    if row >= params.rows || column >= params.count {
        return;
    }
    let place = row * params.count + column;
    var value = part;
    if params.accumulate == 1u {
        value += block.distances[place];
    }
    if params.finish == 1u {
        value = sqrt(value);
    }
    block.distances[place] = value;
}

fn store_four(row: u32, column: u32, parts: vec4<f32>) {
    store(row, column, parts.x);
    store(row, column + 8u, parts.y);
    store(row, column + 16u, parts.z);
    store(row, column + 24u, parts.w);
}

// Squared differences of a point's octet and four centroids'.
fn to_four(x: Octet, y0: Octet, y1: Octet, y2: Octet, y3: Octet) -> vec4<f32> {
    let zero = params.zero;
    return vec4<f32>(squares(x, y0, zero), squares(x, y1, zero), squares(x, y2, zero), squares(x, y3, zero));
}

@compute @workgroup_size(GROUP)
fn pairwise(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let tiles_across = (params.count + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let row = (number / tiles_across) * TILE_ROWS + index / 8u;
    let column = (number % tiles_across) * TILE_COLUMNS + index % 8u;
    if number == 0u && index == 0u && params.finish == 1u {
        block.stamp.x = params.stamp;
    }
    if row >= params.rows {
        return;
    }
    let p0 = point_base(row);
    let p1 = point_base(row + 8u);
    let p2 = point_base(row + 16u);
    let p3 = point_base(row + 24u);
    let c0 = centroid_base(column);
    let c1 = centroid_base(column + 8u);
    let c2 = centroid_base(column + 16u);
    let c3 = centroid_base(column + 24u);
    var total0 = vec4<f32>();
    var total1 = vec4<f32>();
    var total2 = vec4<f32>();
    var total3 = vec4<f32>();
    // as many octets to a sum as sums to the total: the shortest chains, and so the least rounding
    let block_octets = max(8u, u32(sqrt(f32(params.end - params.begin))));
    var start = params.begin;
    while start < params.end {
        let next = start + block_octets;
        let stop = min(next, params.end);
        var sum0 = vec4<f32>();
        var sum1 = vec4<f32>();
        var sum2 = vec4<f32>();
        var sum3 = vec4<f32>();
        for (var octet = start; octet < stop; octet++) {
            let y0 = load_centroid(c0 + octet);
            let y1 = load_centroid(c1 + octet);
            let y2 = load_centroid(c2 + octet);
            let y3 = load_centroid(c3 + octet);
            let x0 = load_point(p0 + octet);
            sum0 += to_four(x0, y0, y1, y2, y3);
            let x1 = load_point(p1 + octet);
            sum1 += to_four(x1, y0, y1, y2, y3);
            let x2 = load_point(p2 + octet);
            sum2 += to_four(x2, y0, y1, y2, y3);
            let x3 = load_point(p3 + octet);
            sum3 += to_four(x3, y0, y1, y2, y3);
        }
        total0 += sum0;
        total1 += sum1;
        total2 += sum2;
        total3 += sum3;
        start = next;
    }
    store_four(row, column, total0);
    store_four(row + 8u, column, total1);
    store_four(row + 16u, column, total2);
    store_four(row + 24u, column, total3);
}
