//! The digests of a body that arrives in pieces, one of many that do.

use bytes::Bytes;

use crate::{Algorithm, Computed, Digest, Digests, Front, HasherLost, Md5Stream, Wanted};

/// Several algorithms over one body. Its MD5 goes through a [`Front`], beside those of other bodies;
/// the rest is so fast that the caller does it.
#[derive(Debug)]
pub struct BodyDigests {
    md5: Option<Md5Stream>,
    others: Digests,
    announced: Option<Digest>,
}

impl BodyDigests {
    /// Begins with no bytes.
    pub fn new(front: &Front, wanted: Wanted) -> BodyDigests {
        BodyDigests {
            md5: wanted.contains(Algorithm::Md5).then(|| front.stream()),
            others: Digests::new(wanted.without(Algorithm::Md5)),
            announced: None,
        }
    }

    /// Says a value of all the bytes that will come, before the first of them. If it is wanted, it is
    /// not computed: whoever says it sees to it that the bytes have it. MD5 is computed anyhow.
    pub fn announce(&mut self, digest: Digest) {
        if self.others.is_empty() && self.others.leave_out(digest.algorithm()) {
            self.announced = Some(digest);
        }
    }

    /// Takes the next bytes; they are held, not copied, until they are hashed. Waits while too many
    /// are.
    ///
    /// # Errors
    /// The thread that hashed this body has ended.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), HasherLost> {
        self.others.update(&bytes);
        match &mut self.md5 {
            Some(md5) => md5.write(bytes).await,
            None => Ok(()),
        }
    }

    /// The values.
    ///
    /// # Errors
    /// The thread that hashed this body has ended.
    pub async fn finish(self) -> Result<Computed, HasherLost> {
        let md5 = match self.md5 {
            Some(md5) => Some(Digest::from_hash(Algorithm::Md5, &md5.finish().await?)),
            None => None,
        };
        let elsewhere = [md5, self.announced].into_iter().flatten();
        Ok(elsewhere.fold(self.others.finish(), Computed::and))
    }
}
