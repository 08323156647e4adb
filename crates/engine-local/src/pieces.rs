//! Where a body is: nowhere (empty), in one row or file, or in several.

use crate::codec::{Decoder, Encoder};
use engine::EngineError;

/// The id of an extent file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ExtentId(pub u64);

/// Bytes that lie together. INVARIANT: named by one record only, so that whoever removes the
/// record may remove the piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A row of `bodies`.
    Row { id: u64, stored_bytes: u64 },
    /// An extent file.
    Extent { id: ExtentId, stored_bytes: u64 },
}

impl Piece {
    pub(crate) fn stored_bytes(&self) -> u64 {
        match self {
            Piece::Row { stored_bytes, .. } | Piece::Extent { stored_bytes, .. } => *stored_bytes,
        }
    }

    pub(crate) fn encode_to(&self, to: &mut Encoder) {
        match self {
            Piece::Row { id, stored_bytes } => {
                to.u8(1);
                to.u64(*id);
                to.u64(*stored_bytes);
            }
            Piece::Extent { id, stored_bytes } => {
                to.u8(2);
                to.u64(id.0);
                to.u64(*stored_bytes);
            }
        }
    }

    pub(crate) fn decode_from(from: &mut Decoder<'_>) -> Result<Piece, EngineError> {
        let kind = from.u8()?;
        Piece::decode_kind(kind, from)
    }

    fn decode_kind(kind: u8, from: &mut Decoder<'_>) -> Result<Piece, EngineError> {
        let id = from.u64()?;
        let stored_bytes = from.u64()?;
        match kind {
            1 => Ok(Piece::Row { id, stored_bytes }),
            2 => Ok(Piece::Extent {
                id: ExtentId(id),
                stored_bytes,
            }),
            _ => Err(EngineError::corrupt("a body is of an unknown kind")),
        }
    }
}

/// Where the body of one record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// It has no bytes.
    Empty,
    /// All of it is in one piece.
    One(Piece),
    /// A row of `bodies` lists its pieces.
    Listed { id: u64 },
}

impl Address {
    pub(crate) fn encode_to(&self, to: &mut Encoder) {
        match self {
            Address::Empty => to.u8(0),
            Address::One(piece) => piece.encode_to(to),
            Address::Listed { id } => {
                to.u8(3);
                to.u64(*id);
            }
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        self.encode_to(&mut to);
        to.0
    }

    pub(crate) fn decode_from(from: &mut Decoder<'_>) -> Result<Address, EngineError> {
        match from.u8()? {
            0 => Ok(Address::Empty),
            3 => Ok(Address::Listed { id: from.u64()? }),
            kind => Piece::decode_kind(kind, from).map(Address::One),
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Address, EngineError> {
        let mut from = Decoder(bytes);
        let address = Address::decode_from(&mut from)?;
        from.end()?;
        Ok(address)
    }
}
