//! A route's token on behalf of a user, as the user's viewer would get it.

use std::path::Path;
use std::time::Instant;

use config::{AppOnly, OnBehalfOf, PrivateFile};

use super::client::{Got, life};
use super::finding::{Said, Section, plain};
use super::refusal;
use super::token::Decoded;
use crate::build;
use crate::caller::{Issuers, Peer};
use crate::token::{self, Grant};

/// What a user's token is exchanged with.
pub(super) struct Exchange<'e> {
    pub(super) route: &'e config::Route,
    pub(super) client: &'e config::Client,
    pub(super) terms: OnBehalfOf,
    /// Whose tokens the route takes.
    pub(super) issuers: Option<&'e Issuers>,
}

/// Judges the token in this file as the route would, and exchanges it.
pub(super) async fn token(
    section: &mut Section<'_>,
    file: Option<&Path>,
    exchange: &Exchange<'_>,
) -> Option<Got> {
    let Some(file) = file else {
        section.say(
            "user",
            Said::skip(
                "tokens are got on behalf of users, and no user is here: write the access token of \
                 one, for this gateway, into a file of mode 0600, and name it with --token-file",
            ),
        );
        return None;
    };
    section.check("user", exchanged(file, exchange)).await
}

async fn exchanged(file: &Path, exchange: &Exchange<'_>) -> Result<(Said, Got), Said> {
    let Exchange { route, client, terms, issuers } = exchange;
    let content = PrivateFile::new(file).read().map_err(|error| {
        Said::fail(
            format!("{} cannot be read: {error}", file.display()),
            "a token is as good as a password while it lives: have its file readable by you alone \
             (chmod 600)",
        )
    })?;
    let text = str::from_utf8(&content).unwrap_or_default().trim();
    let shown = Decoded::read(text);
    let issuers = issuers.ok_or_else(|| Said::skip("the route's issuers cannot be asked"))?;
    let user = issuers.verify(text, &Peer::default()).await.map_err(|why| {
        let says = format!(
            "callers with this token are refused: {}; it says: {}",
            why.reason(),
            shown.words()
        );
        Said::fail(says, wanted(route))
    })?;
    if user.is_app_only() {
        return Err(match terms.app_only {
            AppOnly::Refuse => Said::fail(
                format!(
                    "callers with this token are refused, since no user is behind it: {}",
                    shown.words()
                ),
                "bring the token of a person who signed in to a viewer; for applications see \
                 `app_only`",
            ),
            AppOnly::ClientCredentials => {
                Said::skip("no user is behind this token: the application's own is used for it")
            }
        });
    }
    let client = build::client(client, &mut Vec::new())
        .map_err(|_| Said::skip("the client's credential cannot be used"))?;
    let assertion = user.assertion().clone();
    let grant = Grant::OnBehalfOf(token::OnBehalfOf {
        assertion,
        tenant: user.tenant(),
        exchange: terms.exchange,
    });
    match client.acquire(&route.scope, &grant, None).await {
        Ok(token) => {
            let decoded = Decoded::of(&token);
            let left = life(token.life_left(Instant::now()));
            let said =
                Said::ok(format!("on behalf of a user: {}, usable for {left}", decoded.words()));
            let said = decoded.facts(said, &token).fact("scope", plain(&route.scope));
            Ok((said, Got { token, decoded }))
        }
        Err(error) => Err(refusal::of_token("on behalf of a user", "", &error)),
    }
}

fn wanted(route: &config::Route) -> String {
    let config::Callers::Known(known) = &route.callers else { return String::new() };
    let of = known.bearer.iter().map(|bearer| {
        format!("one of {} for {}", plain(&bearer.issuer), plain(&bearer.audiences.join(" or ")))
    });
    let of = of.collect::<Vec<_>>().join(", or ");
    format!(
        "the route takes {of}: have the viewer ask for that one (scope api://<application id>/…)"
    )
}
