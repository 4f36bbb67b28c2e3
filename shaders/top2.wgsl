// Top-2 search in two shapes.
//
// `per_invocation` assigns eight rows to an invocation, which keeps their sums with sixteen centroids in registers. It needs
// neither barriers nor workgroup memory: for software rasterizers, which spend their time on loads. `workgroup_tile` assigns
// 64 rows to a workgroup, which loads the rows and 128 centroids at a time into workgroup memory, octet by octet. An invocation
// processes 4 rows by 8 centroids and keeps the best two of its own share in registers. The shares are merged once, at the
// end.
// Concatenated after shared/candidates.wgsl, shared/eight.wgsl and shared/search.wgsl.

@group(0) @binding(0) var<storage, read> rows: array<vec4<f32>>;
// Padded to a multiple of INVOCATION_CENTROIDS.
@group(0) @binding(1) var<storage, read> centroids: array<vec4<f32>>;

const INVOCATION_GROUP: u32 = 32u;
const INVOCATION_ROWS: u32 = 8u;
const INVOCATION_CENTROIDS: u32 = 16u;
const TILE_GROUP: u32 = 256u;
const TILE_ROWS: u32 = 64u;
const TILE_CENTROIDS: u32 = 128u;
// Invocations of a workgroup that share its rows.
const SHARES: u32 = 16u;

// Adds the products of four columns of four rows (one per component) and one centroid.
fn step(sums: vec4<f32>, x: mat4x4<f32>, c: vec4<f32>) -> vec4<f32> {
    let two = fma(x[1], vec4<f32>(c.y), fma(x[0], vec4<f32>(c.x), sums));
    return fma(x[3], vec4<f32>(c.w), fma(x[2], vec4<f32>(c.z), two));
}

// `step` with eight centroids.
fn steps(s: Eight, x: mat4x4<f32>, c: Eight) -> Eight {
    return Eight(
        step(s.e0, x, c.e0), step(s.e1, x, c.e1), step(s.e2, x, c.e2), step(s.e3, x, c.e3),
        step(s.e4, x, c.e4), step(s.e5, x, c.e5), step(s.e6, x, c.e6), step(s.e7, x, c.e7),
    );
}

// Transposes a quad of columns of four rows.
fn columns(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        vec4<f32>(a.x, b.x, c.x, d.x),
        vec4<f32>(a.y, b.y, c.y, d.y),
        vec4<f32>(a.z, b.z, c.z, d.z),
        vec4<f32>(a.w, b.w, c.w, d.w),
    );
}

// --- per_invocation -------------------------------------------------------------------------------------------------------

// The best four of four rows, ascending, and the rows' stamps; a component is a row.
struct Four {
    s0: vec4<f32>,
    s1: vec4<f32>,
    s2: vec4<f32>,
    s3: vec4<f32>,
    p0: vec4<u32>,
    p1: vec4<u32>,
    p2: vec4<u32>,
    p3: vec4<u32>,
    stamps: vec4<u32>,
}

fn keep_four(four: ptr<function, Four>, s: vec4<f32>, place: u32) {
    let p = vec4<u32>(place);
    let f = *four;
    let b0 = s < f.s0;
    let b1 = s < f.s1;
    let b2 = s < f.s2;
    let b3 = s < f.s3;
    (*four).s3 = select(select(f.s3, s, b3), f.s2, b2);
    (*four).p3 = select(select(f.p3, p, b3), f.p2, b2);
    (*four).s2 = select(select(f.s2, s, b2), f.s1, b1);
    (*four).p2 = select(select(f.p2, p, b2), f.p1, b1);
    (*four).s1 = select(select(f.s1, s, b1), f.s0, b0);
    (*four).p1 = select(select(f.p1, p, b1), f.p0, b0);
    (*four).s0 = select(f.s0, s, b0);
    (*four).p0 = select(f.p0, p, b0);
}

// Offers eight consecutive centroids. Most of the time, none of them is kept.
fn keep_eight(four: ptr<function, Four>, sums: Eight, place: u32) {
    let s0 = score(place, sums.e0);
    let s1 = score(place + 1u, sums.e1);
    let s2 = score(place + 2u, sums.e2);
    let s3 = score(place + 3u, sums.e3);
    let s4 = score(place + 4u, sums.e4);
    let s5 = score(place + 5u, sums.e5);
    let s6 = score(place + 6u, sums.e6);
    let s7 = score(place + 7u, sums.e7);
    let lowest = min(min(min(s0, s1), min(s2, s3)), min(min(s4, s5), min(s6, s7)));
    if any(lowest < (*four).s3) {
        let here = params.first_place + place;
        keep_four(four, s0, here);
        keep_four(four, s1, here + 1u);
        keep_four(four, s2, here + 2u);
        keep_four(four, s3, here + 3u);
        keep_four(four, s4, here + 4u);
        keep_four(four, s5, here + 5u);
        keep_four(four, s6, here + 6u);
        keep_four(four, s7, here + 7u);
    }
}

