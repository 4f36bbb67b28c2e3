// The squared Euclidean distance of a point to a centroid. No other shader defines it.
//
// A centroid's octet is two vec4; the lo parts of a float64 are in a second plane. Differences are taken before squaring, hi
// parts first: these cancel exactly where point and centroid are close, so a common offset costs no accuracy.
// Concatenated after shared/points.wgsl.

// Whether the centroids have a plane of lo parts.
override CENTROID_LO: bool = false;

@group(0) @binding(1) var<storage, read> centroids: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> centroids_lo: array<vec4<f32>>;

// Octet number `octet` (counted over the whole buffer) of the centroids.
fn load_centroid(octet: u32) -> Octet {
    var value: Octet;
    value.a = centroids[octet * 2u];
    value.b = centroids[octet * 2u + 1u];
    if CENTROID_LO {
        value.lo_a = centroids_lo[octet * 2u];
        value.lo_b = centroids_lo[octet * 2u + 1u];
    }
    return value;
}

// The differences of one octet, rounded once to float32. The host passes 0 as `zero`; see `settled`.
fn difference(point: Octet, centroid: Octet, zero: u32) -> Octet {
    var value: Octet;
    value.a = point.a - centroid.a;
    value.b = point.b - centroid.b;
    if POINT_BITS == 64u || CENTROID_LO {
        value.a = settled(value.a, zero) + settled(point.lo_a - centroid.lo_a, zero);
        value.b = settled(value.b, zero) + settled(point.lo_b - centroid.lo_b, zero);
    }
    return value;
}

// Sum of the squared differences of one octet.
fn squares(point: Octet, centroid: Octet, zero: u32) -> f32 {
    let value = difference(point, centroid, zero);
    return dot(value.a, value.a) + dot(value.b, value.b);
}

// Sums of the squared differences between a point's octet and those of four centroids.
fn to_four(x: Octet, y0: Octet, y1: Octet, y2: Octet, y3: Octet, zero: u32) -> vec4<f32> {
    return vec4<f32>(squares(x, y0, zero), squares(x, y1, zero), squares(x, y2, zero), squares(x, y3, zero));
}

// Sums of the squared differences between four points and four centroids over their octets `begin .. end`. `points_at` and
// `centroids_at` are their first octets. A column of the result is a point.
fn four_by_four(points_at: vec4<u32>, centroids_at: vec4<u32>, begin: u32, end: u32, zero: u32) -> mat4x4<f32> {
    var total0 = vec4<f32>();
    var total1 = vec4<f32>();
    var total2 = vec4<f32>();
    var total3 = vec4<f32>();
    // Blocks of sqrt(octets) octets make the shortest chains of additions, and so the least rounding.
    let block_octets = max(8u, u32(sqrt(f32(end - begin))));
    var start = begin;
    while start < end {
        let next = start + block_octets;
        let stop = min(next, end);
        var sum0 = vec4<f32>();
        var sum1 = vec4<f32>();
        var sum2 = vec4<f32>();
        var sum3 = vec4<f32>();
        for (var octet = start; octet < stop; octet++) {
            let y0 = load_centroid(centroids_at.x + octet);
            let y1 = load_centroid(centroids_at.y + octet);
            let y2 = load_centroid(centroids_at.z + octet);
            let y3 = load_centroid(centroids_at.w + octet);
            let x0 = load_point(points_at.x + octet);
            sum0 += to_four(x0, y0, y1, y2, y3, zero);
            let x1 = load_point(points_at.y + octet);
            sum1 += to_four(x1, y0, y1, y2, y3, zero);
            let x2 = load_point(points_at.z + octet);
            sum2 += to_four(x2, y0, y1, y2, y3, zero);
            let x3 = load_point(points_at.w + octet);
            sum3 += to_four(x3, y0, y1, y2, y3, zero);
        }
        total0 += sum0;
        total1 += sum1;
        total2 += sum2;
        total3 += sum3;
        start = next;
    }
    return mat4x4<f32>(total0, total1, total2, total3);
}
