//! What Entra's numbers (AADSTS…) mean to an operator.
//!
//! Entra says in prose what is wrong, with names of tenants and applications in it, so its prose goes
//! nowhere. Its numbers are known here, and get words of our own. `error` (RFC 6749, section 5.2) decides
//! where no number is known. What becomes of the caller follows from the [`Class`]: for a client that
//! asks for itself only throttling and passing trouble are worth another attempt (503); all else needs
//! an operator (500).

/// Where the fault lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// The client's credential.
    Credential,
    /// The application's registration.
    Application,
    /// The tenant or the cloud.
    Tenant,
    /// The DICOM service's registration.
    Resource,
    /// Consent or assignment that is missing.
    Consent,
    /// Something that only the user can do, by signing in.
    User,
    /// A policy, or an assignment, that an administrator keeps.
    Policy,
    /// The token that stands for a user.
    Assertion,
    /// The request itself.
    Request,
    /// The authority wants to be left alone.
    Throttle,
    /// It will pass.
    Transient,
}

impl Class {
    /// Its name in the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Application => "application",
            Self::Tenant => "tenant",
            Self::Resource => "resource",
            Self::Consent => "consent",
            Self::User => "user",
            Self::Policy => "policy",
            Self::Assertion => "assertion",
            Self::Request => "request",
            Self::Throttle => "throttle",
            Self::Transient => "transient",
        }
    }
}

/// What is wrong, and what to do about it.
#[derive(Debug)]
pub(crate) struct Advice {
    /// Where the fault lies.
    pub class: Class,
    /// What an operator should do, in a sentence.
    pub remedy: &'static str,
}

/// The advice for a refusal: by the first number that is known, else by its `error`.
pub(super) fn advice(codes: &[u32], error: &str) -> Option<&'static Advice> {
    let by_error = || ERRORS.iter().find(|(known, _)| *known == error).map(|(_, advice)| advice);
    known(codes).or_else(by_error)
}

/// The advice for the first of these numbers that is known.
pub(super) fn known(codes: &[u32]) -> Option<&'static Advice> {
    codes.iter().find_map(|code| {
        let known = CODES.iter().find(|(numbers, _)| numbers.contains(code));
        known.map(|(_, advice)| advice)
    })
}

const fn advise(class: Class, remedy: &'static str) -> Advice {
    Advice { class, remedy }
}

