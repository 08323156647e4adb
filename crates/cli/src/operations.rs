//! `strongroom operations`
use clap::Args;
use serde_json::json;

/// The operations that this program serves; every other one answers 501.
#[derive(Args)]
pub struct Operations {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Operations {
    /// Runs the subcommand.
    pub fn run(&self) {
        if self.json {
            let operations: Vec<_> = server::operations()
                .map(|(service, name)| json!({ "service": service, "operation": name }))
                .collect();
            println!("{}", json!({ "operations": operations }));
            return;
        }
        for (service, name) in server::operations() {
            println!("{service} {name}");
        }
    }
}
