//! Signatures of requests from Slack and `PagerDuty`.

use crate::hex;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use slo_core::{
    Error,
    model::{Timestamp, Window},
};

/// The result of checking a signature.
pub type Signature = Result<(), Error>;

/// The most signatures that are checked.
const MOST_SIGNATURES: usize = 10;

/// How old a request may be: an older one may be a replay by somebody who saw it.
const OLDEST: Window = Window::minutes(5);

/// Checks that Slack signed `body`.
///
/// `header` is `X-Slack-Signature`: `v0=` and the HMAC-SHA-256 of `v0:{timestamp}:{body}` in hexadecimal
/// digits. `timestamp` is `X-Slack-Request-Timestamp`, in seconds, at most five minutes from `now`.
///
/// Source: Slack, *Verifying requests from Slack*.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::notify::slack_signature;
///
/// // An example of Slack's documentation.
/// let secret = b"8f742231b10e8888abcd99yyyzzz85a5";
/// let header = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
/// let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
///     channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
///     response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
///     trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
/// let now = Timestamp::from_seconds(1_531_420_618);
/// assert!(slack_signature(secret, header, "1531420618", body, now).is_ok());
/// assert!(slack_signature(b"another", header, "1531420618", body, now).is_err());
/// assert!(slack_signature(secret, header, "1531420618", body, Timestamp::from_seconds(1_531_421_618)).is_err());
/// ```
///
/// # Errors
/// A signature that does not match, or a timestamp too far from `now`.
pub fn slack_signature(
    secret: &[u8],
    header: &str,
    timestamp: &str,
    body: &[u8],
    now: Timestamp,
) -> Signature {
    let seconds: i64 =
        timestamp.parse().map_err(|_| Error::new("the timestamp of the request is not a number"))?;
    let time = Timestamp::from_seconds(seconds);
    if time.millis_since(now).max(now.millis_since(time)) > OLDEST.as_millis() {
        return Err(Error::new("the timestamp of the request is more than five minutes off")
            .with_hint("check the clock of this machine"));
    }
    let digest = header.strip_prefix("v0=").and_then(hex::decode).ok_or_else(unsigned)?;
    let mac = mac(secret, &[b"v0:", timestamp.as_bytes(), b":", body])?;
    mac.verify_slice(&digest).map_err(|_| unsigned())
}

/// Checks that `PagerDuty` signed `body`.
///
/// `header` is `X-PagerDuty-Signature`. One of its signatures must be `v1=` and the HMAC-SHA-256 of the body
/// in hexadecimal digits. There are several while a secret is being replaced.
///
/// Source: `PagerDuty`, *Verifying signatures* of webhooks v3.
///
/// ```
/// use slo_ops::notify::pagerduty_signature;
///
/// let header = "v1=00,v1=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad";
/// assert!(pagerduty_signature(b"", header, b"").is_ok()); // the HMAC of nothing, by nothing
/// assert!(pagerduty_signature(b"secret", header, b"").is_err());
/// ```
///
/// # Errors
/// No matching signature.
pub fn pagerduty_signature(secret: &[u8], header: &str, body: &[u8]) -> Signature {
    let digests = header.split(',').filter_map(|one| hex::decode(one.trim().strip_prefix("v1=")?));
    let mac = mac(secret, &[body])?;
    for digest in digests.take(MOST_SIGNATURES) {
        if mac.clone().verify_slice(&digest).is_ok() {
            return Ok(());
        }
    }
    Err(unsigned())
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> Result<Hmac<Sha256>, Error> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret).map_err(|_| Error::new("the secret is not a valid key"))?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac)
}

fn unsigned() -> Error {
    Error::new("the signature does not match the request")
        .with_hint("configure the secret that the sender signs with")
}
