//! MD5 of many streams at once.
//!
//! Each step of MD5 waits for the one before it, so one stream leaves most of a core idle and no
//! instruction makes it faster. Streams that are independent of each other fill the lanes of a
//! vector: sixteen take hardly longer than one.

mod portable;
mod rounds;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::Range;

use rounds::{BLOCK_BYTES, Block, START};

/// The most streams that any level takes at once.
pub const LANES_MAX: usize = 16;

/// How many streams the CPU hashes at once, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Vectors);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vectors {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx2, x86::Avx512),
}

impl Level {
    /// The best that the running CPU has.
    pub fn detect() -> Level {
        Level::all().pop().unwrap_or(Level::PORTABLE)
    }

    /// All that the running CPU has, the best last.
    pub fn all() -> Vec<Level> {
        #[cfg_attr(
            not(target_arch = "x86_64"),
            expect(unused_mut, reason = "there is no other level")
        )]
        let mut levels = vec![Level::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = x86::Avx2::detect() {
            levels.push(Level(Vectors::Avx2(avx2)));
            levels.extend(x86::Avx512::detect().map(|both| Level(Vectors::Avx512(avx2, both))));
        }
        levels
    }

    /// What every CPU has.
    pub const PORTABLE: Level = Level(Vectors::Portable);

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self.0 {
            Vectors::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512(..) => "AVX-512",
        }
    }

    /// Streams that it takes at once.
    pub fn lanes(self) -> usize {
        match self.0 {
            Vectors::Portable => 4,
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2(_) => 8,
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512(..) => LANES_MAX,
        }
    }

    /// As many blocks of each stream as the shortest has; at most [`Level::lanes`] streams.
    fn compress(self, streams: &mut [Blocks<'_>]) {
        match self.0 {
            Vectors::Portable if streams.len() < PORTABLE_MIN => one_by_one(streams),
            Vectors::Portable => in_lanes(streams, portable::several::<4>),
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2(_) | Vectors::Avx512(..) if streams.len() < 2 => one_by_one(streams),
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx2(avx2) => in_lanes(streams, |states, lanes| avx2.compress(states, lanes)),
            // Half as wide is a fifth faster while half of the lanes would be idle.
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512(avx2, _) if streams.len() <= 8 => {
                in_lanes(streams, |states, lanes| avx2.compress(states, lanes));
            }
            #[cfg(target_arch = "x86_64")]
            Vectors::Avx512(_, avx512) => {
                in_lanes(streams, |states, lanes| avx512.compress(states, lanes));
            }
        }
    }
}

/// Two streams in four portable lanes are no faster than one after the other (SSE2).
const PORTABLE_MIN: usize = 3;

/// The blocks of one stream, and where they are counted in.
struct Blocks<'a> {
    state: &'a mut [u32; 4],
    blocks: &'a [Block],
}

