//! What is common to all widths: the constants and the order of the steps (RFC 1321, 3.4).

/// Bytes of one block.
pub(crate) const BLOCK_BYTES: usize = 64;

/// A block.
pub(crate) type Block = [u8; BLOCK_BYTES];

/// The four words with which a message begins.
pub(crate) const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The 64 steps on one block of every lane; answers the state after it.
///
/// A macro, since a function that is generic over vectors cannot name the CPU features that its
/// operations need. It is given the four functions of the rounds, then addition, rotation to the
/// left, and a number in all lanes.
macro_rules! rounds {
    ($f:path, $g:path, $h:path, $i:path, $add:path, $rotate:path, $splat:path, $state:expr, $words:expr) => {{
        let words = $words;
        let [a0, b0, c0, d0] = $state;
        let [mut a, mut b, mut c, mut d] = [a0, b0, c0, d0];
        let [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15] = words;
        macro_rules! steps {
            ($mix:path, $turns:tt, $first:tt $second:tt $third:tt $fourth:tt) => {
                steps!(@four $mix, $turns, $first);
                steps!(@four $mix, $turns, $second);
                steps!(@four $mix, $turns, $third);
                steps!(@four $mix, $turns, $fourth);
            };
            (@four $mix:path, [$r0:literal $r1:literal $r2:literal $r3:literal],
             [$x0:ident $k0:literal $x1:ident $k1:literal $x2:ident $k2:literal $x3:ident $k3:literal]) => {
                steps!(@one $mix, a, b, c, d, $x0, $r0, $k0);
                steps!(@one $mix, d, a, b, c, $x1, $r1, $k1);
                steps!(@one $mix, c, d, a, b, $x2, $r2, $k2);
                steps!(@one $mix, b, c, d, a, $x3, $r3, $k3);
            };
            // The sum without the mixed word is ready before that word is: it waits for nothing.
            (@one $mix:path, $a:ident, $b:ident, $c:ident, $d:ident, $word:ident, $turn:literal, $constant:literal) => {
                let ready = $add($a, $add($word, $splat($constant)));
                $a = $add($rotate($add(ready, $mix($b, $c, $d)), $turn), $b);
            };
        }
        steps!($f, [7 12 17 22],
            [w0 0xd76a_a478 w1 0xe8c7_b756 w2 0x2420_70db w3 0xc1bd_ceee]
            [w4 0xf57c_0faf w5 0x4787_c62a w6 0xa830_4613 w7 0xfd46_9501]
            [w8 0x6980_98d8 w9 0x8b44_f7af w10 0xffff_5bb1 w11 0x895c_d7be]
            [w12 0x6b90_1122 w13 0xfd98_7193 w14 0xa679_438e w15 0x49b4_0821]);
        steps!($g, [5 9 14 20],
            [w1 0xf61e_2562 w6 0xc040_b340 w11 0x265e_5a51 w0 0xe9b6_c7aa]
            [w5 0xd62f_105d w10 0x0244_1453 w15 0xd8a1_e681 w4 0xe7d3_fbc8]
            [w9 0x21e1_cde6 w14 0xc337_07d6 w3 0xf4d5_0d87 w8 0x455a_14ed]
            [w13 0xa9e3_e905 w2 0xfcef_a3f8 w7 0x676f_02d9 w12 0x8d2a_4c8a]);
        steps!($h, [4 11 16 23],
            [w5 0xfffa_3942 w8 0x8771_f681 w11 0x6d9d_6122 w14 0xfde5_380c]
            [w1 0xa4be_ea44 w4 0x4bde_cfa9 w7 0xf6bb_4b60 w10 0xbebf_bc70]
            [w13 0x289b_7ec6 w0 0xeaa1_27fa w3 0xd4ef_3085 w6 0x0488_1d05]
            [w9 0xd9d4_d039 w12 0xe6db_99e5 w15 0x1fa2_7cf8 w2 0xc4ac_5665]);
        steps!($i, [6 10 15 21],
            [w0 0xf429_2244 w7 0x432a_ff97 w14 0xab94_23a7 w5 0xfc93_a039]
            [w12 0x655b_59c3 w3 0x8f0c_cc92 w10 0xffef_f47d w1 0x8584_5dd1]
            [w8 0x6fa8_7e4f w15 0xfe2c_e6e0 w6 0xa301_4314 w13 0x4e08_11a1]
            [w4 0xf753_7e82 w11 0xbd3a_f235 w2 0x2ad7_d2bb w9 0xeb86_d391]);
        [$add(a, a0), $add(b, b0), $add(c, c0), $add(d, d0)]
    }};
}
pub(crate) use rounds;
