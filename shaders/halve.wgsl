// Converts centred rows to float16 for the cooperative search, scaled by a power of two.
//
// An invocation converts eight columns. Values below float16's normal range become 0, so that results don't depend on whether
// a device keeps subnormal numbers.

struct Params {
    // Octets of the tile in float16, of one of its rows, and of a row in float32.
    octets: u32,
    half_stride: u32,
    stride: u32,
    scale: f32,
    groups_x: u32,
    first_group: u32,
}

@group(0) @binding(0) var<storage, read> rows: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> halves: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

const GROUP: u32 = 64u;
const SMALLEST_NORMAL: f32 = 0.00006103515625;

fn half_quad(quad: vec4<f32>) -> vec2<u32> {
    let scaled = quad * params.scale;
    let kept = select(scaled, vec4<f32>(), abs(scaled) < vec4<f32>(SMALLEST_NORMAL));
    return vec2<u32>(pack2x16float(kept.xy), pack2x16float(kept.zw));
}

@compute @workgroup_size(GROUP)
fn halve(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let octet = number * GROUP + index;
    if octet >= params.octets {
        return;
    }
    let column = octet % params.half_stride;
    var value = vec4<u32>();
    if column < params.stride {
        let at = (octet / params.half_stride * params.stride + column) * 2u;
        value = vec4<u32>(half_quad(rows[at]), half_quad(rows[at + 1u]));
    }
    halves[octet] = value;
}
