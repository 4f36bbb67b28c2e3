// Sums of the distances of outer points to short runs of inner points.
//
// A workgroup processes one run and 32 outer points, 32 inner points at a time; an invocation processes 4 by 4 pairs. Runs lie
// within a segment and have at most 256 points, so float32 is accurate enough; the host adds them up. Inner points are read
// as points, outer ones as centroids. The distance of a point to itself needs no special case: the differences are 0.
// Concatenated after shared/points.wgsl and shared/distance.wgsl.

struct Params {
    // Outer points, and the row of the first one in its buffer.
    outer: u32,
    first_outer: u32,
    // Number of the inner buffer's first point, in the numbers of the runs.
    first_inner: u32,
    // Runs of this dispatch.
    runs: u32,
    first_run: u32,
    // Octets per row, of inner and outer points alike.
    stride: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    // Always 0; see `settled`.
    zero: u32,
    unused_a: u32,
    unused_b: u32,
}

// The host recognises results of this dispatch by `stamp`.
struct StampedSums {
    stamp: vec4<u32>,
    values: array<f32>,
}

// First point of each run, and its number of points.
@group(0) @binding(3) var<storage, read> runs: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> sums: StampedSums;
@group(0) @binding(5) var<uniform> params: Params;

const GROUP: u32 = 64u;
// Outer points of a workgroup, and inner points that it processes at a time: 8 by 8 invocations with 4 by 4 pairs each.
const TILE: u32 = 32u;

// By inner point, then by outer point; the components are the four outer points of an invocation.
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
    // A dispatch can have slightly more workgroups than needed.
    if run >= params.runs {
        return;
    }
    let first_outer = (number % across) * TILE;
    let outer = vec4<u32>(first_outer + index % 8u) + vec4<u32>(0u, 8u, 16u, 24u);
    let outer_at = (min(outer, vec4<u32>(params.outer - 1u)) + vec4<u32>(params.first_outer)) * params.stride;
    let begin = runs[params.first_run + run].x - params.first_inner;
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
