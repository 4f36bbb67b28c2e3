// The points of a tile, as kernels read them.
//
// Columns come in octets of eight, and rows are padded with zeros to whole octets. A point's octet is one vec4 of halves,
// two of float32, or four for a float64 split into hi/lo parts.

// Bits of an element of the points: 16, 32, or 64 (hi/lo parts).
override POINT_BITS: u32 = 32u;

@group(0) @binding(0) var<storage, read> points: array<vec4<u32>>;

struct Octet {
    a: vec4<f32>,
    b: vec4<f32>,
    lo_a: vec4<f32>,
    lo_b: vec4<f32>,
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
        value.lo_a = bitcast<vec4<f32>>(points[octet * 4u + 2u]);
        value.lo_b = bitcast<vec4<f32>>(points[octet * 4u + 3u]);
    }
    return value;
}

// Returns `value`; `zero` is always 0. A compiler with fast math (Metal's default) doesn't know that, so it can't reorder
// the additions on either side of this call.
fn settled(value: vec4<f32>, zero: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(value) ^ vec4<u32>(zero));
}

