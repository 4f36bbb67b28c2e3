// Takes the candidates that a search in float16 nominated, computes their scores again in float32, and lowers the floor by
// the largest error of that search. ops/half_search.rs derives the bound.
//
// 16 invocations share a row. A dispatch computes the scores of the centroids of one block; the last one sorts the
// candidates. Concatenated after shared/candidates.wgsl.

struct Params {
    rows: u32,
    // Octets of a row in float32 and in float16.
    stride: u32,
    half_stride: u32,
    // Position of the block's first centroid among all searched ones, and the block's number of centroids.
    first_place: u32,
    places: u32,
    // 1 for the last block.
    last: u32,
    groups_x: u32,
    first_group: u32,
    // Factor of rows in float16.
    scale: f32,
    // Largest norm of a centroid, and of the change of a centroid by rounding to float16.
    longest: f32,
    rounding: f32,
    // The part of that change which doesn't shrink with the centroid: values replaced by 0.
    flushed: f32,
    // Largest error of a score from adding up products, relative to |x| |c|.
    adding: f32,
    // Largest error of a norm from centring.
    offset: f32,
}

@group(0) @binding(0) var<storage, read> rows: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> halves: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> centroids: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read_write> best: array<Best>;
@group(0) @binding(5) var<uniform> params: Params;

const GROUP: u32 = 64u;
// Invocations that share a row.
const SHARES: u32 = 16u;
// 2^-20, for the rounding of norms and scores; 2^-40, for sums of scaled squares that underflow.
const ROUNDING: f32 = 0.00000095367431640625;
const UNDERFLOW: f32 = 0.0000000000009094947017729282379150390625;
// A little more than 2^-11, the largest relative error of rounding to float16.
const HALF_UNIT: f32 = 0.0005;

// Sums over an invocation's columns: products with the four candidates; squares of the scaled values, and of their changes by
// float16.
var<workgroup> products: array<vec4<f32>, GROUP>;
var<workgroup> squares: array<vec2<f32>, GROUP>;

// A quad of a row in float16.
fn half_quad(row: u32, quad: u32) -> vec4<f32> {
    let octet = halves[row * params.half_stride + quad / 2u];
    let pair = select(octet.xy, octet.zw, quad % 2u == 1u);
    return vec4<f32>(unpack2x16float(pair.x), unpack2x16float(pair.y));
}

// The largest error of a score in float16 among the centroids that can be nearer than the second candidate, whose score is
// `second`.
fn largest_error(scaled_squares: vec2<f32>, second: f32) -> f32 {
    let x = (1.02 * sqrt(scaled_squares.x) + UNDERFLOW) / params.scale;
    let x_off = (1.02 * sqrt(scaled_squares.y) + UNDERFLOW) / params.scale;
    // A centroid with a larger norm than |x| + |x - c| of the second candidate c is farther away than c.
    let distance = sqrt(1.25 * max(x * x + second, 0.0) + 0.25 * x * x);
    let reach = min(params.longest, 1.05 * x + distance + params.offset);
    let c_off = min(params.rounding, HALF_UNIT * reach + params.flushed);
    let dropped = 2.2 * (x_off * reach + (x + x_off) * c_off);
    return dropped + params.adding * (x + x_off) * (reach + c_off) + ROUNDING * reach * (reach + x);
}

@compute @workgroup_size(GROUP)
fn refine(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let first_row = number * (GROUP / SHARES);
    // A dispatch can have slightly more workgroups than needed.
    if first_row >= params.rows {
        return;
    }
    let row = min(first_row + index / SHARES, params.rows - 1u);
    let found = best[row];
    let places = found.places - vec4<u32>(params.first_place);
    let in_block = places < vec4<u32>(params.places);
    let known = select(vec4<u32>(), places, in_block);
    let quads = params.stride * 2u;
    let starts = known * quads;
    var dots = vec4<f32>();
    var sums = vec2<f32>();
    for (var quad = index % SHARES; quad < quads; quad += SHARES) {
        let x = rows[row * quads + quad];
        let c = mat4x4<f32>(
            centroids[starts.x + quad], centroids[starts.y + quad], centroids[starts.z + quad], centroids[starts.w + quad],
        );
        dots += x * c;
        let scaled = x * params.scale;
        let off = scaled - half_quad(row, quad);
        sums += vec2<f32>(dot(scaled, scaled), dot(off, off));
    }
    products[index] = dots;
    squares[index] = sums;
    workgroupBarrier();
    if index % SHARES != 0u || first_row + index / SHARES >= params.rows {
        return;
    }
    for (var share = index + 1u; share < index + SHARES; share++) {
        dots += products[share];
        sums += squares[share];
    }
    let block_norms = vec4<f32>(norms[known.x], norms[known.y], norms[known.z], norms[known.w]);
    let scores = select(found.scores, fma(vec4<f32>(-2.0), dots, block_norms), in_block);
    if params.last == 0u {
        best[row] = Best(scores, found.places, found.floor, found.stamp + 1u);
        return;
    }
    var sorted = Best(vec4<f32>(NOTHING), vec4<u32>(NO_PLACE), NOTHING, found.stamp + 1u);
    keep_one(&sorted, scores.x, found.places.x);
    keep_one(&sorted, scores.y, found.places.y);
    keep_one(&sorted, scores.z, found.places.z);
    keep_one(&sorted, scores.w, found.places.w);
    sorted.floor = found.floor - largest_error(sums, sorted.scores.y);
    best[row] = sorted;
}
