// Copies some rows of the centred tile to a buffer of their own.
//
// An invocation copies four columns.

struct Params {
    // Quads (four columns) of all copied rows, and of one row.
    quads: u32,
    row_quads: u32,
    groups_x: u32,
    first_group: u32,
}

@group(0) @binding(0) var<storage, read> rows: array<vec4<f32>>;
// The number of each copied row in the tile.
@group(0) @binding(1) var<storage, read> numbers: array<u32>;
@group(0) @binding(2) var<storage, read_write> copied: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Params;

const GROUP: u32 = 64u;

@compute @workgroup_size(GROUP)
fn gather_rows(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let quad = number * GROUP + index;
    if quad < params.quads {
        copied[quad] = rows[numbers[quad / params.row_quads] * params.row_quads + quad % params.row_quads];
    }
}
