//! Assertions that are themselves the grant (RFC 7523, section 2.1), with Google's claims.

use jsonwebtoken::DecodingKey;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::json;

use super::assertion::Assertion;
use super::form::Form;
use super::refusal::Refusal;
use super::settings::Settings;

/// An account with one key.
#[derive(Clone)]
pub(crate) struct ServiceAccount {
    email: String,
    key: DecodingKey,
}

impl ServiceAccount {
    /// A new account with a new key, and its key file as Google's console would give it.
    pub(super) fn new(email: &str, token_uri: &str) -> (Self, String) {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key");
        let public = pair.public_key_pem();
        let key = DecodingKey::from_rsa_pem(public.as_bytes()).expect("our own key");
        let file = json!({
            "type": "service_account",
            "project_id": "imaging",
            "private_key_id": "0123456789abcdef",
            "private_key": pair.serialize_pem(),
            "client_email": email,
            "client_id": "100000000000000000000",
            "token_uri": token_uri,
        });
        (Self { email: email.to_owned(), key }, file.to_string())
    }
}

/// Gives the audience of the token that the assertion of `form` has a right to.
pub(super) fn check(form: &Form, settings: &Settings, here: &str) -> Result<String, Refusal> {
    let text = form.field("assertion").ok_or_else(|| Refusal::missing("assertion"))?;
    let assertion = Assertion::read(text)?;
    let account = settings.service_accounts.iter().find(|it| assertion.is_of(&it.email));
    let account = account.ok_or_else(|| Refusal::bad_grant("Invalid grant: account not found"))?;
    assertion.verify(&account.key).map_err(|_| Refusal::bad_grant("Invalid JWT Signature."))?;
    assertion.check_time(Some(3600.0)).map_err(|_| Refusal::bad_grant("Invalid JWT: its times"))?;
    if assertion.claim("aud") != here {
        return Err(Refusal::bad_grant("Invalid JWT: its audience is another."));
    }
    if assertion.claim("scope") != settings.scope {
        return Err(Refusal::bad_scope(assertion.claim("scope")));
    }
    if form.pairs.len() != 2 {
        return Err(Refusal::malformed("There is more than the grant and its assertion."));
    }
    Ok(settings.audience().to_owned())
}
