//! Lanes in the vectors of x86-64: eight with AVX2, sixteen with AVX-512.
#![allow(
    unsafe_code,
    reason = "vectors are read from and written to arrays through pointers, and functions for one \
              CPU are called: portable code has a fifth of the speed (cargo xtask bench digest)"
)]
// SAFETY, for the whole module: every pointer is made of a reference to an array of at least the
// vector's size, in the line that uses it, and the instructions do not ask for alignment. What
// needs a feature of the CPU is behind [`Avx2`] and [`Avx512`], which exist only where the
// running CPU, and the system for its registers, has been asked for it.

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_add_epi32, _mm256_and_si256, _mm256_andnot_si256, _mm256_loadu_si256,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_sllv_epi32, _mm256_srlv_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm256_xor_si256,
    _mm512_add_epi32, _mm512_loadu_si512, _mm512_rolv_epi32, _mm512_set1_epi32,
    _mm512_shuffle_i32x4, _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::rounds::{BLOCK_BYTES, Block, rounds};

/// The running CPU has AVX2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Avx2> {
        is_x86_feature_detected!("avx2").then_some(Avx2(()))
    }

    /// As many blocks of each stream as the shortest has.
    pub(super) fn compress(self, states: &mut [[u32; 8]; 4], streams: &[&[Block]; 8]) {
        // SAFETY: `self` says that the feature is there.
        unsafe { compress_8(states, streams) }
    }
}

/// The running CPU has AVX-512F.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Avx512> {
        is_x86_feature_detected!("avx512f").then_some(Avx512(()))
    }

    /// As many blocks of each stream as the shortest has.
    pub(super) fn compress(self, states: &mut [[u32; 16]; 4], streams: &[&[Block]; 16]) {
        // SAFETY: `self` says that the feature is there.
        unsafe { compress_16(states, streams) }
    }
}

#[target_feature(enable = "avx2")]
fn compress_8(states: &mut [[u32; 8]; 4], streams: &[&[Block]; 8]) {
    let blocks = streams.iter().map(|stream| stream.len()).min().unwrap_or(0);
    // SAFETY: a row is eight words, as a vector is.
    let load = |row: &[u32; 8]| unsafe { _mm256_loadu_si256(row.as_ptr().cast()) };
    let mut vectors = states.each_ref().map(load);
    for number in 0..blocks {
        let words = turned_8(streams, number);
        vectors = rounds!(
            f_8,
            g_8,
            h_8,
            i_8,
            _mm256_add_epi32,
            rotate_8,
            splat_8,
            vectors,
            words
        );
    }
    for (row, vector) in states.iter_mut().zip(vectors) {
        // SAFETY: a row is eight words, as a vector is.
        unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast(), vector) };
    }
}

#[target_feature(enable = "avx512f")]
fn compress_16(states: &mut [[u32; 16]; 4], streams: &[&[Block]; 16]) {
    let blocks = streams.iter().map(|stream| stream.len()).min().unwrap_or(0);
    // SAFETY: a row is sixteen words, as a vector is.
    let load = |row: &[u32; 16]| unsafe { _mm512_loadu_si512(row.as_ptr().cast()) };
    let mut vectors = states.each_ref().map(load);
    for number in 0..blocks {
        let words = turned_16(streams, number);
        vectors = rounds!(
            f_16,
            g_16,
            h_16,
            i_16,
            _mm512_add_epi32,
            rotate_16,
            splat_16,
            vectors,
            words
        );
    }
    for (row, vector) in states.iter_mut().zip(vectors) {
        // SAFETY: a row is sixteen words, as a vector is.
        unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), vector) };
    }
}

/// Never read: `number` is less than the length of every stream. A branch would cost more.
const NO_BLOCK: Block = [0; BLOCK_BYTES];

/// Eight blocks of sixteen words become sixteen vectors of one word of each block.
#[target_feature(enable = "avx2")]
fn turned_8(streams: &[&[Block]; 8], number: usize) -> [__m256i; 16] {
    let mut words = [_mm256_setzero_si256(); 16];
    let (left, right) = words.split_at_mut(8);
    for (half, words) in [left, right].into_iter().enumerate() {
        let [r0, r1, r2, r3, r4, r5, r6, r7] = streams.each_ref().map(|stream| {
            let block = stream.get(number).unwrap_or(&NO_BLOCK);
            let (halves, _) = block.as_chunks::<32>();
            let bytes = halves.get(half).unwrap_or(&[0; 32]);
            // SAFETY: 32 bytes, as a vector has.
            unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
        });
        let four = |r0, r1, r2, r3| {
            let (low, high) = (_mm256_unpacklo_epi32(r0, r1), _mm256_unpackhi_epi32(r0, r1));
            let (low_2, high_2) = (_mm256_unpacklo_epi32(r2, r3), _mm256_unpackhi_epi32(r2, r3));
            [
                _mm256_unpacklo_epi64(low, low_2),
                _mm256_unpackhi_epi64(low, low_2),
                _mm256_unpacklo_epi64(high, high_2),
                _mm256_unpackhi_epi64(high, high_2),
            ]
        };
        // Each has the words n and n + 4 of four blocks.
        let pairs = four(r0, r1, r2, r3).into_iter().zip(four(r4, r5, r6, r7));
        let (words_low, words_high) = words.split_at_mut(4);
        let places = words_low.iter_mut().zip(words_high);
        for ((low, high), (first, second)) in places.zip(pairs) {
            *low = _mm256_permute2x128_si256::<0x20>(first, second);
            *high = _mm256_permute2x128_si256::<0x31>(first, second);
        }
    }
    words
}

