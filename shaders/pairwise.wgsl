// A block of the matrix of distances between the rows of a tile and consecutive centroids.
//
// A workgroup processes 32 rows by 32 centroids; an invocation processes 4 by 4 and keeps the sums in registers. Rows and
// centroids past the end are clamped to the last one and not stored. Like own_distance, it processes the octets
// `begin .. end` and can add to the results of an earlier dispatch. The last dispatch takes the square root.
// Concatenated after shared/points.wgsl and shared/distance.wgsl.

struct Params {
    rows: u32,
    // Columns of the block, and the position of the first one among the centroids on the device.
    count: u32,
    first_centroid: u32,
    // Octets per row, of points and centroids alike.
    stride: u32,
    begin: u32,
    end: u32,
    // 1 if an earlier dispatch processed the octets before `begin`.
    accumulate: u32,
    // 1 if this dispatch processes the last octets.
    finish: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    // Always 0; see `settled`.
    zero: u32,
}

// The host recognises a block whose last dispatch ran by `stamp`.
struct MatrixBlock {
    stamp: vec4<u32>,
    distances: array<f32>,
}

@group(0) @binding(3) var<storage, read_write> block: MatrixBlock;
@group(0) @binding(4) var<uniform> params: Params;

const GROUP: u32 = 64u;
// Rows and columns of a workgroup: 8 by 8 invocations with 4 by 4 pairs each.
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
    let points_at = vec4<u32>(point_base(row), point_base(row + 8u), point_base(row + 16u), point_base(row + 24u));
    let centroids_at = vec4<u32>(
        centroid_base(column),
        centroid_base(column + 8u),
        centroid_base(column + 16u),
        centroid_base(column + 24u),
    );
    let parts = four_by_four(points_at, centroids_at, params.begin, params.end, params.zero);
    store_four(row, column, parts[0]);
    store_four(row + 8u, column, parts[1]);
    store_four(row + 16u, column, parts[2]);
    store_four(row + 24u, column, parts[3]);
}