const CODES: &[(&[u32], Advice)] = &[
    // The credential.
    (
        &[7_000_215, 70_002],
        advise(
            Class::Credential,
            "this is no secret of the application: perhaps its ID was copied instead of its Value, \
             or an older one; make a new secret and copy its Value, which is shown once",
        ),
    ),
    (
        &[7_000_222],
        advise(
            Class::Credential,
            "the client secret has expired: make a new one and put its Value into the secret file",
        ),
    ),
    (
        &[7_000_216, 7_000_218],
        advise(
            Class::Credential,
            "no credential reached the authority: see whether the secret file is empty, and \
             whether something on the way rewrites the request",
        ),
    ),
    (
        &[700_025],
        advise(
            Class::Credential,
            "the application is registered as a public client: add the platform Web to it, and \
             switch off public client flows",
        ),
    ),
    (
        &[700_027, 7_000_274, 50_012],
        advise(
            Class::Credential,
            "the signature is of no registered key: upload this certificate to the application, \
             see that its thumbprint is the one shown there, and that the chain begins with it",
        ),
    ),
    (
        &[700_024],
        advise(
            Class::Credential,
            "the client assertion is from another time: set this machine's clock (NTP), and see \
             whether the federated token file is still renewed",
        ),
    ),
    (
        &[7_000_214, 7_000_277],
        advise(Class::Credential, "the certificate was revoked: use another, and register it"),
    ),
    (
        &[1_000_502],
        advise(
            Class::Credential,
            "the certificate is not valid now: renew it, register the new one, and see whether \
             this machine's clock is right",
        ),
    ),
    (
        &[700_030],
        advise(
            Class::Credential,
            "the certificate's subject or issuer is not trusted for this application: register \
             the certificate itself",
        ),
    ),
    (
        &[50_027, 50_048],
        advise(
            Class::Credential,
            "the client assertion does not fit: its issuer and subject must be this client's id, \
             its audience this tenant's token endpoint; see `id` and `authority`",
        ),
    ),
    (
        &[700_213, 7_002_131],
        advise(
            Class::Credential,
            "no federated credential of the application fits the token: issuer, subject and \
             audience must be the same to the letter, upper and lower case included",
        ),
    ),
    (
        &[700_229],
        advise(
            Class::Credential,
            "a token of Entra itself can stand for the client only if it is an app-only one: use \
             a managed identity's",
        ),
    ),
    (
        &[70_023],
        advise(
            Class::Credential,
            "the federated token lives too long: Entra takes those of at most a day; shorten it",
        ),
    ),
    // The application.
    (
        &[700_016],
        advise(
            Class::Application,
            "this tenant has no such application: compare `id` with the application (client) id, \
             not the object id, and `authority` with its tenant",
        ),
    ),
    (
        &[70_001, 7_000_112],
        advise(
            Class::Application,
            "the application is disabled or not in this tenant: enable its sign-in under \
             Enterprise applications",
        ),
    ),
    (
        &[1_000_031],
        advise(
            Class::Application,
            "the application cannot be used at this time: ask the tenant's administrator",
        ),
    ),
    // The tenant.
    (
        &[90_002, 900_023],
        advise(
            Class::Tenant,
            "there is no such tenant at this login host: look for a slip in `authority`, and for \
             the host of another cloud (.us, .cn)",
        ),
    ),
    (
        &[90_038, 900_432, 900_382],
        advise(
            Class::Tenant,
            "the tenant is in another national cloud: use that cloud's login host in `authority`",
        ),
    ),
    (
        &[50_194],
        advise(
            Class::Tenant,
            "the application belongs to one tenant: write that one's id in `authority`",
        ),
    ),
    // The resource.
    (
        &[500_011, 50_001],
        advise(
            Class::Resource,
            "this tenant knows no service of that name: compare `scope` with the DICOM service's \
             audience, and see that the service was deployed in this tenant and this cloud",
        ),
    ),
    (
        &[650_052],
        advise(
            Class::Resource,
            "this tenant has no subscription to the service: deploy one, or have an administrator \
             add its service principal",
        ),
    ),
    (
        &[650_057],
        advise(
            Class::Resource,
            "the application does not ask for this service: add it to its API permissions",
        ),
    ),
    // Consent.
    (
        &[65_001],
        advise(
            Class::Consent,
            "nobody consented to the application: have an administrator grant consent to its API \
             permissions",
        ),
    ),
    (
        &[65_005, 650_056],
        advise(
            Class::Consent,
            "the application's API permissions do not have what it asks for: add it there, and \
             have an administrator consent",
        ),
    ),
    (
        &[90_094, 90_095],
        advise(Class::Consent, "an administrator has to consent to the application"),
    ),
    (
        &[501_051],
        advise(
            Class::Consent,
            "the service demands an assignment: give the application one of its app roles",
        ),
    ),
    // Users and policies.
    (
        &[50_105],
        advise(
            Class::Policy,
            "the user is not assigned to the application: assign the user or a group under \
             Enterprise applications",
        ),
    ),
    (
        &[50_072, 50_074, 50_076, 50_078, 50_079, 50_158],
        advise(
            Class::User,
            "the tenant demands a further proof of a person, such as a second factor: the user has \
             to sign in again; an application by itself cannot",
        ),
    ),
    (
        &[53_000, 53_001, 53_002, 53_003, 53_004, 53_010, 53_011],
        advise(
            Class::Policy,
            "a conditional access policy blocks this: have its administrator let in the gateway's \
             address or workload identity; asking again changes nothing",
        ),
    ),
    (
        &[530_031, 530_032, 530_035],
        advise(
            Class::Policy,
            "an access policy or the security defaults forbid this token: ask the tenant's \
             administrator",
        ),
    ),
    (
        &[50_131, 50_097, 50_129],
        advise(
            Class::Policy,
            "a conditional access policy wants a device that is known and in order: ask the \
             tenant's administrator",
        ),
    ),
    (
        &[50_057, 50_173, 50_132, 50_133, 700_082, 70_008, 70_043],
        advise(
            Class::User,
            "the account is disabled, or its session has ended: the user has to sign in again",
        ),
    ),
    // The caller's token.
    (
        &[50_013, 500_131, 500_132, 500_133, 240_002],
        advise(
            Class::Assertion,
            "the caller's token cannot stand for its user, or has ended: the caller has to bring a \
             new one that is meant for this gateway",
        ),
    ),
    (
        &[7_000_114],
        advise(
            Class::Assertion,
            "the caller's token is an application's own and stands for no user, or the gateway's \
             application may not act on behalf of users: see `app_only`, or use grant = \
             \"client_credentials\"",
        ),
    ),
    // The request.
    (
        &[70_011, 28_002],
        advise(
            Class::Request,
            "the scope is none that the authority knows: compare `scope` with the service's \
             identifier (App ID URI)",
        ),
    ),
    (
        &[1_002_012],
        advise(Class::Request, "write `scope` with /.default at its end: nothing else is granted"),
    ),
    (&[700_022], advise(Class::Request, "`scope` may name one service only")),
    (
        &[900_144, 9_002_313, 90_014, 90_023, 900_561],
        advise(
            Class::Request,
            "the request arrived in another form than it was sent: look for a proxy between the \
             gateway and the authority",
        ),
    ),
    (
        &[501_481],
        advise(
            Class::Request,
            "a sign-in ended elsewhere than it began: see that both go to the same replica",
        ),
    ),
    (
        &[50_011],
        advise(
            Class::Request,
            "the redirect URI is not registered: add exactly this one to the application",
        ),
    ),
    (
        &[54_005],
        advise(Class::Request, "a sign-in's code was used twice: something repeats the callback"),
    ),
    // What passes.
    (
        &[50_196],
        advise(
            Class::Throttle,
            "the authority was asked the same too often: see whether many gateways share this \
             client, or one restarts again and again",
        ),
    ),
    (&[90_055], advise(Class::Throttle, "the tenant as a whole asks too often: wait")),
    (
        &[90_006, 90_012, 90_024, 90_033, 50_033, 50_087],
        advise(Class::Transient, "the authority has trouble of its own: wait"),
    ),
];

