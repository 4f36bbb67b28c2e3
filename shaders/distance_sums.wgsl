// Sums of the distances of outer points to short runs of inner points.
//
// A workgroup does one run by 32 outer points, 32 inner points at a time, an invocation 4 by 4. Runs lie within a segment
// and have at most 256 points, so that float32 keeps the contract; the host adds them up. Inner points are read as
// points, outer ones as centroids. The distance of a point to itself is 0 by itself: equal values have no difference.
// Concatenated after shared/distance.wgsl.

struct Params {
    // outer points, and runs that this dispatch does
    outer: u32,
    runs: u32,
    first_run: u32,
    // octets of a row, of inner and outer points alike
    stride: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    // always 0; see `settled`
    zero: u32,
}

// `stamp` tells the host that this very dispatch ran.
struct Sums {
    stamp: vec4<u32>,
    values: array<f32>,
}

// Where each run begins among the inner points, and how many it has.
@group(0) @binding(3) var<storage, read> runs: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> sums: Sums;
@group(0) @binding(5) var<uniform> params: Params;

const GROUP: u32 = 64u;
// Outer points of a workgroup, and the inner points it does at a time: 8 by 8 invocations with 4 by 4 pairs each.
const TILE: u32 = 32u;

// By inner point, then by outer point; a component is one of the four of an invocation.
var<workgroup> shares: array<vec4<f32>, GROUP>;

fn distances(squared: vec4<f32>, counts: bool) -> vec4<f32> {
    return select(vec4<f32>(), sqrt(squared), vec4<bool>(counts));
}

@compute @workgroup_size(GROUP)
fn distance_sums(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    if number == 0u && index == 0u {
        sums.stamp.x = params.stamp;
    }
    let across = (params.outer + TILE - 1u) / TILE;
    let run = number / across;
    // a dispatch can have a few workgroups more than there are runs
    if run >= params.runs {
        return;
    }
    let first_outer = (number % across) * TILE;
    let outer = vec4<u32>(first_outer + index % 8u) + vec4<u32>(0u, 8u, 16u, 24u);
    let outer_at = min(outer, vec4<u32>(params.outer - 1u)) * params.stride;
    let begin = runs[params.first_run + run].x;
    let end = begin + runs[params.first_run + run].y;
    var total = vec4<f32>();
    for (var first = begin; first < end; first += TILE) {
        let inner = vec4<u32>(first + index / 8u) + vec4<u32>(0u, 8u, 16u, 24u);
        let inner_at = min(inner, vec4<u32>(end - 1u)) * params.stride;
        let squared = four_by_four(inner_at, outer_at, 0u, params.stride, params.zero);
        let near = distances(squared[0], inner.x < end) + distances(squared[1], inner.y < end);
        total += near + (distances(squared[2], inner.z < end) + distances(squared[3], inner.w < end));
    }
    shares[index] = total;
    workgroupBarrier();
    if index < 8u {
        var sum = shares[index];
        for (var row = 1u; row < 8u; row++) {
            sum += shares[row * 8u + index];
        }
        let place = run * params.outer;
        if outer.x < params.outer {
            sums.values[place + outer.x] = sum.x;
        }
        if outer.y < params.outer {
            sums.values[place + outer.y] = sum.y;
        }
        if outer.z < params.outer {
            sums.values[place + outer.z] = sum.z;
        }
        if outer.w < params.outer {
            sums.values[place + outer.w] = sum.w;
        }
    }
}