fn one_by_one(streams: &mut [Blocks<'_>]) {
    let count = streams.iter().map(|stream| stream.blocks.len()).min();
    for stream in streams {
        let blocks = stream.blocks.get(..count.unwrap_or(0));
        portable::one(stream.state, blocks.unwrap_or_default());
    }
}

fn in_lanes<const LANES: usize>(
    streams: &mut [Blocks<'_>],
    compress: impl FnOnce(&mut [[u32; LANES]; 4], &[&[Block]; LANES]),
) {
    let Some(first) = streams.first() else {
        return;
    };
    // Idle lanes repeat the first stream; nobody looks at what comes of it.
    let mut blocks = [first.blocks; LANES];
    let mut states = [[0; LANES]; 4];
    for (lane, stream) in streams.iter().enumerate().take(LANES) {
        for (row, word) in states.iter_mut().zip(*stream.state) {
            if let Some(place) = row.get_mut(lane) {
                *place = word;
            }
        }
        if let Some(place) = blocks.get_mut(lane) {
            *place = stream.blocks;
        }
    }
    compress(&mut states, &blocks);
    for (lane, stream) in streams.iter_mut().enumerate().take(LANES) {
        for (word, row) in stream.state.iter_mut().zip(&states) {
            if let Some(of_lane) = row.get(lane) {
                *word = *of_lane;
            }
        }
    }
}

/// One MD5 on its way.
#[derive(Clone)]
pub struct Md5 {
    state: [u32; 4],
    // INVARIANT: `filled` < 64, and the bytes after that many are of an older block.
    rest: Block,
    filled: usize,
    bytes: u64,
}

impl Default for Md5 {
    fn default() -> Md5 {
        Md5 {
            state: START,
            rest: [0; BLOCK_BYTES],
            filled: 0,
            bytes: 0,
        }
    }
}

impl Md5 {
    /// The value of bytes that are all at hand.
    pub fn of(bytes: &[u8]) -> [u8; 16] {
        let mut md5 = Md5::default();
        md5.update(bytes);
        md5.finish()
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let whole = self.edges(bytes);
        self.bytes += whole.len() as u64;
        let (blocks, _) = bytes.get(whole).unwrap_or_default().as_chunks();
        portable::one(&mut self.state, blocks);
    }

    /// The value.
    pub fn finish(mut self) -> [u8; 16] {
        // RFC 1321, 3.1 and 3.2: a one, zeros, and the length in bits.
        let bits = self.bytes.wrapping_mul(8);
        let (_, padding) = self.rest.split_at_mut(self.filled);
        padding.fill(0);
        if let Some(end) = padding.first_mut() {
            *end = 0x80;
        }
        if self.filled + 9 > BLOCK_BYTES {
            portable::one(&mut self.state, &[self.rest]);
            self.rest = [0; BLOCK_BYTES];
        }
        if let Some(length) = self.rest.last_chunk_mut::<8>() {
            *length = bits.to_le_bytes();
        }
        portable::one(&mut self.state, &[self.rest]);
        let mut value = [0; 16];
        let (words, _) = value.as_chunks_mut::<4>();
        for (place, word) in words.iter_mut().zip(self.state) {
            *place = word.to_le_bytes();
        }
        value
    }

    /// Takes what stands before and after the whole blocks of `bytes`, and says where those are.
    /// They are to be taken next, before any other bytes.
    pub(crate) fn edges(&mut self, bytes: &[u8]) -> Range<usize> {
        let missing = (BLOCK_BYTES - self.filled) % BLOCK_BYTES;
        let start = missing.min(bytes.len());
        let (before, rest) = bytes.split_at(start);
        let whole = rest.len() - rest.len() % BLOCK_BYTES;
        let (_, after) = rest.split_at(whole);
        self.keep(before);
        // The blocks between touch only the state, and these bytes only what is kept.
        self.keep(after);
        start..start + whole
    }

    /// Less than what is missing to a block, or exactly that.
    fn keep(&mut self, bytes: &[u8]) {
        let (_, room) = self.rest.split_at_mut(self.filled);
        for (place, byte) in room.iter_mut().zip(bytes) {
            *place = *byte;
        }
        self.filled += bytes.len();
        self.bytes += bytes.len() as u64;
        if self.filled == BLOCK_BYTES {
            portable::one(&mut self.state, &[self.rest]);
            self.filled = 0;
        }
    }
}

/// Each stream takes the bytes beside it, as many streams at once as the level has lanes.
///
/// ```
/// use digest::{Level, Md5, update_many};
///
/// let (mut one, mut other) = (Md5::default(), Md5::default());
/// update_many(Level::detect(), &mut [(&mut one, b"abc"), (&mut other, b"message digest")]);
/// assert_eq!(one.finish(), Md5::of(b"abc"));
/// assert_eq!(other.finish(), Md5::of(b"message digest"));
/// ```
pub fn update_many(level: Level, streams: &mut [(&mut Md5, &[u8])]) {
    for (md5, bytes) in &mut *streams {
        let blocks = md5.edges(bytes);
        *bytes = bytes.get(blocks).unwrap_or_default();
    }
    loop {
        let mut lanes: Vec<(&mut Md5, &mut &[u8])> = streams
            .iter_mut()
            .filter(|(_, blocks)| !blocks.is_empty())
            .map(|(md5, blocks)| (&mut **md5, blocks))
            .take(level.lanes())
            .collect();
        if lanes.is_empty() {
            return;
        }
        let mut feeds: Vec<(&mut Md5, &[u8])> = lanes
            .iter_mut()
            .map(|(md5, blocks)| (&mut **md5, &***blocks))
            .collect();
        let taken = side_by_side(level, &mut feeds);
        for (_, blocks) in lanes {
            *blocks = blocks.get(taken..).unwrap_or_default();
        }
    }
}

/// The next whole blocks of several streams, what [`Md5::edges`] left of each: as many as the
/// shortest has. Answers how many bytes of each that was.
///
/// At most [`Level::lanes`] streams.
pub(crate) fn side_by_side(level: Level, streams: &mut [(&mut Md5, &[u8])]) -> usize {
    let blocks = |bytes: &[u8]| bytes.len() / BLOCK_BYTES;
    let common = streams.iter().map(|(_, bytes)| blocks(bytes)).min();
    let common = common.unwrap_or(0);
    let mut lanes: Vec<Blocks<'_>> = streams
        .iter_mut()
        .map(|(md5, bytes)| {
            md5.bytes += (common * BLOCK_BYTES) as u64;
            let (blocks, _) = bytes.as_chunks::<BLOCK_BYTES>();
            Blocks {
                state: &mut md5.state,
                blocks: blocks.get(..common).unwrap_or_default(),
            }
        })
        .collect();
    level.compress(&mut lanes);
    common * BLOCK_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5::Digest as _;
    use proptest::prelude::*;

    fn expected(bytes: &[u8]) -> [u8; 16] {
        md5::Md5::digest(bytes).into()
    }

    fn bytes(seed: u64, count: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let next = || {
            state = state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn every_length_around_a_block() {
        for length in 0..300 {
            let message = bytes(7, length);
            assert_eq!(Md5::of(&message), expected(&message), "{length} bytes");
        }
    }

    #[test]
    fn every_number_of_streams_on_every_level() {
        for level in Level::all() {
            for streams in 0..40 {
                // The lanes end at different times, the last ones first.
                let messages: Vec<Vec<u8>> = (0..streams)
                    .map(|number| bytes(number, 64 * (50 - number as usize) + number as usize))
                    .collect();
                let mut states = vec![Md5::default(); messages.len()];
                let mut feeds: Vec<(&mut Md5, &[u8])> = states
                    .iter_mut()
                    .zip(&messages)
                    .map(|(md5, message)| (md5, message.as_slice()))
                    .collect();
                update_many(level, &mut feeds);
                for (md5, message) in states.into_iter().zip(&messages) {
                    assert_eq!(md5.finish(), expected(message), "{level:?}, {streams}");
                }
            }
        }
    }

    #[test]
    fn a_level_is_there_because_the_cpu_has_it() {
        let levels = Level::all();
        assert_eq!(levels.first(), Some(&Level::PORTABLE));
        assert_eq!(levels.last(), Some(&Level::detect()));
        assert!(levels.iter().all(|level| level.lanes() <= LANES_MAX));
    }

    #[derive(Debug, Clone)]
    struct Message {
        seed: u64,
        pieces: Vec<usize>,
        begins: usize,
    }

    fn message() -> impl Strategy<Value = Message> {
        let piece = prop_oneof![0..130usize, Just(64), Just(128), 0..3000usize];
        let pieces = prop::collection::vec(piece, 0..8);
        (any::<u64>(), pieces, 0..6usize).prop_map(|(seed, pieces, begins)| Message {
            seed,
            pieces,
            begins,
        })
    }

    proptest! {
        /// Streams begin in different rounds and end after different numbers of pieces.
        #[test]
        fn streams_do_not_see_each_other(messages in prop::collection::vec(message(), 1..24)) {
            for level in Level::all() {
                let mut states = vec![Md5::default(); messages.len()];
                let contents: Vec<Vec<u8>> = messages
                    .iter()
                    .map(|message| bytes(message.seed, message.pieces.iter().sum()))
                    .collect();
                for round in 0..14_usize {
                    let mut feeds: Vec<(&mut Md5, &[u8])> = Vec::new();
                    for ((message, content), md5) in
                        messages.iter().zip(&contents).zip(&mut states)
                    {
                        let number = round.checked_sub(message.begins);
                        let before = number.and_then(|number| message.pieces.get(..number));
                        let piece = number.and_then(|number| message.pieces.get(number));
                        if let (Some(before), Some(length)) = (before, piece) {
                            let start: usize = before.iter().sum();
                            feeds.push((md5, &content[start..start + length]));
                        }
                    }
                    update_many(level, &mut feeds);
                }
                for (md5, content) in states.into_iter().zip(&contents) {
                    prop_assert_eq!(md5.finish(), expected(content));
                }
            }
        }
    }
}
