//! The project's own tasks, run as `cargo xtask NAME`.
//!
//! ```text
//! cargo xtask serve [--release] [-- ARGUMENTS of `strongroom serve`]
//! cargo xtask test [--group NAME]... [--list]
//! cargo xtask fuzz NAME [--cases N] [--seed S] [--list]
//! cargo xtask matrix
//! cargo xtask ci
//! cargo xtask models
//! cargo xtask failures
//! cargo xtask bench NAME [--quick] [PART]...
//! cargo xtask soak [--minutes N] [--seed S] [--debug]
//! ```
//!
//! It is not part of the product: nothing here is shipped.

mod bench;
mod count;
mod fuzz;
mod groups;
mod install;
mod models;
mod serve;
mod soak;
mod test;
mod work;

use std::process::ExitCode;

use work::Failure;

const USAGE: &str = "\
usage: cargo xtask serve [--release] [ARGUMENTS]   build and run `strongroom serve`; --dev among ARGUMENTS
                                                   makes accounts with fixed keys to try things with
       cargo xtask test [--group NAME]... [--list] build, install what the tests need, run them
       cargo xtask fuzz NAME [--cases N] [--seed S]
                                                   random input for as long as wanted; --list says which there are
       cargo xtask matrix                          write docs/authorization-matrix.md anew
       cargo xtask ci                              what continuous integration runs (.ci/run)
       cargo xtask models                          make the tables that are derived from AWS's models
       cargo xtask failures                        write the pages of docs/failures anew, from their tests
       cargo xtask bench NAME [--quick] [PART]...  measure in release and print one table (bench/README.md);
                                                   NAME is `authorization`, `journal` or `s3`
       cargo xtask soak [--minutes N] [--seed S] [--debug]
                                                   mixed load with faulty clients on a release build; fails if
                                                   memory, descriptors, threads or disk grow";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let Some((task, rest)) = arguments.split_first() else {
        return Err(Failure::new(USAGE));
    };
    match task.as_str() {
        "serve" => serve::run(rest),
        "test" => test::run(rest),
        "fuzz" => fuzz::run(rest),
        "matrix" => test::write_matrix(),
        "ci" => work::run_to_the_end(work::command("bash").arg(".ci/run").args(rest)),
        "failures" => test::write_failures(),
        "models" => models::run()
            .map(|()| ExitCode::SUCCESS)
            .map_err(Failure::new),
        "bench" => bench::run(rest),
        "soak" => soak::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(Failure::new(format!("no task `{unknown}`\n{USAGE}"))),
    }
}
