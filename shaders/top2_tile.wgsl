// Top-2 search with register tiles, for GPUs: an invocation processes 8 rows by 8 centroids.
//
// A workgroup of 256 processes 128 rows by 128 centroids at a time, one of 128 half as many rows. It loads 16 columns of both
// into workgroup memory, column by column, so that four rows, or four centroids, are one load. Every value loaded from there
// takes part in eight products. An invocation keeps the best two of its own share of a row's centroids in registers. The
// shares are merged once, at the end.
// Concatenated after shared/candidates.wgsl, shared/eight.wgsl and shared/search.wgsl.

@group(0) @binding(0) var<storage, read> rows: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> centroids: array<vec4<f32>>;

// A slab holds 16 columns of up to 128 rows and of 128 centroids. A quad is four columns of one row or centroid.
const SLAB_QUADS: u32 = 4u;
const TILE_CENTROIDS: u32 = 128u;
// Room in a column of the slab: groups of four rows, or of four centroids.
const FOURS: u32 = 32u;
// Where the slab's centroids start.
const SLAB_CENTROIDS: u32 = 512u;
// Invocations of a workgroup that share its rows.
const SHARES: u32 = 16u;
const LARGEST_GROUP: u32 = 256u;

// Bits of float32. Holds columns in the loop, and the results of the shares after it.
var<workgroup> slab: array<vec4<u32>, 1024>;

fn slab_values(at: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(slab[at]);
}

// Adds the products of four rows (one per component) and eight centroids in one column.
fn outer(s: Eight, x: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> Eight {
    return Eight(
        fma(x, vec4<f32>(c.x), s.e0), fma(x, vec4<f32>(c.y), s.e1),
        fma(x, vec4<f32>(c.z), s.e2), fma(x, vec4<f32>(c.w), s.e3),
        fma(x, vec4<f32>(d.x), s.e4), fma(x, vec4<f32>(d.y), s.e5),
        fma(x, vec4<f32>(d.z), s.e6), fma(x, vec4<f32>(d.w), s.e7),
    );
}

// Adds the products of the slab's column at `at`.
fn add_column(a: ptr<function, Eight>, b: ptr<function, Eight>, at: u32, across: u32, down: vec2<u32>) {
    let c = slab_values(SLAB_CENTROIDS + at + across);
    let d = slab_values(SLAB_CENTROIDS + at + across + SHARES);
    *a = outer(*a, slab_values(at + down.x), c, d);
    *b = outer(*b, slab_values(at + down.y), c, d);
}

// Stores a quad in its four columns of the slab. `at` is the number of the row or centroid times SLAB_QUADS, plus that of the
// quad.
fn store_quad(start: u32, at: u32, quad: vec4<f32>) {
    let bits = bitcast<vec4<u32>>(quad);
    let number = at / SLAB_QUADS;
    let first = start + at % SLAB_QUADS * 4u * FOURS + number / 4u;
    slab[first][number % 4u] = bits.x;
    slab[first + FOURS][number % 4u] = bits.y;
    slab[first + 2u * FOURS][number % 4u] = bits.z;
    slab[first + 3u * FOURS][number % 4u] = bits.w;
}

// The best two of a share of four rows (one per component), and the lowest score that was dropped. Registers are scarce here,
// so both places share one: the first in the low 16 bits, the second in the high ones. They count the share's centroids.
struct Kept {
    s0: vec4<f32>,
    s1: vec4<f32>,
    floor: vec4<f32>,
    places: vec4<u32>,
}

fn keep(kept: ptr<function, Kept>, s: vec4<f32>, number: u32) {
    let k = *kept;
    let b0 = s < k.s0;
    let b1 = s < k.s1;
    let as_first = (k.places << vec4<u32>(16u)) | vec4<u32>(number);
    let as_second = (k.places & vec4<u32>(0xffffu)) | vec4<u32>(number << 16u);
    (*kept).floor = min(k.floor, select(s, k.s1, b1));
    (*kept).s1 = select(select(k.s1, s, b1), k.s0, b0);
    (*kept).places = select(select(k.places, as_second, b1), as_first, b0);
    (*kept).s0 = select(k.s0, s, b0);
}

// Place of centroid `number` of a share, from the first one of the dispatch. Neighbours are often alike, so they belong to
// different shares.
fn place_of(number: u32, share: u32) -> u32 {
    return number * SHARES + share;
}

// Merges and stores the results of four rows per 16 invocations. One invocation per row does so.
fn merge(index: u32, first_row: u32, kept: Kept) {
    workgroupBarrier();
    let scores = array<vec4<u32>, 2>(bitcast<vec4<u32>>(kept.s0), bitcast<vec4<u32>>(kept.s1));
    let floors = bitcast<vec4<u32>>(kept.floor);
    slab[index] = vec4<u32>(scores[0].x, scores[1].x, floors.x, kept.places.x);
    slab[index + LARGEST_GROUP] = vec4<u32>(scores[0].y, scores[1].y, floors.y, kept.places.y);
    slab[index + 2u * LARGEST_GROUP] = vec4<u32>(scores[0].z, scores[1].z, floors.z, kept.places.z);
    slab[index + 3u * LARGEST_GROUP] = vec4<u32>(scores[0].w, scores[1].w, floors.w, kept.places.w);
    workgroupBarrier();
    let number = index % SHARES;
    let row = first_row + number;
    if number < 4u && row < params.rows {
        var so_far = found_so_far(row);
        let place = params.first_place + params.begin;
        let first = number * LARGEST_GROUP + index - number;
        for (var share = 0u; share < SHARES; share++) {
            let found = slab[first + share];
            keep_one(&so_far, bitcast<f32>(found.x), place + place_of(found.w % 65536u, share));
            keep_one(&so_far, bitcast<f32>(found.y), place + place_of(found.w / 65536u, share));
            so_far.floor = min(so_far.floor, bitcast<f32>(found.z));
        }
        so_far.stamp += 1u;
        best[row] = so_far;
    }
}

// The quad at `at`, or zeros past the last column.
fn row_quad(at: u32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(), rows[at], exists);
}

