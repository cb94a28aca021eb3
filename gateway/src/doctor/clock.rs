//! This machine's clock, beside that of an authority.

use std::time::{Duration, SystemTime};

use http::header;
use url::Url;

use super::finding::{Said, chain};
use super::reach::seconds;
use crate::token::exchange;

/// Asks there for nothing but the time, which every answer tells (RFC 9110, section 6.6.1).
pub(super) async fn compare(
    url: &Url,
    tls: rustls::ClientConfig,
    limit: Duration,
) -> Result<(Said, ()), Said> {
    // What there is to say of one who does not answer, the next check says.
    let unsaid = |why: String| Said::skip(format!("no answer tells the time: {why}"));
    let http = exchange::http(tls, limit).map_err(|error| unsaid(chain(&error)))?;
    let sent = SystemTime::now();
    let asked = http.get(url.clone()).header(header::ACCEPT, "application/json").send();
    let answer = match tokio::time::timeout(limit, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(unsaid(chain(&error.without_url()))),
        Err(_) => return Err(unsaid(format!("none within {}", seconds(limit)))),
    };
    let received = SystemTime::now();
    let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Err(unsaid("it has no Date".to_owned()));
    };
    Ok((judge(theirs, sent, received), ()))
}

/// `theirs` is cut to a second, and was written at some time between the others.
fn judge(theirs: SystemTime, sent: SystemTime, received: SystemTime) -> Said {
    let behind = theirs.duration_since(received).unwrap_or_default();
    let ahead = sent.duration_since(theirs + Duration::from_secs(1)).unwrap_or_default();
    let apart = behind.max(ahead);
    let side = if behind > ahead { "behind" } else { "ahead of" };
    let skew = apart.as_secs();
    let says = format!("this machine's clock is {} {side} the authority's", words(skew));
    let said = match skew {
        0..=SMALL => Said::ok(if skew == 0 { "the clocks agree".to_owned() } else { says }),
        LARGER.. => Said::fail(says, REMEDY),
        _ => Said::warn(says, REMEDY),
    };
    let skew = i64::try_from(skew).unwrap_or(i64::MAX);
    said.fact("skew_secs", if behind > ahead { -skew } else { skew })
}

fn words(skew: u64) -> String {
    match skew {
        0..120 => format!("{skew} s"),
        120..7200 => format!("{} min", skew / 60),
        _ => format!("{} h", skew / 3600),
    }
}

/// In seconds: what a machine without NTP has after some weeks.
const SMALL: u64 = 30;

/// More than Entra lets pass.
const LARGER: u64 = 301;

const REMEDY: &str = "set it, and keep it right (NTP: timedatectl set-ntp true): assertions, \
                      tokens and certificates hold for certain times, and Entra allows for five \
                      minutes";

#[cfg(test)]
mod tests {
    use super::super::finding::{Finding, Section, Verdict};
    use super::*;

    #[test]
    fn half_a_minute_passes_and_five_minutes_do_not() {
        for (offset, verdict, words) in [
            (0, Verdict::Ok, "the clocks agree"),
            (-1, Verdict::Ok, "the clocks agree"),
            (30, Verdict::Ok, "this machine's clock is 30 s behind the authority's"),
            (31, Verdict::Warn, "this machine's clock is 31 s behind the authority's"),
            (-32, Verdict::Warn, "this machine's clock is 31 s ahead of the authority's"),
            (300, Verdict::Warn, "this machine's clock is 5 min behind the authority's"),
            (301, Verdict::Fail, "this machine's clock is 5 min behind the authority's"),
            (-90_001, Verdict::Fail, "this machine's clock is 25 h ahead of the authority's"),
        ] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            let theirs = match u64::try_from(offset) {
                Ok(seconds) => now + Duration::from_secs(seconds),
                Err(_) => now - Duration::from_secs(i64::unsigned_abs(offset)),
            };
            let mut found = Vec::<Finding>::new();
            let mut tell = |finding| found.push(finding);
            Section::new("client", &mut tell).say("clock", judge(theirs, now, now));
            assert_eq!((found[0].verdict, found[0].says.as_str()), (verdict, words), "{offset}");
        }
    }
}
