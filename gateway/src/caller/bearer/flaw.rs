//! What may be wrong with an access token: all that a caller is told of it.
//!
//! Whoever set up a viewer has to be able to mend what is wrong with its tokens; whoever forges one
//! learns nothing that is not in the token. So these are constants, and tell signatures that are wrong
//! from keys that are not known, but nothing of either.

/// What is wrong with a token.
pub(super) type Flaw = &'static str;

pub(super) const TOO_LARGE: Flaw = "The access token is larger than 16 KiB";
pub(super) const MALFORMED: Flaw = "The access token is malformed";
pub(super) const ENCRYPTED: Flaw = "The access token is encrypted; the gateway takes signed ones";
pub(super) const CRITICAL: Flaw = "The access token's header demands what the gateway does not do";
pub(super) const ALGORITHM: Flaw = "The access token is signed with an algorithm not taken here";
pub(super) const TYPE: Flaw = "The token's type is not that of an access token taken here";
pub(super) const IDENTITY: Flaw =
    "This is an ID token; ask for an access token whose audience is this gateway";
pub(super) const PURPOSE: Flaw = "The token has neither scopes nor roles, as an ID token; ask for \
                                  an access token with a scope of this gateway";
pub(super) const GRAPH: Flaw =
    "The token is for Microsoft Graph; ask for one whose audience is this gateway";
pub(super) const AUDIENCE: Flaw =
    "The access token is for another audience; ask for one whose audience is this gateway";
pub(super) const ISSUER: Flaw = "The access token is of an issuer not taken here";
pub(super) const TENANT: Flaw = "The access token is of a tenant not taken here";
pub(super) const EXPIRED: Flaw = "The access token has expired";
pub(super) const EARLY: Flaw = "The access token is not valid yet";
pub(super) const ENDLESS: Flaw = "The access token has no end";
pub(super) const NOBODY: Flaw = "The access token does not say whom it is for";
pub(super) const SIGNATURE: Flaw = "The access token's signature is wrong";
pub(super) const UNKNOWN_KEY: Flaw = "The access token's key is none of its issuer's";
pub(super) const BINDING: Flaw =
    "The access token is bound to a key in a way that the gateway does not know";
pub(super) const CERTIFICATE: Flaw =
    "The access token is bound to a certificate that the connection did not show";
