// Top-2 search with cooperative matrices: float16 rows and centroids, products added in float32.
//
// Rows and centroids are scaled by powers of two; `params.unscale` undoes that. Rounding to float16 makes scores inexact, so
// this kernel only nominates: `refine` computes the candidates' scores again and lowers the floor by the largest error.
//
// A workgroup of 256 processes 128 rows by 128 centroids at a time, from slabs of 32 columns in workgroup memory. It consists
// of eight teams of 32 invocations; a team computes 64 by 32 scores in eight fragments of 16 by 16. A team is one subgroup,
// or several that compute the same. With two buffers, the next slab is loaded while the current one is multiplied.
// Concatenated after `enable` directives, shared/candidates.wgsl and shared/search.wgsl.

// Slabs in workgroup memory: 1 or 2.
override BUFFERS: u32 = 1u;

// Columns come in fours: vectors of four float16. A row has a multiple of SLAB of them.
@group(0) @binding(0) var<storage, read> rows: array<vec4<f16>>;
@group(0) @binding(1) var<storage, read> centroids: array<vec4<f16>>;

const GROUP: u32 = 256u;
const TEAM: u32 = 32u;
const TILE: u32 = 128u;
const SLAB: u32 = 8u;
// Fours of columns from one row of a slab to the next. Two more than SLAB, so that rows lie in different banks.
const STRIDE: u32 = 10u;
const SLAB_SIZE: u32 = 1280u;
const FRAGMENT: u32 = 256u;
// Invocations that share a row.
const SHARES: u32 = 8u;

var<workgroup> row_slab: array<vec4<f16>, SLAB_SIZE * BUFFERS>;
var<workgroup> centroid_slab: array<vec4<f16>, SLAB_SIZE * BUFFERS>;
// One fragment per team; the results of the shares at the end.
var<workgroup> products: array<f32, 2048>;

// The best two of a share of a row, and the lowest score that was dropped. Places count from the first centroid of the
// dispatch.
struct Kept {
    s0: f32,
    s1: f32,
    floor: f32,
    p0: u32,
    p1: u32,
}

// What an invocation loads of a slab: four columns of each of four rows.
struct Loaded {
    a: vec4<f16>,
    b: vec4<f16>,
    c: vec4<f16>,
    d: vec4<f16>,
}

fn load_rows(at: vec4<u32>, column: u32) -> Loaded {
    return Loaded(rows[at.x + column], rows[at.y + column], rows[at.z + column], rows[at.w + column]);
}

fn load_centroids(at: vec4<u32>, column: u32) -> Loaded {
    return Loaded(centroids[at.x + column], centroids[at.y + column], centroids[at.z + column], centroids[at.w + column]);
}

fn store_slabs(start: u32, r: Loaded, c: Loaded) {
    row_slab[start] = r.a;
    row_slab[start + TEAM * STRIDE] = r.b;
    row_slab[start + 2u * TEAM * STRIDE] = r.c;
    row_slab[start + 3u * TEAM * STRIDE] = r.d;
    centroid_slab[start] = c.a;
    centroid_slab[start + TEAM * STRIDE] = c.b;
    centroid_slab[start + 2u * TEAM * STRIDE] = c.c;
    centroid_slab[start + 3u * TEAM * STRIDE] = c.d;
}

// A tile's centroid at `position` in the slab. Neighbours are often alike, so they belong to different shares: those of a
// pair of teams, and of the halves of a fragment's columns.
fn place_of(position: u32) -> u32 {
    let share = position / 32u * 2u + position / 8u % 2u;
    let number = position / 16u % 2u * 8u + position % 8u;
    return number * SHARES + share;
}

// Offers a row half of its team's fragment, whose first centroid is at `position` in the slab.
fn keep_eight(kept: ptr<function, Kept>, index: u32, first: u32, position: u32) {
    let lane = index % TEAM;
    let half = lane / 16u * 8u;
    let at = index / TEAM * FRAGMENT + lane % 16u * 16u + half;
    for (var number = 0u; number < 8u; number++) {
        let place = first + place_of(position + half + number);
        let norm = norms[min(place, params.end - 1u)];
        let score = select(NOTHING, fma(-2.0 * params.unscale, products[at + number], norm), place < params.end);
        let k = *kept;
        let b0 = score < k.s0;
        let b1 = score < k.s1;
        let from_begin = place - params.begin;
        (*kept).floor = min(k.floor, select(score, k.s1, b1));
        (*kept).s1 = select(select(k.s1, score, b1), k.s0, b0);
        (*kept).p1 = select(select(k.p1, from_begin, b1), k.p0, b0);
        (*kept).s0 = select(k.s0, score, b0);
        (*kept).p0 = select(k.p0, from_begin, b0);
    }
}

// Merges and stores the results of 16 rows of each team, from its row `offset` on. One invocation per row does so. The places
// are below 2^24, so float32 holds them.
fn merge(index: u32, first_row: u32, offset: u32, kept: Kept) {
    workgroupBarrier();
    products[index] = kept.s0;
    products[index + GROUP] = kept.s1;
    products[index + 2u * GROUP] = kept.floor;
    products[index + 3u * GROUP] = f32(kept.p0);
    products[index + 4u * GROUP] = f32(kept.p1);
    workgroupBarrier();
    let row = first_row + index / 16u * 64u + offset + index % 16u;
    if index < 32u && row < params.rows {
        var so_far = found_so_far(row);
        let place = params.first_place + params.begin;
        for (var share = 0u; share < SHARES; share++) {
            // Every other team has the same rows.
            let at = (index / 16u + share / 2u * 2u) * TEAM + share % 2u * 16u + index % 16u;
            keep_one(&so_far, products[at], place + u32(products[at + 3u * GROUP]));
            keep_one(&so_far, products[at + GROUP], place + u32(products[at + 4u * GROUP]));
            so_far.floor = min(so_far.floor, products[at + 2u * GROUP]);
        }
        so_far.stamp += 1u;
        best[row] = so_far;
    }
}