/// Sixteen blocks of sixteen words become sixteen vectors of one word of each block.
#[target_feature(enable = "avx512f")]
fn turned_16(streams: &[&[Block]; 16], number: usize) -> [__m512i; 16] {
    let row = |stream: &[Block]| {
        let block = stream.get(number).unwrap_or(&NO_BLOCK);
        // SAFETY: 64 bytes, as a vector has.
        unsafe { _mm512_loadu_si512(block.as_ptr().cast()) }
    };
    let [
        s0,
        s1,
        s2,
        s3,
        s4,
        s5,
        s6,
        s7,
        s8,
        s9,
        s10,
        s11,
        s12,
        s13,
        s14,
        s15,
    ] = streams;
    let four = |r0, r1, r2, r3| {
        let (low, high) = (_mm512_unpacklo_epi32(r0, r1), _mm512_unpackhi_epi32(r0, r1));
        let (low_2, high_2) = (_mm512_unpacklo_epi32(r2, r3), _mm512_unpackhi_epi32(r2, r3));
        [
            _mm512_unpacklo_epi64(low, low_2),
            _mm512_unpackhi_epi64(low, low_2),
            _mm512_unpacklo_epi64(high, high_2),
            _mm512_unpackhi_epi64(high, high_2),
        ]
    };
    // Each has the words n, n + 4, n + 8 and n + 12 of four blocks.
    let [a0, a1, a2, a3] = four(row(s0), row(s1), row(s2), row(s3));
    let [b0, b1, b2, b3] = four(row(s4), row(s5), row(s6), row(s7));
    let [c0, c1, c2, c3] = four(row(s8), row(s9), row(s10), row(s11));
    let [d0, d1, d2, d3] = four(row(s12), row(s13), row(s14), row(s15));
    let spread = |a, b, c, d| {
        let even = _mm512_shuffle_i32x4::<0x88>(a, b);
        let even_2 = _mm512_shuffle_i32x4::<0x88>(c, d);
        let odd = _mm512_shuffle_i32x4::<0xdd>(a, b);
        let odd_2 = _mm512_shuffle_i32x4::<0xdd>(c, d);
        [
            _mm512_shuffle_i32x4::<0x88>(even, even_2),
            _mm512_shuffle_i32x4::<0x88>(odd, odd_2),
            _mm512_shuffle_i32x4::<0xdd>(even, even_2),
            _mm512_shuffle_i32x4::<0xdd>(odd, odd_2),
        ]
    };
    let [w0, w4, w8, w12] = spread(a0, b0, c0, d0);
    let [w1, w5, w9, w13] = spread(a1, b1, c1, d1);
    let [w2, w6, w10, w14] = spread(a2, b2, c2, d2);
    let [w3, w7, w11, w15] = spread(a3, b3, c3, d3);
    [
        w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15,
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn f_8(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn g_8(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_and_si256(x, z), _mm256_andnot_si256(z, y))
}

#[inline]
#[target_feature(enable = "avx2")]
fn h_8(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    _mm256_xor_si256(x, _mm256_xor_si256(y, z))
}

#[inline]
#[target_feature(enable = "avx2")]
fn i_8(x: __m256i, y: __m256i, z: __m256i) -> __m256i {
    let not_z = _mm256_xor_si256(z, _mm256_set1_epi32(-1));
    _mm256_xor_si256(y, _mm256_or_si256(x, not_z))
}

#[inline]
#[target_feature(enable = "avx2")]
fn rotate_8(x: __m256i, bits: u32) -> __m256i {
    _mm256_or_si256(
        _mm256_sllv_epi32(x, splat_8(bits)),
        _mm256_srlv_epi32(x, splat_8(32 - bits)),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat_8(word: u32) -> __m256i {
    _mm256_set1_epi32(word.cast_signed())
}

// The functions of three words as tables of eight answers.

#[inline]
#[target_feature(enable = "avx512f")]
fn f_16(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0xca>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn g_16(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0xe4>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn h_16(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn i_16(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x39>(x, y, z)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat_16(word: u32) -> __m512i {
    _mm512_set1_epi32(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f")]
fn rotate_16(x: __m512i, bits: u32) -> __m512i {
    _mm512_rolv_epi32(x, splat_16(bits))
}
