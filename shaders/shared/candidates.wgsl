// A row's candidates, and how to offer them one more centroid.
//
// A score is |c|^2 - 2 x.c. The candidates are the centroids with the four lowest scores. No other score is below
// `floor`, which tells the host when the four don't suffice.

// A row's candidates so far. The first dispatch sets `stamp` and later ones count it up, so the host knows that all of them
// ran.
struct Best {
    scores: vec4<f32>,
    places: vec4<u32>,
    floor: f32,
    stamp: u32,
}

// A searched centroid: its position among the level's centroids, and the norm of the centred centroid, rounded up.
struct Place {
    cluster: u32,
    length: f32,
}

// Larger than any score: marks missing candidates.
const NOTHING: f32 = 3.4028234e38;
const NO_PLACE: u32 = 0xffffffffu;

// Offers one centroid to a row's candidates.
fn keep_one(so_far: ptr<function, Best>, s: f32, p: u32) {
    let scores = (*so_far).scores;
    let places = (*so_far).places;
    let below = vec4<f32>(s) < scores;
    let after = vec4<bool>(false, below.x, below.y, below.z);
    (*so_far).floor = min((*so_far).floor, select(s, scores.w, below.w));
    (*so_far).scores = select(scores, select(vec4<f32>(s), scores.xxyz, after), below);
    (*so_far).places = select(places, select(vec4<u32>(p), places.xxyz, after), below);
}