@compute @workgroup_size(GROUP)
fn nominate(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let first_row = number * TILE;
    // A dispatch can have slightly more workgroups than needed.
    if first_row >= params.rows {
        return;
    }
    let team = index / TEAM;
    let team_rows = team % 2u * 64u * STRIDE;
    let team_centroids = team / 2u * 32u;
    let fours = params.stride * 2u;
    let stored = index / SLAB * STRIDE + index % SLAB;
    let numbers = vec4<u32>(index / SLAB) + vec4<u32>(0u, 32u, 64u, 96u);
    let row_starts = min(numbers + vec4<u32>(first_row), vec4<u32>(params.rows - 1u)) * fours + vec4<u32>(index % SLAB);
    let tile_places =
        vec4<u32>(place_of(numbers.x), place_of(numbers.y), place_of(numbers.z), place_of(numbers.w));
    var kept_0 = Kept(NOTHING, NOTHING, NOTHING, 0u, 0u);
    var kept_1 = kept_0;
    var kept_2 = kept_0;
    var kept_3 = kept_0;
    for (var first = params.begin; first < params.end; first += TILE) {
        let places = min(tile_places + vec4<u32>(first), vec4<u32>(params.end - 1u));
        let centroid_starts = places * fours + vec4<u32>(index % SLAB);
        var f00 = coop_mat16x16<f32, C>();
        var f01 = coop_mat16x16<f32, C>();
        var f10 = coop_mat16x16<f32, C>();
        var f11 = coop_mat16x16<f32, C>();
        var f20 = coop_mat16x16<f32, C>();
        var f21 = coop_mat16x16<f32, C>();
        var f30 = coop_mat16x16<f32, C>();
        var f31 = coop_mat16x16<f32, C>();
        var r = load_rows(row_starts, 0u);
        var c = load_centroids(centroid_starts, 0u);
        workgroupBarrier();
        store_slabs(stored, r, c);
        workgroupBarrier();
        var buffer = 0u;
        for (var column = 0u; column < fours; column += SLAB) {
            // In the last round there is no next slab: loading the last one again keeps the loop free of branches.
            let next = min(column + SLAB, fours - SLAB);
            r = load_rows(row_starts, next);
            c = load_centroids(centroid_starts, next);
            for (var part = 0u; part < SLAB; part += 4u) {
                let row_at = buffer * SLAB_SIZE + team_rows + part;
                let centroid_at = buffer * SLAB_SIZE + team_centroids * STRIDE + part;
                let x0 = coopLoadT<coop_mat16x16<f16, A>>(&row_slab[row_at], STRIDE);
                let x1 = coopLoadT<coop_mat16x16<f16, A>>(&row_slab[row_at + 16u * STRIDE], STRIDE);
                let x2 = coopLoadT<coop_mat16x16<f16, A>>(&row_slab[row_at + 32u * STRIDE], STRIDE);
                let x3 = coopLoadT<coop_mat16x16<f16, A>>(&row_slab[row_at + 48u * STRIDE], STRIDE);
                let y0 = coopLoad<coop_mat16x16<f16, B>>(&centroid_slab[centroid_at], STRIDE);
                f00 = coopMultiplyAdd(x0, y0, f00);
                f10 = coopMultiplyAdd(x1, y0, f10);
                f20 = coopMultiplyAdd(x2, y0, f20);
                f30 = coopMultiplyAdd(x3, y0, f30);
                let y1 = coopLoad<coop_mat16x16<f16, B>>(&centroid_slab[centroid_at + 16u * STRIDE], STRIDE);
                f01 = coopMultiplyAdd(x0, y1, f01);
                f11 = coopMultiplyAdd(x1, y1, f11);
                f21 = coopMultiplyAdd(x2, y1, f21);
                f31 = coopMultiplyAdd(x3, y1, f31);
            }
            buffer = (buffer + 1u) % BUFFERS;
            if BUFFERS == 1u {
                workgroupBarrier();
            }
            store_slabs(buffer * SLAB_SIZE + stored, r, c);
            workgroupBarrier();
        }
        // Where a team is one subgroup, a subgroup barrier would suffice, but naga's doesn't order workgroup memory.
        let at = team * FRAGMENT;
        coopStoreT(f00, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_0, index, first, team_centroids);
        workgroupBarrier();
        coopStoreT(f01, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_0, index, first, team_centroids + 16u);
        workgroupBarrier();
        coopStoreT(f10, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_1, index, first, team_centroids);
        workgroupBarrier();
        coopStoreT(f11, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_1, index, first, team_centroids + 16u);
        workgroupBarrier();
        coopStoreT(f20, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_2, index, first, team_centroids);
        workgroupBarrier();
        coopStoreT(f21, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_2, index, first, team_centroids + 16u);
        workgroupBarrier();
        coopStoreT(f30, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_3, index, first, team_centroids);
        workgroupBarrier();
        coopStoreT(f31, &products[at], 16u);
        workgroupBarrier();
        keep_eight(&kept_3, index, first, team_centroids + 16u);
        workgroupBarrier();
    }
    merge(index, first_row, 0u, kept_0);
    merge(index, first_row, 16u, kept_1);
    merge(index, first_row, 32u, kept_2);
    merge(index, first_row, 48u, kept_3);
}
