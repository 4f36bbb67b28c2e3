// What the kernels of the top-2 search share: parameters, bindings, and scores.
//
// Rows and centroids are centred. A kernel finds the centroids with the four lowest scores of each row among a range of
// centroids, and merges them with the results of earlier dispatches.
// Concatenated after shared/candidates.wgsl. The kernels declare bindings 0 and 1, the rows and the centroids.

struct Params {
    rows: u32,
    // Octets per row, of rows and centroids alike.
    stride: u32,
    // Range of the block's centroids that this dispatch processes.
    begin: u32,
    end: u32,
    // Position of the block's first centroid among all searched ones.
    first_place: u32,
    // 1 for the first dispatch of a search.
    fresh: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
    // Factor that undoes the scaling of rows and centroids in a sum of products; 1 in float32.
    unscale: f32,
}

// |c|^2; NOTHING for padding.
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read_write> best: array<Best>;
@group(0) @binding(4) var<uniform> params: Params;

fn score(place: u32, sums: vec4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(-2.0), sums, vec4<f32>(norms[place]));
}

// The scores of one centroid, or NOTHING past the last one. The load is clamped instead of skipped: a branch would make the
// eight loads wait for each other.
fn tile_score(place: u32, sums: vec4<f32>) -> vec4<f32> {
    return select(vec4<f32>(NOTHING), score(min(place, params.end - 1u), sums), place < params.end);
}

// The results of earlier dispatches.
fn found_so_far(row: u32) -> Best {
    if params.fresh == 1u {
        return Best(vec4<f32>(NOTHING), vec4<u32>(NO_PLACE), NOTHING, params.stamp - 1u);
    }
    return best[row];
}
