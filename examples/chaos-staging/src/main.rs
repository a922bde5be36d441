//! A checkout in staging: a load balancer, replicas, and an inventory that they ask. Each protection can be switched off.
//!
//!     chaos-staging inventory --port 9001
//!     chaos-staging replica --port 9101 --inventory 127.0.0.1:9001 --inventory 127.0.0.1:9002 --hedge-after 60
//!     chaos-staging balancer --port 9000 --replica 127.0.0.1:9101 --timeout 100 --retries 2 --eject
//!     chaos-staging customers --of 127.0.0.1:9000 --rate 200

mod balancer;
mod client;
mod customers;
mod replica;

use clap::{Parser, Subcommand};
use std::{error::Error, fs, path::PathBuf, process::ExitCode, time::Duration};

#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say what is in stock
    Inventory {
        #[arg(long)]
        port: u16,
    },
    /// Check orders out
    Replica {
        #[arg(long)]
        port: u16,
        /// `host:port`; given twice
        #[arg(long, required = true)]
        inventory: Vec<String>,
        /// Also ask the other inventory if the first has not answered within so many milliseconds
        #[arg(long)]
        hedge_after: Option<u64>,
        /// The file for the number of this process
        #[arg(long)]
        pid_file: PathBuf,
        /// The token with which experiments may inject faults
        #[arg(long)]
        token: Option<String>,
    },
    /// Pass checkouts on to the replicas, in turn
    Balancer {
        #[arg(long)]
        port: u16,
        /// `host:port`; may be given several times
        #[arg(long, required = true)]
        replica: Vec<String>,
        /// The milliseconds that a replica may take
        #[arg(long, default_value_t = 800)]
        timeout: u64,
        /// How many other replicas to try after a failure
        #[arg(long, default_value_t = 0)]
        retries: usize,
        /// Leave a replica out for a while after three failures in a row
        #[arg(long)]
        eject: bool,
    },
    /// Check out, again and again
    Customers {
        /// `host:port` of the balancer
        #[arg(long)]
        of: String,
        /// Checkouts a second
        #[arg(long, default_value_t = 200)]
        rate: u32,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse().verb).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a program of its own")]
            {
                eprintln!("{error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(verb: Verb) -> Result<(), Box<dyn Error>> {
    match verb {
        Verb::Inventory { port } => replica::inventory(port).await,
        Verb::Replica { port, inventory, hedge_after, pid_file, token } => {
            fs::write(pid_file, std::process::id().to_string())?;
            replica::replica(port, inventory, hedge_after.map(Duration::from_millis), token).await
        }
        Verb::Balancer { port, replica, timeout, retries, eject } => {
            balancer::balancer(port, &replica, Duration::from_millis(timeout), retries, eject).await
        }
        Verb::Customers { of, rate } => customers::customers(&of, rate).await,
    }
}
