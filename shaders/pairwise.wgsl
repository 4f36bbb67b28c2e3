// A block of the matrix of distances between the rows of a tile and consecutive centroids.
//
// A workgroup does 32 rows by 16 centroids, an invocation 4 by 2 with the sums in registers. Rows and centroids past the
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
    unused: u32,
}

// `stamp` tells the host that this very dispatch ran.
struct Block {
    stamp: vec4<u32>,
    distances: array<f32>,
}

@group(0) @binding(3) var<storage, read_write> block: Block;
@group(0) @binding(4) var<uniform> params: Params;

const GROUP: u32 = 64u;
// Rows and columns that a workgroup does: 8 by 8 invocations with 4 by 2 pairs each.
override TILE_ROWS: u32 = 32u;
override TILE_COLUMNS: u32 = 16u;

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

@compute @workgroup_size(GROUP)
fn pairwise(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let tiles_across = (params.count + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let row = (number / tiles_across) * TILE_ROWS + index / 8u;
    let column = (number % tiles_across) * TILE_COLUMNS + index % 8u;
    if number == 0u && index == 0u {
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
    var left = vec4<f32>();
    var right = vec4<f32>();
    var start = params.begin;
    while start < params.end {
        let next = start + BLOCK_OCTETS;
        let stop = min(next, params.end);
        var s00 = vec4<f32>();
        var s10 = vec4<f32>();
        var s20 = vec4<f32>();
        var s30 = vec4<f32>();
        var s01 = vec4<f32>();
        var s11 = vec4<f32>();
        var s21 = vec4<f32>();
        var s31 = vec4<f32>();
        for (var octet = start; octet < stop; octet++) {
            let near = load_centroid(c0 + octet);
            let far = load_centroid(c1 + octet);
            let x0 = load_point(p0 + octet);
            s00 = add_squares(s00, x0, near);
            s01 = add_squares(s01, x0, far);
            let x1 = load_point(p1 + octet);
            s10 = add_squares(s10, x1, near);
            s11 = add_squares(s11, x1, far);
            let x2 = load_point(p2 + octet);
            s20 = add_squares(s20, x2, near);
            s21 = add_squares(s21, x2, far);
            let x3 = load_point(p3 + octet);
            s30 = add_squares(s30, x3, near);
            s31 = add_squares(s31, x3, far);
        }
        left += vec4<f32>(across(s00), across(s10), across(s20), across(s30));
        right += vec4<f32>(across(s01), across(s11), across(s21), across(s31));
        start = next;
    }
    store(row, column, left.x);
    store(row + 8u, column, left.y);
    store(row + 16u, column, left.z);
    store(row + 24u, column, left.w);
    store(row, column + 8u, right.x);
    store(row + 8u, column + 8u, right.y);
    store(row + 16u, column + 8u, right.z);
    store(row + 24u, column + 8u, right.w);
}
