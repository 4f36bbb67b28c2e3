// Squared distance of every listed row of a tile to its own centroid.
//
// `per_invocation` assigns a row to one invocation and needs no barrier: for software rasterizers. `workgroup_tile` assigns it
// to ROW_INVOCATIONS neighbouring invocations, which read neighbouring octets and add up in workgroup memory: for GPUs. Both
// process the octets `begin .. end` and can add to the results of an earlier dispatch, since drivers limit the loop
// iterations of one invocation.
// Concatenated after shared/points.wgsl and shared/distance.wgsl.

// A row of the tile, the position of its centroid, and its run of equal labels.
struct Entry {
    row: u32,
    slot: u32,
    run: u32,
}

struct Params {
    entries: u32,
    // Octets per row, of points and centroids alike.
    stride: u32,
    begin: u32,
    end: u32,
    // 1 if an earlier dispatch processed the octets before `begin`.
    accumulate: u32,
    groups_x: u32,
    first_group: u32,
    // Always 0; see `settled`.
    zero: u32,
}

@group(0) @binding(3) var<storage, read> entries: array<Entry>;
@group(0) @binding(4) var<storage, read_write> squared: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const INVOCATION_GROUP: u32 = 64u;
const TILE_GROUP: u32 = 128u;

// Invocations that share a row in `workgroup_tile`: a power of two.
override ROW_INVOCATIONS: u32 = 32u;

var<workgroup> shares: array<f32, TILE_GROUP>;

// Octets per block, and blocks per group. Octets are added up to a block, blocks to a group, and groups to the total: chains
// this short keep rounding errors small at any width.
const BLOCK_OCTETS: u32 = 8u;
const GROUP_BLOCKS: u32 = 32u;

// Sum over the octets `begin`, `begin + step`, ... below `end`.
fn squared_part(entry: Entry, begin: u32, end: u32, step: u32) -> f32 {
    let point = entry.row * params.stride;
    let centroid = entry.slot * params.stride;
    var total = 0.0;
    var group = 0.0;
    var blocks = 0u;
    var start = begin;
    while start < end {
        let next = start + BLOCK_OCTETS * step;
        let stop = min(next, end);
        var sum = 0.0;
        for (var octet = start; octet < stop; octet += step) {
            sum += squares(load_point(point + octet), load_centroid(centroid + octet), params.zero);
        }
        group += sum;
        blocks += 1u;
        if blocks == GROUP_BLOCKS {
            total += group;
            group = 0.0;
            blocks = 0u;
        }
        start = next;
    }
    return total + group;
}

fn store(position: u32, part: f32) {
    if params.accumulate == 1u {
        squared[position] += part;
    } else {
        squared[position] = part;
    }
}

@compute @workgroup_size(INVOCATION_GROUP)
fn per_invocation(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let position = number * INVOCATION_GROUP + index;
    if position < params.entries {
        store(position, squared_part(entries[position], params.begin, params.end, 1u));
    }
}

@compute @workgroup_size(TILE_GROUP)
fn workgroup_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let position = number * (TILE_GROUP / ROW_INVOCATIONS) + index / ROW_INVOCATIONS;
    let member = index % ROW_INVOCATIONS;
    var share = 0.0;
    if position < params.entries {
        share = squared_part(entries[position], params.begin + member, params.end, ROW_INVOCATIONS);
    }
    shares[index] = share;
    workgroupBarrier();
    for (var half = ROW_INVOCATIONS / 2u; half > 0u; half /= 2u) {
        if member < half {
            shares[index] += shares[index + half];
        }
        workgroupBarrier();
    }
    if member == 0u && position < params.entries {
        store(position, shares[index]);
    }
}
