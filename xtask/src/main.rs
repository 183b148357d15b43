//! What has to be made or checked around Coracle's sources: the component, generated files, dependencies.

mod commands;
mod component;
mod deps;
mod fixtures;
mod generated;
mod perturb;
mod process;
mod root;
mod wire;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::generated::Mode;

#[derive(Parser)]
#[command(about, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the core and write the component that both hosts embed, and the one for tests
    Component {
        #[command(flatten)]
        check: Check,
        /// Only the component for tests, which has faults on request
        #[arg(long)]
        testing_only: bool,
    },
    /// Write the Go host's constants from wit/
    Wire(Check),
    /// Write the core's table of commands from what real servers say of them
    Commands(Commands),
    /// Write the components on which the Go linker is tested
    Fixtures(Check),
    /// See that both hosts' vector tests fail on a component with one changed byte
    Perturb,
    /// See that no part depends on one that it must not know
    CheckDeps,
}

#[derive(Args)]
struct Check {
    /// Write nothing; fail if a committed file differs from what would be written
    #[arg(long)]
    check: bool,
}

#[derive(Args)]
struct Commands {
    #[command(flatten)]
    check: Check,
    /// Instead, keep what the server at this URL says, for tables made where no such server is at hand
    #[arg(long, value_name = "URL", conflicts_with = "check")]
    record: Option<String>,
}

impl Check {
    fn mode(&self) -> Mode {
        if self.check { Mode::Check } else { Mode::Write }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without the backtrace that `main` would print: what failed is a file or a program, not a line here.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Component { check, testing_only } => component::run(check.mode(), testing_only),
        Task::Wire(check) => wire::run(check.mode()),
        Task::Commands(Commands { record: Some(url), .. }) => commands::record(&url),
        Task::Commands(Commands { check, .. }) => commands::run(check.mode()),
        Task::Fixtures(check) => fixtures::run(check.check),
        Task::Perturb => perturb::run(),
        Task::CheckDeps => deps::run(),
    }
}
