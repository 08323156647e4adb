//! An operation cannot make everything that it asks optional.
use gate::{Ask, Authorized, Identity, Operation};
use s3::{S3Error, Stores};

enum Sneaky {}

impl Operation for Sneaky {
    const NAME: &'static str = "Sneaky";
    type Input = ();
    type Output = ();
    type Error = S3Error;
    type Asks = Option<Ask<catalog::s3::GetObject>>;
    type Stores = Stores;
    fn asks(_: &(), _: &Identity) -> Result<Self::Asks, S3Error> {
        Ok(None)
    }
    async fn serve(_: Authorized<Self>, _: &Stores) -> Result<(), S3Error> {
        Ok(())
    }
}

fn main() {}
