// Subtracts the job's centre from the rows of a tile, as float32. Searches and sums read these rows, so a common offset costs
// them no accuracy.
//
// The centre is read as a centroid with hi/lo parts. An invocation processes one octet. The tile consists of the first rows
// of the points, or of those that `list` names.
// Concatenated after shared/points.wgsl and shared/distance.wgsl.

struct Params {
    // Octets of the tile, and of one row.
    octets: u32,
    stride: u32,
    // 1 if `list` maps rows of the tile to rows of the points.
    listed: u32,
    groups_x: u32,
    first_group: u32,
    // Always 0; see `settled`.
    zero: u32,
}

@group(0) @binding(3) var<storage, read> list: array<u32>;
@group(0) @binding(4) var<storage, read_write> centred: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> params: Params;

const GROUP: u32 = 64u;

@compute @workgroup_size(GROUP)
fn centre(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let octet = number * GROUP + index;
    if octet < params.octets {
        let column = octet % params.stride;
        var at = octet;
        if params.listed == 1u {
            at = list[octet / params.stride] * params.stride + column;
        }
        let value = difference(load_point(at), load_centroid(column), params.zero);
        centred[octet * 2u] = value.a;
        centred[octet * 2u + 1u] = value.b;
    }
}
