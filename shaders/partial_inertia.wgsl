// Sums over runs of rows that share a label: squared distances, distances, the largest squared distance.
//
// The rows are sorted by label. A workgroup processes GROUP consecutive ones. The host numbers the runs; a run ends where the
// label changes and where a workgroup ends. A segmented scan in workgroup memory adds up each run. The order of additions
// depends only on positions, so results are reproducible bit by bit.

struct Entry {
    row: u32,
    slot: u32,
    run: u32,
}

// Result for one run. The host recognises results of this dispatch by `stamp`: a lost device silently ignores work.
struct RunSum {
    inertia: f32,
    distance: f32,
    max_squared: f32,
    stamp: u32,
}

struct Params {
    entries: u32,
    stamp: u32,
    groups_x: u32,
    first_group: u32,
}

@group(0) @binding(0) var<storage, read> entries: array<Entry>;
@group(0) @binding(1) var<storage, read> squared: array<f32>;
@group(0) @binding(2) var<storage, read_write> runs: array<RunSum>;
@group(0) @binding(3) var<uniform> params: Params;

const GROUP: u32 = 256u;
// The run of positions past the last row; no run has this number.
const NO_RUN: u32 = 0xffffffffu;

// Inertia, distance and largest squared distance of the rows of the same run up to this position.
var<workgroup> sums: array<vec3<f32>, GROUP>;
var<workgroup> run_of: array<u32, GROUP>;

@compute @workgroup_size(GROUP)
fn partial_inertia(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
    let number = params.first_group + group.y * params.groups_x + group.x;
    let position = number * GROUP + index;
    var sum = vec3<f32>();
    var run = NO_RUN;
    if position < params.entries {
        let value = squared[position];
        sum = vec3<f32>(value, sqrt(value), value);
        run = entries[position].run;
    }
    sums[index] = sum;
    run_of[index] = run;
    workgroupBarrier();
    for (var reach = 1u; reach < GROUP; reach *= 2u) {
        if index >= reach {
            if run_of[index - reach] == run {
                let before = sums[index - reach];
                sum = vec3<f32>(sum.xy + before.xy, max(sum.z, before.z));
            }
        }
        workgroupBarrier();
        sums[index] = sum;
        workgroupBarrier();
    }
    var last = index == GROUP - 1u;
    if !last {
        last = run_of[index + 1u] != run;
    }
    if last && run != NO_RUN {
        runs[run] = RunSum(sum.x, sum.y, sum.z, params.stamp);
    }
}
