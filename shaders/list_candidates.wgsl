// Turns the four candidates of each row of a tile into entries for own_distance, which measures the row's distances to them.
// Concatenated after shared/candidates.wgsl.

// Row of a point and position of a centroid, both in their buffers; see own_distance.wgsl.
struct Entry {
    row: u32,
    slot: u32,
    run: u32,
}

struct Params {
    rows: u32,
    // Number of searched centroids.
    places: u32,
    // 1 if `list` maps rows of the tile to rows of the points.
    listed: u32,
    groups_x: u32,
    first_group: u32,
}

@group(0) @binding(0) var<storage, read> best: array<Best>;
@group(0) @binding(1) var<storage, read> places: array<Place>;
@group(0) @binding(2) var<storage, read> list: array<u32>;
@group(0) @binding(3) var<storage, read_write> entries: array<Entry>;
@group(0) @binding(4) var<uniform> params: Params;

const GROUP: u32 = 64u;

@compute @workgroup_size(GROUP)
fn list_candidates(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let row = number * GROUP + index;
    if row >= params.rows {
        return;
    }
    var at = row;
    if params.listed == 1u {
        at = list[row];
    }
    // A missing candidate is measured as the last centroid; `decide` ignores the result.
    let found = min(best[row].places, vec4<u32>(params.places - 1u));
    entries[row * 4u] = Entry(at, places[found.x].cluster, 0u);
    entries[row * 4u + 1u] = Entry(at, places[found.y].cluster, 0u);
    entries[row * 4u + 2u] = Entry(at, places[found.z].cluster, 0u);
    entries[row * 4u + 3u] = Entry(at, places[found.w].cluster, 0u);
}
