// The centroids with the four lowest scores |c|^2 - 2 x.c of each row, over a range of centroids, added to what earlier
// dispatches found. Rows and centroids are centred. The host takes the nearest two from the four by direct difference; by
// `floor`, below which no other score is, it knows when they can't be told from the four.
//
// `lane` gives four rows to an invocation, with eight centroids' sums in registers: no barrier and no workgroup memory, for
// software rasterizers. `team` gives 64 rows to a workgroup, which brings rows and 128 centroids at a time into workgroup
// memory, octet by octet; an invocation does 4 by 8 of them and keeps the best two of its own share in registers. The
// shares are merged once, at the end.

struct Params {
    rows: u32,
    // octets of a row, of rows and centroids alike
    stride: u32,
    // centroids of the block that this dispatch does
    begin: u32,
    end: u32,
    // place of the block's first centroid among all
    first_place: u32,
    // 1 where no dispatch has gone before
    fresh: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
}

// What a row has so far. The first dispatch sets `stamp`, the others count it up: the host knows that all of them ran.
struct Best {
    scores: vec4<f32>,
    places: vec4<u32>,
    floor: f32,
    stamp: u32,
}

@group(0) @binding(0) var<storage, read> rows: array<vec4<f32>>;
// padded to a multiple of eight centroids
@group(0) @binding(1) var<storage, read> centroids: array<vec4<f32>>;
// |c|^2; NOTHING for padding
@group(0) @binding(2) var<storage, read> norms: array<f32>;
@group(0) @binding(3) var<storage, read_write> best: array<Best>;
@group(0) @binding(4) var<uniform> params: Params;

const LANE_GROUP: u32 = 64u;
const LANE_ROWS: u32 = 4u;
const TEAM_GROUP: u32 = 256u;
const TEAM_ROWS: u32 = 64u;
const TEAM_CENTROIDS: u32 = 128u;
// Invocations of a team that share its rows.
const SHARES: u32 = 16u;

// Larger than any score; a centroid with this score is none.
const NOTHING: f32 = 3.4028234e38;
const NO_PLACE: u32 = 0xffffffffu;

// Adds four columns of four rows (component by component) times those of one centroid.
fn step(sums: vec4<f32>, x: mat4x4<f32>, c: vec4<f32>) -> vec4<f32> {
    let two = fma(x[1], vec4<f32>(c.y), fma(x[0], vec4<f32>(c.x), sums));
    return fma(x[3], vec4<f32>(c.w), fma(x[2], vec4<f32>(c.z), two));
}

fn columns(a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        vec4<f32>(a.x, b.x, c.x, d.x),
        vec4<f32>(a.y, b.y, c.y, d.y),
        vec4<f32>(a.z, b.z, c.z, d.z),
        vec4<f32>(a.w, b.w, c.w, d.w),
    );
}

fn score(place: u32, sums: vec4<f32>) -> vec4<f32> {
    return fma(vec4<f32>(-2.0), sums, vec4<f32>(norms[place]));
}

// --- lane -------------------------------------------------------------------------------------------------------