// Four consecutive rows, clamped to the last one.
fn four_rows(first: u32) -> vec4<u32> {
    return min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u));
}

fn load_four(first: u32) -> Four {
    let r = four_rows(first);
    let a = found_so_far(r.x);
    let b = found_so_far(r.y);
    let c = found_so_far(r.z);
    let d = found_so_far(r.w);
    let s = columns(a.scores, b.scores, c.scores, d.scores);
    return Four(
        s[0], s[1], s[2], s[3],
        vec4<u32>(a.places.x, b.places.x, c.places.x, d.places.x),
        vec4<u32>(a.places.y, b.places.y, c.places.y, d.places.y),
        vec4<u32>(a.places.z, b.places.z, c.places.z, d.places.z),
        vec4<u32>(a.places.w, b.places.w, c.places.w, d.places.w),
        vec4<u32>(a.stamp, b.stamp, c.stamp, d.stamp) + vec4<u32>(1u),
    );
}

fn store(row: u32, scores: vec4<f32>, places: vec4<u32>, stamp: u32) {
    if row < params.rows {
        best[row] = Best(scores, places, scores.w, stamp);
    }
}

fn store_four(row: u32, f: Four) {
    let s = columns(f.s0, f.s1, f.s2, f.s3);
    store(row, s[0], vec4<u32>(f.p0.x, f.p1.x, f.p2.x, f.p3.x), f.stamps.x);
    store(row + 1u, s[1], vec4<u32>(f.p0.y, f.p1.y, f.p2.y, f.p3.y), f.stamps.y);
    store(row + 2u, s[2], vec4<u32>(f.p0.z, f.p1.z, f.p2.z, f.p3.z), f.stamps.z);
    store(row + 3u, s[3], vec4<u32>(f.p0.w, f.p1.w, f.p2.w, f.p3.w), f.stamps.w);
}

// The quad at `at` and the same quad of the next seven centroids.
fn eight_quads(at: u32, quads: u32) -> Eight {
    return Eight(
        centroids[at], centroids[at + quads], centroids[at + 2u * quads], centroids[at + 3u * quads],
        centroids[at + 4u * quads], centroids[at + 5u * quads], centroids[at + 6u * quads], centroids[at + 7u * quads],
    );
}

@compute @workgroup_size(INVOCATION_GROUP)
fn per_invocation(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let row = (number * INVOCATION_GROUP + index) * INVOCATION_ROWS;
    if row >= params.rows {
        return;
    }
    let quads = params.stride * 2u;
    let a = four_rows(row) * quads;
    let b = four_rows(row + 4u) * quads;
    var found_a = load_four(row);
    var found_b = load_four(row + 4u);
    for (var place = params.begin; place < params.end; place += INVOCATION_CENTROIDS) {
        var sums_a = Eight();
        var sums_b = Eight();
        var more_a = Eight();
        var more_b = Eight();
        for (var quad = 0u; quad < quads; quad++) {
            let x_a = columns(rows[a.x + quad], rows[a.y + quad], rows[a.z + quad], rows[a.w + quad]);
            let x_b = columns(rows[b.x + quad], rows[b.y + quad], rows[b.z + quad], rows[b.w + quad]);
            let c = eight_quads(place * quads + quad, quads);
            sums_a = steps(sums_a, x_a, c);
            sums_b = steps(sums_b, x_b, c);
            let d = eight_quads((place + 8u) * quads + quad, quads);
            more_a = steps(more_a, x_a, d);
            more_b = steps(more_b, x_b, d);
        }
        keep_eight(&found_a, sums_a, place);
        keep_eight(&found_b, sums_b, place);
        keep_eight(&found_a, more_a, place + 8u);
        keep_eight(&found_b, more_b, place + 8u);
    }
    store_four(row, found_a);
    store_four(row + 4u, found_b);
}

// --- workgroup_tile -------------------------------------------------------------------------------------------------------

// One octet of the current rows and centroids, by quad, then by row or centroid.
var<workgroup> row_quads: array<vec4<f32>, 128>;
var<workgroup> centroid_quads: array<vec4<f32>, 256>;

// Results of the shares of one row: two scores, the lowest score dropped, and two places.
var<workgroup> share_scores: array<vec3<f32>, TILE_GROUP>;
var<workgroup> share_places: array<vec2<u32>, TILE_GROUP>;

// The best two of four rows, and the lowest score dropped; a component is a row.
struct Two {
    s0: vec4<f32>,
    s1: vec4<f32>,
    floor: vec4<f32>,
    p0: vec4<u32>,
    p1: vec4<u32>,
}

