//! A permit to read does not write.
async fn write(vault: &vault::Vault, permit: &gate::Permit<catalog::s3::GetObject>) {
    let _ = vault
        .write_object(permit, digest::Algorithm::Crc32, None, None)
        .await;
}

fn main() {}
