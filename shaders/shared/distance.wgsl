// The squared Euclidean distance of a point to a centroid: the only place where it is written.
//
// Columns come in octets of eight, rows are padded with zeros to whole octets. A point's octet is one vec4 of halves, two
// of float32, or four where a float64 was split into a float32 and the float32 of what is left. A centroid's octet is
// two vec4, with what is left of a float64 in a second plane. The difference is taken before anything is squared, high
// parts first: they cancel exactly where point and centroid are close, so a common offset costs no accuracy.

// Bits of an element of the points: 16, 32, or 64 (the pair).
override POINT_BITS: u32 = 32u;
// Whether the second plane of the centroids is used.
override CENTROID_REST: bool = false;

@group(0) @binding(0) var<storage, read> points: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> centroids: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> centroids_rest: array<vec4<f32>>;

struct Octet {
    a: vec4<f32>,
    b: vec4<f32>,
    rest_a: vec4<f32>,
    rest_b: vec4<f32>,
}

// Octet number `octet` (counted over the whole buffer) of the points.
fn load_point(octet: u32) -> Octet {
    var value: Octet;
    if POINT_BITS == 16u {
        let halves = points[octet];
        value.a = vec4<f32>(unpack2x16float(halves.x), unpack2x16float(halves.y));
        value.b = vec4<f32>(unpack2x16float(halves.z), unpack2x16float(halves.w));
    } else if POINT_BITS == 32u {
        value.a = bitcast<vec4<f32>>(points[octet * 2u]);
        value.b = bitcast<vec4<f32>>(points[octet * 2u + 1u]);
    } else {
        value.a = bitcast<vec4<f32>>(points[octet * 4u]);
        value.b = bitcast<vec4<f32>>(points[octet * 4u + 1u]);
        value.rest_a = bitcast<vec4<f32>>(points[octet * 4u + 2u]);
        value.rest_b = bitcast<vec4<f32>>(points[octet * 4u + 3u]);
    }
    return value;
}

// Octet number `octet` (counted over the whole buffer) of the centroids.
fn load_centroid(octet: u32) -> Octet {
    var value: Octet;
    value.a = centroids[octet * 2u];
    value.b = centroids[octet * 2u + 1u];
    if CENTROID_REST {
        value.rest_a = centroids_rest[octet * 2u];
        value.rest_b = centroids_rest[octet * 2u + 1u];
    }
    return value;
}

// The value itself, where `zero` is 0. A compiler with fast math (Metal's default) can't know that it is, so it can't
// reorder the additions on either side of this.
fn settled(value: vec4<f32>, zero: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(value) ^ vec4<u32>(zero));
}

// Squared differences of one octet, added up. `zero` is a 0 that the host passes: see `settled`.
fn squares(point: Octet, centroid: Octet, zero: u32) -> f32 {
    var a = point.a - centroid.a;
    var b = point.b - centroid.b;
    if POINT_BITS == 64u || CENTROID_REST {
        a = settled(a, zero) + settled(point.rest_a - centroid.rest_a, zero);
        b = settled(b, zero) + settled(point.rest_b - centroid.rest_b, zero);
    }
    return dot(a, a) + dot(b, b);
}