fn keep_two(two: ptr<function, Two>, s: vec4<f32>, place: u32) {
    let p = vec4<u32>(place);
    let t = *two;
    let b0 = s < t.s0;
    let b1 = s < t.s1;
    (*two).floor = min(t.floor, select(s, t.s1, b1));
    (*two).s1 = select(select(t.s1, s, b1), t.s0, b0);
    (*two).p1 = select(select(t.p1, p, b1), t.p0, b0);
    (*two).s0 = select(t.s0, s, b0);
    (*two).p0 = select(t.p0, p, b0);
}

// Merges and stores the results of 16 rows. One invocation per row does so: the first of the row's shares.
fn merge(index: u32, row: u32, scores: vec3<f32>, places: vec2<u32>) {
    share_scores[index] = scores;
    share_places[index] = places;
    workgroupBarrier();
    if index % SHARES == 0u && row < params.rows {
        var so_far = found_so_far(row);
        for (var share = index; share < index + SHARES; share++) {
            let found = share_scores[share];
            let at = share_places[share];
            keep_one(&so_far, found.x, at.x);
            keep_one(&so_far, found.y, at.y);
            so_far.floor = min(so_far.floor, found.z);
        }
        so_far.stamp += 1u;
        best[row] = so_far;
    }
    workgroupBarrier();
}

@compute @workgroup_size(TILE_GROUP)
fn workgroup_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let first_row = number * TILE_ROWS;
    // A dispatch can have slightly more workgroups than needed.
    if first_row >= params.rows {
        return;
    }
    let quads = params.stride * 2u;
    let across = index % SHARES;
    let down = (index / SHARES) * 4u;
    let loaded_row = min(first_row + (index % 128u) / 2u, params.rows - 1u) * quads;
    var two = Two(vec4<f32>(NOTHING), vec4<f32>(NOTHING), vec4<f32>(NOTHING), vec4<u32>(NO_PLACE), vec4<u32>(NO_PLACE));
    for (var first = params.begin; first < params.end; first += TILE_CENTROIDS) {
        let loaded_centroid = min(first + index / 2u, params.end - 1u) * quads;
        var sums = Eight();
        for (var octet = 0u; octet < params.stride; octet++) {
            let quad = octet * 2u + index % 2u;
            if index < 128u {
                row_quads[(index % 2u) * TILE_ROWS + index / 2u] = rows[loaded_row + quad];
            }
            centroid_quads[(index % 2u) * TILE_CENTROIDS + index / 2u] = centroids[loaded_centroid + quad];
            workgroupBarrier();
            for (var side = 0u; side < 2u; side++) {
                let r = side * TILE_ROWS + down;
                let c = side * TILE_CENTROIDS + across;
                let x = columns(row_quads[r], row_quads[r + 1u], row_quads[r + 2u], row_quads[r + 3u]);
                let quads_of = Eight(
                    centroid_quads[c], centroid_quads[c + SHARES], centroid_quads[c + 2u * SHARES],
                    centroid_quads[c + 3u * SHARES], centroid_quads[c + 4u * SHARES], centroid_quads[c + 5u * SHARES],
                    centroid_quads[c + 6u * SHARES], centroid_quads[c + 7u * SHARES],
                );
                sums = steps(sums, x, quads_of);
            }
            workgroupBarrier();
        }
        let place = first + across;
        let here = params.first_place + place;
        keep_two(&two, tile_score(place, sums.e0), here);
        keep_two(&two, tile_score(place + SHARES, sums.e1), here + SHARES);
        keep_two(&two, tile_score(place + 2u * SHARES, sums.e2), here + 2u * SHARES);
        keep_two(&two, tile_score(place + 3u * SHARES, sums.e3), here + 3u * SHARES);
        keep_two(&two, tile_score(place + 4u * SHARES, sums.e4), here + 4u * SHARES);
        keep_two(&two, tile_score(place + 5u * SHARES, sums.e5), here + 5u * SHARES);
        keep_two(&two, tile_score(place + 6u * SHARES, sums.e6), here + 6u * SHARES);
        keep_two(&two, tile_score(place + 7u * SHARES, sums.e7), here + 7u * SHARES);
    }
    let row = first_row + down;
    merge(index, row, vec3<f32>(two.s0.x, two.s1.x, two.floor.x), vec2<u32>(two.p0.x, two.p1.x));
    merge(index, row + 1u, vec3<f32>(two.s0.y, two.s1.y, two.floor.y), vec2<u32>(two.p0.y, two.p1.y));
    merge(index, row + 2u, vec3<f32>(two.s0.z, two.s1.z, two.floor.z), vec2<u32>(two.p0.z, two.p1.z));
    merge(index, row + 3u, vec3<f32>(two.s0.w, two.s1.w, two.floor.w), vec2<u32>(two.p0.w, two.p1.w));
}
