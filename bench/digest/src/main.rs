//! What digesting bodies costs: of one stream and of many, alone and behind the front.
//!
//! Run by `cargo xtask bench digest [--quick] [PART]...`; `bench/README.md` says what is measured.
mod clock;
mod front;
mod lanes;

use std::process::ExitCode;

const PARTS: [(&str, fn(Pace)); 2] = [("lanes", lanes::run), ("front", front::run)];

/// How long is measured.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Slices of each rate.
    slices: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted: Vec<&String> = arguments.iter().filter(|text| *text != "--quick").collect();
    let known = |name: &str| PARTS.iter().any(|(part, _)| *part == name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        let parts = PARTS.map(|(part, _)| part).join("`, `");
        eprintln!("no part `{unknown}`: there is `{parts}`");
        return ExitCode::FAILURE;
    }
    println!("CPU: {}\n", features());
    let pace = Pace {
        slices: if quick { 15 } else { 60 },
    };
    for (name, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| *part == name) {
            run(pace);
        }
    }
    ExitCode::SUCCESS
}

/// What of the CPU's features concerns digests.
fn features() -> String {
    let mut found: Vec<&str> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! look {
            ($($name:tt)*) => {
                $(if std::is_x86_feature_detected!($name) { found.push($name); })*
            };
        }
        look!("sse2" "ssse3" "sse4.2" "pclmulqdq" "sha" "bmi2" "avx" "avx2" "avx512f" "avx512bw" "avx512vl"
              "vpclmulqdq" "vaes");
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! look {
            ($($name:tt)*) => {
                $(if std::arch::is_aarch64_feature_detected!($name) { found.push($name); })*
            };
        }
        look!("neon" "aes" "sha2" "crc" "pmull" "sve");
    }
    let levels: Vec<&str> = digest::Level::all()
        .into_iter()
        .map(|level| level.name())
        .collect();
    format!("{}; levels of MD5: {}", found.join(" "), levels.join(", "))
}
