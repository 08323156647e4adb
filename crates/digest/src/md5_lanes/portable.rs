//! Lanes without any instruction of one CPU: arrays, which the compiler makes vectors of.

use super::rounds::{Block, rounds};

type Words<const LANES: usize> = [u32; LANES];

/// Blocks of one stream: what the lanes come to when there is only one.
pub(super) fn one(state: &mut [u32; 4], blocks: &[Block]) {
    for block in blocks {
        let words = words(block).map(|word| [word]);
        let after = rounds!(
            f,
            g,
            h,
            i,
            add,
            rotate,
            splat,
            state.map(|word| [word]),
            words
        );
        *state = after.map(|[word]| word);
    }
}

/// As many blocks of each stream as the shortest has.
pub(super) fn several<const LANES: usize>(
    states: &mut [[u32; LANES]; 4],
    streams: &[&[Block]; LANES],
) {
    let blocks = streams.iter().map(|stream| stream.len()).min().unwrap_or(0);
    for number in 0..blocks {
        let mut turned = [[0; LANES]; 16];
        for (lane, stream) in streams.iter().enumerate() {
            let block = stream.get(number).map(words).unwrap_or_default();
            for (row, word) in turned.iter_mut().zip(block) {
                if let Some(place) = row.get_mut(lane) {
                    *place = word;
                }
            }
        }
        *states = rounds!(f, g, h, i, add, rotate, splat, *states, turned);
    }
}

fn words(block: &Block) -> [u32; 16] {
    let (words, _) = block.as_chunks::<4>();
    let mut numbers = [0; 16];
    for (number, word) in numbers.iter_mut().zip(words) {
        *number = u32::from_le_bytes(*word);
    }
    numbers
}

#[inline(always)]
fn each<const LANES: usize>(
    x: Words<LANES>,
    y: Words<LANES>,
    z: Words<LANES>,
    of: impl Fn(u32, u32, u32) -> u32,
) -> Words<LANES> {
    let mut result = x;
    for ((place, y), z) in result.iter_mut().zip(y).zip(z) {
        *place = of(*place, y, z);
    }
    result
}

#[inline(always)]
fn f<const LANES: usize>(x: Words<LANES>, y: Words<LANES>, z: Words<LANES>) -> Words<LANES> {
    each(x, y, z, |x, y, z| z ^ (x & (y ^ z)))
}

#[inline(always)]
fn g<const LANES: usize>(x: Words<LANES>, y: Words<LANES>, z: Words<LANES>) -> Words<LANES> {
    each(x, y, z, |x, y, z| (x & z) | (y & !z))
}

#[inline(always)]
fn h<const LANES: usize>(x: Words<LANES>, y: Words<LANES>, z: Words<LANES>) -> Words<LANES> {
    each(x, y, z, |x, y, z| x ^ y ^ z)
}

#[inline(always)]
fn i<const LANES: usize>(x: Words<LANES>, y: Words<LANES>, z: Words<LANES>) -> Words<LANES> {
    each(x, y, z, |x, y, z| y ^ (x | !z))
}

#[inline(always)]
fn add<const LANES: usize>(x: Words<LANES>, y: Words<LANES>) -> Words<LANES> {
    let mut result = x;
    for (place, y) in result.iter_mut().zip(y) {
        *place = place.wrapping_add(y);
    }
    result
}

#[inline(always)]
fn rotate<const LANES: usize>(x: Words<LANES>, bits: u32) -> Words<LANES> {
    x.map(|word| word.rotate_left(bits))
}

#[inline(always)]
fn splat<const LANES: usize>(word: u32) -> Words<LANES> {
    [word; LANES]
}
