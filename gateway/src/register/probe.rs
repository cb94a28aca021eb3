//! Whether the authority takes a credential by now.
//!
//! A directory tells its authority of a new credential within a minute, and not all of its machines
//! at the same time: one that is taken once may still be refused by the next one. So it has to be
//! taken several times in a row.

use std::time::Duration;

use certs::{H2, HTTP_11, TrustAnchors};
use config::Client;
use tokio::time::Instant;

use super::error::Error;
use super::report::Report;
use crate::token::{ConfidentialClient, Grant};

/// Waits until this client gets tokens for this scope, as a gateway would ask for them.
pub(super) async fn accepted(client: &Client, scope: &str, report: &Report) -> Result<(), Error> {
    let wrong = |error: &dyn std::error::Error| Error::Configuration(error.to_string());
    let anchors = TrustAnchors::load(client.anchors.as_deref()).map_err(|error| wrong(&error))?;
    let tls = anchors.client_config(&[H2, HTTP_11]);
    let client = ConfidentialClient::new(client.clone(), &tls, 0).map_err(|error| wrong(&error))?;
    report.begin("a token with the new credential");
    let (began, mut pause, mut in_a_row) = (Instant::now(), FIRST_PAUSE, 0);
    loop {
        match client.acquire(scope, &Grant::ClientCredentials, None).await {
            Ok(_) => {
                in_a_row += 1;
                if in_a_row == IN_A_ROW {
                    return Ok(());
                }
            }
            Err(error) if began.elapsed() > PATIENCE => {
                return Err(Error::NotAccepted(Box::new(error)));
            }
            Err(_) => {
                in_a_row = 0;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

const IN_A_ROW: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_millis(200);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Longer than a new credential was ever seen to take.
const PATIENCE: Duration = Duration::from_secs(180);