// The best four of four rows, ascending; a component is a row.
struct Four {
    s0: vec4<f32>,
    s1: vec4<f32>,
    s2: vec4<f32>,
    s3: vec4<f32>,
    p0: vec4<u32>,
    p1: vec4<u32>,
    p2: vec4<u32>,
    p3: vec4<u32>,
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

fn found_so_far(row: u32) -> Best {
    if params.fresh == 1u {
        return Best(vec4<f32>(NOTHING), vec4<u32>(NO_PLACE), NOTHING, params.stamp - 1u);
    }
    return best[row];
}

fn store(row: u32, before: Best, scores: vec4<f32>, places: vec4<u32>) {
    if row < params.rows {
        best[row] = Best(scores, places, scores.w, before.stamp + 1u);
    }
}

@compute @workgroup_size(LANE_GROUP)
fn lane(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let row = (number * LANE_GROUP + index) * LANE_ROWS;
    if row >= params.rows {
        return;
    }
    let quads = params.stride * 2u;
    let last = params.rows - 1u;
    let row1 = min(row + 1u, last);
    let row2 = min(row + 2u, last);
    let row3 = min(row + 3u, last);
    let x0 = row * quads;
    let x1 = row1 * quads;
    let x2 = row2 * quads;
    let x3 = row3 * quads;
    let before0 = found_so_far(row);
    let before1 = found_so_far(row1);
    let before2 = found_so_far(row2);
    let before3 = found_so_far(row3);
    let s = transpose(mat4x4<f32>(before0.scores, before1.scores, before2.scores, before3.scores));
    let q0 = before0.places;
    let q1 = before1.places;
    let q2 = before2.places;
    let q3 = before3.places;
    var four = Four(s[0], s[1], s[2], s[3],
        vec4<u32>(q0.x, q1.x, q2.x, q3.x), vec4<u32>(q0.y, q1.y, q2.y, q3.y),
        vec4<u32>(q0.z, q1.z, q2.z, q3.z), vec4<u32>(q0.w, q1.w, q2.w, q3.w));
    for (var place = params.begin; place < params.end; place += 8u) {
        let c = place * quads;
        var sum0 = vec4<f32>();
        var sum1 = vec4<f32>();
        var sum2 = vec4<f32>();
        var sum3 = vec4<f32>();
        var sum4 = vec4<f32>();
        var sum5 = vec4<f32>();
        var sum6 = vec4<f32>();
        var sum7 = vec4<f32>();
        for (var quad = 0u; quad < quads; quad++) {
            let x = columns(rows[x0 + quad], rows[x1 + quad], rows[x2 + quad], rows[x3 + quad]);
            sum0 = step(sum0, x, centroids[c + quad]);
            sum1 = step(sum1, x, centroids[c + quads + quad]);
            sum2 = step(sum2, x, centroids[c + 2u * quads + quad]);
            sum3 = step(sum3, x, centroids[c + 3u * quads + quad]);
            sum4 = step(sum4, x, centroids[c + 4u * quads + quad]);
            sum5 = step(sum5, x, centroids[c + 5u * quads + quad]);
            sum6 = step(sum6, x, centroids[c + 6u * quads + quad]);
            sum7 = step(sum7, x, centroids[c + 7u * quads + quad]);
        }
        let here = params.first_place + place;
        keep_four(&four, score(place, sum0), here);
        keep_four(&four, score(place + 1u, sum1), here + 1u);
        keep_four(&four, score(place + 2u, sum2), here + 2u);
        keep_four(&four, score(place + 3u, sum3), here + 3u);
        keep_four(&four, score(place + 4u, sum4), here + 4u);
        keep_four(&four, score(place + 5u, sum5), here + 5u);
        keep_four(&four, score(place + 6u, sum6), here + 6u);
        keep_four(&four, score(place + 7u, sum7), here + 7u);
    }
    let t = transpose(mat4x4<f32>(four.s0, four.s1, four.s2, four.s3));
    store(row, before0, t[0], vec4<u32>(four.p0.x, four.p1.x, four.p2.x, four.p3.x));
    store(row + 1u, before1, t[1], vec4<u32>(four.p0.y, four.p1.y, four.p2.y, four.p3.y));
    store(row + 2u, before2, t[2], vec4<u32>(four.p0.z, four.p1.z, four.p2.z, four.p3.z));
    store(row + 3u, before3, t[3], vec4<u32>(four.p0.w, four.p1.w, four.p2.w, four.p3.w));
}

// --- team -------------------------------------------------------------------------------------------------------

// One octet of the rows and of the centroids under way, by quad, then by row or centroid.
var<workgroup> row_quads: array<vec4<f32>, 128>;
var<workgroup> centroid_quads: array<vec4<f32>, 256>;

// What the shares of one row found: two scores and the lowest one given up, and two places.
var<workgroup> share_scores: array<vec3<f32>, TEAM_GROUP>;
var<workgroup> share_places: array<vec2<u32>, TEAM_GROUP>;

// The best two of four rows, and the lowest score given up; a component is a row.
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

fn keep_one(so_far: ptr<function, Best>, s: f32, p: u32) {
    let scores = (*so_far).scores;
    let places = (*so_far).places;
    let below = vec4<f32>(s) < scores;
    let after = vec4<bool>(false, below.x, below.y, below.z);
    (*so_far).floor = min((*so_far).floor, select(s, scores.w, below.w));
    (*so_far).scores = select(scores, select(vec4<f32>(s), scores.xxyz, after), below);
    (*so_far).places = select(places, select(vec4<u32>(p), places.xxyz, after), below);
}

// The scores of one centroid, or NOTHING where the tile reaches past the last.
fn team_score(place: u32, sums: vec4<f32>) -> vec4<f32> {
    if place >= params.end {
        return vec4<f32>(NOTHING);
    }
    return score(place, sums);
}

// Merges what the shares of 16 rows found (one row for each team member with `share` 0) and stores it.
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

@compute @workgroup_size(TEAM_GROUP)
fn team(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let first_row = number * TEAM_ROWS;
    // a dispatch can have a few workgroups more than there are rows
    if first_row >= params.rows {
        return;
    }
    let quads = params.stride * 2u;
    let across = index % SHARES;
    let down = (index / SHARES) * 4u;
    let loaded_row = min(first_row + (index % 128u) / 2u, params.rows - 1u) * quads;
    var two = Two(vec4<f32>(NOTHING), vec4<f32>(NOTHING), vec4<f32>(NOTHING), vec4<u32>(NO_PLACE), vec4<u32>(NO_PLACE));
    for (var first = params.begin; first < params.end; first += TEAM_CENTROIDS) {
        let loaded_centroid = min(first + index / 2u, params.end - 1u) * quads;
        var sum0 = vec4<f32>();
        var sum1 = vec4<f32>();
        var sum2 = vec4<f32>();
        var sum3 = vec4<f32>();
        var sum4 = vec4<f32>();
        var sum5 = vec4<f32>();
        var sum6 = vec4<f32>();
        var sum7 = vec4<f32>();
        for (var octet = 0u; octet < params.stride; octet++) {
            let quad = octet * 2u + index % 2u;
            if index < 128u {
                row_quads[(index % 2u) * TEAM_ROWS + index / 2u] = rows[loaded_row + quad];
            }
            centroid_quads[(index % 2u) * TEAM_CENTROIDS + index / 2u] = centroids[loaded_centroid + quad];
            workgroupBarrier();
            for (var side = 0u; side < 2u; side++) {
                let r = side * TEAM_ROWS + down;
                let c = side * TEAM_CENTROIDS + across;
                let x = columns(row_quads[r], row_quads[r + 1u], row_quads[r + 2u], row_quads[r + 3u]);
                sum0 = step(sum0, x, centroid_quads[c]);
                sum1 = step(sum1, x, centroid_quads[c + SHARES]);
                sum2 = step(sum2, x, centroid_quads[c + 2u * SHARES]);
                sum3 = step(sum3, x, centroid_quads[c + 3u * SHARES]);
                sum4 = step(sum4, x, centroid_quads[c + 4u * SHARES]);
                sum5 = step(sum5, x, centroid_quads[c + 5u * SHARES]);
                sum6 = step(sum6, x, centroid_quads[c + 6u * SHARES]);
                sum7 = step(sum7, x, centroid_quads[c + 7u * SHARES]);
            }
            workgroupBarrier();
        }
        let place = first + across;
        let here = params.first_place + place;
        keep_two(&two, team_score(place, sum0), here);
        keep_two(&two, team_score(place + SHARES, sum1), here + SHARES);
        keep_two(&two, team_score(place + 2u * SHARES, sum2), here + 2u * SHARES);
        keep_two(&two, team_score(place + 3u * SHARES, sum3), here + 3u * SHARES);
        keep_two(&two, team_score(place + 4u * SHARES, sum4), here + 4u * SHARES);
        keep_two(&two, team_score(place + 5u * SHARES, sum5), here + 5u * SHARES);
        keep_two(&two, team_score(place + 6u * SHARES, sum6), here + 6u * SHARES);
        keep_two(&two, team_score(place + 7u * SHARES, sum7), here + 7u * SHARES);
    }
    let row = first_row + down;
    merge(index, row, vec3<f32>(two.s0.x, two.s1.x, two.floor.x), vec2<u32>(two.p0.x, two.p1.x));
    merge(index, row + 1u, vec3<f32>(two.s0.y, two.s1.y, two.floor.y), vec2<u32>(two.p0.y, two.p1.y));
    merge(index, row + 2u, vec3<f32>(two.s0.z, two.s1.z, two.floor.z), vec2<u32>(two.p0.z, two.p1.z));
    merge(index, row + 3u, vec3<f32>(two.s0.w, two.s1.w, two.floor.w), vec2<u32>(two.p0.w, two.p1.w));
}