fn centroid_quad(at: u32, exists: bool) -> vec4<f32> {
    return select(vec4<f32>(), centroids[at], exists);
}

// The centroid at `position` in the slab, clamped to the last one. A share has two groups of four positions, 64 positions
// apart.
fn centroid_at(first: u32, position: u32) -> u32 {
    let number = position / 64u * 4u + position % 4u;
    return min(first + place_of(number, position / 4u % SHARES), params.end - 1u);
}

fn search_tile(group: vec3<u32>, index: u32, invocations: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let first_row = number * (invocations / 2u);
    // A dispatch can have slightly more workgroups than needed.
    if first_row >= params.rows {
        return;
    }
    let quads = params.stride * 2u;
    let across = index % SHARES;
    let down = index / SHARES;
    let further = invocations / SHARES;
    let quarter = invocations / SLAB_QUADS;
    let last_row = params.rows - 1u;
    let row_a = min(first_row + index / SLAB_QUADS, last_row) * quads;
    let row_b = min(first_row + index / SLAB_QUADS + quarter, last_row) * quads;
    var kept_a = Kept(vec4<f32>(NOTHING), vec4<f32>(NOTHING), vec4<f32>(NOTHING), vec4<u32>());
    var kept_b = kept_a;
    var before = 0u;
    for (var first = params.begin; first < params.end; first += TILE_CENTROIDS) {
        let centroid_a = centroid_at(first, index / SLAB_QUADS) * quads;
        let centroid_b = centroid_at(first, index / SLAB_QUADS + quarter) * quads;
        let centroid_c = centroid_at(first, index / SLAB_QUADS + 2u * quarter) * quads;
        let centroid_d = centroid_at(first, index / SLAB_QUADS + 3u * quarter) * quads;
        var sums_a = Eight();
        var sums_b = Eight();
        for (var quad = 0u; quad < quads; quad += SLAB_QUADS) {
            let here = quad + index % SLAB_QUADS;
            let exists = here < quads;
            let column = min(here, quads - 1u);
            let quad_a = row_quad(row_a + column, exists);
            let quad_b = row_quad(row_b + column, exists);
            let quad_c = centroid_quad(centroid_a + column, exists);
            let quad_d = centroid_quad(centroid_b + column, exists);
            workgroupBarrier();
            store_quad(0u, index, quad_a);
            store_quad(0u, index + invocations, quad_b);
            store_quad(SLAB_CENTROIDS, index, quad_c);
            store_quad(SLAB_CENTROIDS, index + invocations, quad_d);
            if invocations < LARGEST_GROUP {
                store_quad(SLAB_CENTROIDS, index + 2u * invocations, centroid_quad(centroid_c + column, exists));
                store_quad(SLAB_CENTROIDS, index + 3u * invocations, centroid_quad(centroid_d + column, exists));
            }
            workgroupBarrier();
            for (var at = 0u; at < SLAB_CENTROIDS; at += 4u * FOURS) {
                add_column(&sums_a, &sums_b, at, across, vec2<u32>(down, down + further));
                add_column(&sums_a, &sums_b, at + FOURS, across, vec2<u32>(down, down + further));
                add_column(&sums_a, &sums_b, at + 2u * FOURS, across, vec2<u32>(down, down + further));
                add_column(&sums_a, &sums_b, at + 3u * FOURS, across, vec2<u32>(down, down + further));
            }
        }
        let place = first + across;
        keep(&kept_a, tile_score(place, sums_a.e0), before);
        keep(&kept_b, tile_score(place, sums_b.e0), before);
        keep(&kept_a, tile_score(place + 1u * SHARES, sums_a.e1), before + 1u);
        keep(&kept_b, tile_score(place + 1u * SHARES, sums_b.e1), before + 1u);
        keep(&kept_a, tile_score(place + 2u * SHARES, sums_a.e2), before + 2u);
        keep(&kept_b, tile_score(place + 2u * SHARES, sums_b.e2), before + 2u);
        keep(&kept_a, tile_score(place + 3u * SHARES, sums_a.e3), before + 3u);
        keep(&kept_b, tile_score(place + 3u * SHARES, sums_b.e3), before + 3u);
        keep(&kept_a, tile_score(place + 4u * SHARES, sums_a.e4), before + 4u);
        keep(&kept_b, tile_score(place + 4u * SHARES, sums_b.e4), before + 4u);
        keep(&kept_a, tile_score(place + 5u * SHARES, sums_a.e5), before + 5u);
        keep(&kept_b, tile_score(place + 5u * SHARES, sums_b.e5), before + 5u);
        keep(&kept_a, tile_score(place + 6u * SHARES, sums_a.e6), before + 6u);
        keep(&kept_b, tile_score(place + 6u * SHARES, sums_b.e6), before + 6u);
        keep(&kept_a, tile_score(place + 7u * SHARES, sums_a.e7), before + 7u);
        keep(&kept_b, tile_score(place + 7u * SHARES, sums_b.e7), before + 7u);
        before += 8u;
    }
    merge(index, first_row + down * 4u, kept_a);
    merge(index, first_row + (down + further) * 4u, kept_b);
}

@compute @workgroup_size(256)
fn rows_128(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    search_tile(group, index, 256u);
}

@compute @workgroup_size(128)
fn rows_64(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    search_tile(group, index, 128u);
}
