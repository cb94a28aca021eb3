//! Secrets and certificates of a registration.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use time::{Date, Month, OffsetDateTime, Time};
use uuid::Uuid;

use super::directory::{Directory, Key};
use super::dispatch::Answer;
use super::refusal::Refusal;

/// `addPassword`.
pub(super) fn add(directory: &mut Directory, key: &Key, body: &Value) -> Answer {
    let index = directory.application(key)?;
    let asked = &body["passwordCredential"];
    let now = OffsetDateTime::now_utc();
    let ends = match &asked["endDateTime"] {
        Value::Null => now + Duration::from_secs(2 * 365 * 86_400),
        value => instant(value).ok_or_else(|| Refusal::bad("endDateTime is no date."))?,
    };
    lifetime(directory, ends)?;
    let id = Uuid::new_v4().to_string();
    // As long as Graph's, and with what some client forgets to encode.
    let secret = format!("{}~8Q~{}.", &Uuid::new_v4().simple().to_string()[..3], Uuid::new_v4());
    let credential = json!({
        "keyId": id,
        "displayName": asked["displayName"],
        "hint": secret[..3],
        "startDateTime": written(now),
        "endDateTime": written(ends),
        "customKeyIdentifier": null,
        "secretText": null,
    });
    directory.outdate(index);
    directory.secrets.insert(id, secret.clone());
    directory.given_out.push(secret.clone());
    let application = &mut directory.applications[index];
    if let Some(all) = application["passwordCredentials"].as_array_mut() {
        all.push(credential.clone());
    }
    let application = application.clone();
    directory.publish(&application);
    let mut answer = credential;
    answer["secretText"] = secret.into();
    Ok((StatusCode::OK, Some(answer)))
}

/// `removePassword`.
pub(super) fn remove(directory: &mut Directory, key: &Key, body: &Value) -> Answer {
    let index = directory.application(key)?;
    let id = body["keyId"].as_str().unwrap_or_default().to_owned();
    directory.outdate(index);
    let application = &mut directory.applications[index];
    let all = application["passwordCredentials"].as_array_mut();
    let before = all.as_ref().map_or(0, |all| all.len());
    let left = all.map_or(0, |all| {
        all.retain(|it| it["keyId"] != id.as_str());
        all.len()
    });
    if left == before {
        return Err(Refusal::bad(format!("No password credential found with keyId '{id}'.")));
    }
    directory.secrets.remove(&id);
    let application = directory.applications[index].clone();
    directory.publish(&application);
    Ok((StatusCode::NO_CONTENT, None))
}

/// The list that `new` makes of the list `old`, which it replaces.
pub(super) fn keys(directory: &Directory, old: &Value, new: &Value) -> Result<Value, Refusal> {
    let old = old.as_array().cloned().unwrap_or_default();
    let new = new.as_array().ok_or_else(|| Refusal::bad("keyCredentials is no list."))?;
    let mut all = Vec::new();
    for asked in new {
        let known =
            old.iter().find(|it| !asked["keyId"].is_null() && it["keyId"] == asked["keyId"]);
        if let Some(known) = known {
            if !asked["key"].is_null() && asked["key"] != known["key"] {
                return Err(Refusal::bad("Updates to an existing credential are not allowed.")
                    .with_detail("KeyCredentialsCannotBeChanged"));
            }
            all.push(known.clone());
            continue;
        }
        if asked["type"] != "AsymmetricX509Cert" || asked["usage"] != "Verify" {
            return Err(Refusal::bad("New key credentials need a known type and usage."));
        }
        let der = asked["key"].as_str().and_then(decoded);
        let der = der.ok_or_else(|| Refusal::bad("Key credential has no value."))?;
        let ends = instant(&asked["endDateTime"]);
        let ends = ends.ok_or_else(|| Refusal::bad("Key credential end date is invalid."))?;
        lifetime(directory, ends)?;
        let mut key = asked.clone();
        key["keyId"] = asked["keyId"]
            .as_str()
            .map_or_else(|| json!(Uuid::new_v4().to_string()), |id| json!(id));
        let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
        let hex = thumbprint.as_ref().iter().map(|byte| format!("{byte:02X}"));
        key["customKeyIdentifier"] = hex.collect::<String>().into();
        all.push(key);
    }
    Ok(all.into())
}

/// The certificate in a `key`.
pub(super) fn decoded(key: &str) -> Option<Vec<u8>> {
    let der = STANDARD.decode(key).ok()?;
    // A PEM file as it is, encoded once more, is the usual mistake.
    der.starts_with(&[0x30]).then_some(der)
}

fn lifetime(directory: &Directory, ends: OffsetDateTime) -> Result<(), Refusal> {
    let now = OffsetDateTime::now_utc();
    if ends <= now {
        return Err(Refusal::bad("Credential end date is in the past."));
    }
    match directory.longest_credential {
        Some(longest) if ends > now + longest => Err(Refusal::new(
            400,
            "CredentialInvalidLifetimeAsPerAppPolicy",
            "Credential lifetime exceeds the max value allowed as per assigned policy \
             '538f1913-366a-440a-95a0-e195cb55b282'.",
        )
        .with_detail("InvalidKeyEndDate")),
        _ => Ok(()),
    }
}

fn written(at: OffsetDateTime) -> String {
    let (hour, minute, second) = at.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", at.date())
}

/// `2027-05-22T00:00:00Z`, and nothing less.
fn instant(value: &Value) -> Option<OffsetDateTime> {
    let text = value.as_str()?;
    let rest = text.strip_suffix('Z')?;
    let (date, clock) = rest.split_once('T')?;
    let mut date = date.split('-');
    let year = date.next()?.parse().ok()?;
    let month = Month::try_from(date.next()?.parse::<u8>().ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, date.next()?.parse().ok()?).ok()?;
    let mut clock = clock.split(['.', ':']).map(|part| part.parse::<u8>());
    let mut next = || clock.next()?.ok();
    let clock = Time::from_hms(next()?, next()?, next()?).ok()?;
    Some(OffsetDateTime::new_utc(date, clock))
}