const ERRORS: &[(&str, Advice)] = &[
    (
        "invalid_client",
        advise(
            Class::Credential,
            "the authority does not accept the credential: compare it, and `id`, with what is \
             registered there",
        ),
    ),
    (
        "unauthorized_client",
        advise(
            Class::Application,
            "the client may not use this grant: allow it client credentials at the authority",
        ),
    ),
    (
        "unsupported_grant_type",
        advise(Class::Request, "the authority does not know client credentials: see `authority`"),
    ),
    (
        "invalid_scope",
        advise(Class::Request, "the authority does not grant this `scope` to this client"),
    ),
    (
        "invalid_request",
        advise(Class::Request, "the authority finds the request malformed: see `authority`"),
    ),
    (
        "invalid_resource",
        advise(Class::Resource, "the authority knows no such service: see `scope`"),
    ),
    (
        "invalid_target",
        advise(Class::Resource, "the authority gives no token for this service: see `scope`"),
    ),
    ("access_denied", advise(Class::Consent, "the authority forbids this: ask its administrator")),
    (
        "invalid_grant",
        advise(Class::Consent, "the authority gives this client no token: ask its administrator"),
    ),
    (
        "interaction_required",
        advise(
            Class::User,
            "the authority wants a person to sign in: a policy counts this client among them; ask \
             its administrator",
        ),
    ),
    ("server_error", advise(Class::Transient, "the authority has trouble of its own: wait")),
    (
        "temporarily_unavailable",
        advise(Class::Transient, "the authority has trouble of its own: wait"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_has_two_meanings() {
        let mut codes = CODES.iter().flat_map(|(codes, _)| *codes).collect::<Vec<_>>();
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }

    #[test]
    fn the_first_number_that_is_known_decides_and_else_the_error() {
        let class = |codes: &[u32], error| advice(codes, error).map(|advice| advice.class);
        assert_eq!(class(&[1, 700_016, 7_000_215], "invalid_client"), Some(Class::Application));
        assert_eq!(class(&[1], "invalid_scope"), Some(Class::Request));
        assert_eq!(class(&[], "another error"), None);
    }
}
