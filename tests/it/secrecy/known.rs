//! Callers who have to say who they are, users on whose behalf the gateway acts, and other proxies that
//! ask it: each is let in, refused, and met by every fault of the servers around.

use std::fs;
use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gateway::KeyFile;
use gateway_tests::authority::Answer;
use gateway_tests::issuer::{Draft, Issuer, SigningKey};
use gateway_tests::world::Toml;
use gateway_tests::{RawCaller, Recorder, Reply, World};
use serde_json::json;

use super::canaries::Canaries;
use super::{Asker, Stage};

mod files;

#[tokio::test]
async fn nothing_of_callers_who_are_known_is_told_in_text() {
    everybody_calls("text").await;
}

#[tokio::test]
async fn nothing_of_callers_who_are_known_is_told_in_json() {
    everybody_calls("json").await;
}

async fn everybody_calls(format: &str) {
    let (world, recorder) = (World::new().await, Recorder::start().await);
    let issuer = Issuer::start(&world.ca).await;
    let (mut canaries, mut shown) = <(Canaries, Canaries)>::default();
    let secret = canaries.plant("client secret");
    world.authority.set_secrets(&[&secret]);
    world.scratch.file("client-secret", &secret);
    let keys = KeyFile::at(&world.scratch.path().join("api-keys")).unwrap();
    let key = keys.generate("ward-7".parse().unwrap(), None).unwrap().to_string();
    let password = shown.plant("password");
    keys.add_password("slicer".parse().unwrap(), &password, None).unwrap();
    shown.add("API key", &key);
    for line in fs::read_to_string(keys.path()).unwrap().lines() {
        canaries.add("hash of a key", line.rsplit([':', '$']).next().unwrap());
    }
    let rules = Rules { role: canaries.plant("role"), subject: canaries.plant("subject") };
    let toml = toml(&world, (&issuer, &recorder), (&rules, format));
    let mut stage = Stage::new(&world, &recorder, toml, canaries).await;
    stage.shown.extend(&shown);
    let mut cast = Cast { stage, issuer, rules, key, password };

    cast.those_who_are_let_in().await;
    cast.those_who_are_not().await;
    cast.stage.callers_who_show_something().await;
    cast.users_who_have_something_to_do().await;
    cast.other_proxies().await;
    cast.issuers_and_files_that_are_wrong().await;
    cast.stage.askers = cast.askers();
    cast.stage.an_ill_bred_origin_server().await;
    cast.stage.ill_bred_authorities("\"opaque\"").await;

    cast.stage.search_all_that_was_said().await;
}

/// All that call, and the stage that they call on.
struct Cast<'w> {
    stage: Stage<'w>,
    issuer: Issuer,
    rules: Rules,
    key: String,
    password: String,
}

/// Whom permits are for.
struct Rules {
    role: String,
    subject: String,
}

impl Cast<'_> {
    async fn those_who_are_let_in(&mut self) {
        let told = self.stage.answers.len();
        for (prefix, credential) in self.askers() {
            let (name, value) = credential.unwrap();
            for below in ["", "/partitions/radiology"] {
                let uid = self.stage.canaries.plant_uid();
                let patient = self.stage.canaries.plant("patient");
                let lines = format!("{name}: {value}\r\n");
                let target = format!("{prefix}{below}/studies/{uid}/series?PatientName={patient}");
                self.says(self.stage.callers, &format!("GET {target}"), &lines).await;
                let target = format!("{prefix}{below}/studies/{uid}/metadata?PatientID={patient}");
                self.says(self.stage.callers, &format!("GET {target}"), &lines).await;
                // Of no permit's.
                let target = format!("{prefix}{below}/studies/{uid}?PatientName={patient}");
                let status =
                    self.says(self.stage.callers, &format!("DELETE {target}"), &lines).await;
                assert_eq!(status, 403, "{prefix}{below} {name}");
            }
        }
        let answers = String::from_utf8_lossy(&self.stage.answers[told..]);
        let good = answers.matches("HTTP/1.1 200").count();
        assert!(good >= 20, "{good} in {answers}");
    }

    async fn those_who_are_not(&mut self) {
        let forger = SigningKey::es256(&self.stage.shown.plant("kid"));
        let mut drafts = (0..9).map(|_| self.caller()).collect::<Vec<_>>();
        let mut draft = || drafts.pop().unwrap();
        let key = self.issuer.key();
        let shown = &mut self.stage.shown;
        let mut tokens = vec![
            draft().sign(&forger),
            draft().with("exp", 17).sign(key),
            draft().with("exp", json!(shown.plant("end"))).sign(key),
            draft().with("aud", shown.plant("audience")).sign(key),
            draft().with("iss", format!("https://{}.example", shown.plant("issuer"))).sign(key),
            draft().with("tid", shown.plant("tenant")).with("roles", json!([])).sign(key),
            draft().with("nonce", shown.plant("nonce")).without(&["scp", "azp"]).sign(key),
            draft().header("crit", json!([shown.plant("crit")])).sign(key),
            draft().header("alg", shown.plant("alg")).sign(key),
        ];
        for token in &tokens {
            shown.add("bearer", token);
        }
        let opaque = tokens[1].replacen('.', "!", 1);
        tokens.push(opaque);
        // One character too few, and one that is another.
        let (short, wrong) = (&self.key[..self.key.len() - 1], self.key.replace("dgw_", "dgw-"));
        self.stage.shown.add("most of a key", short);
        tokens.extend([short.to_owned(), wrong]);
        let user = self.stage.shown.plant("user");
        let pair = STANDARD.encode(format!("{user}:{}x", self.password));
        let mut fields = vec![format!("Authorization: Basic {pair}\r\n")];
        fields.extend(tokens.iter().map(|token| format!("Authorization: Bearer {token}\r\n")));
        fields.push(format!("X-Api-Key: {}\r\nX-Api-Key: {}\r\n", self.key, tokens[0]));
        for prefix in ["/dicom-web", "/users"] {
            for lines in &fields {
                let (uid, query) =
                    (self.stage.canaries.plant_uid(), self.stage.canaries.plant("query"));
                let line = format!("GET {prefix}/studies/{uid}/series?PatientName={query}");
                self.says(self.stage.callers, &line, lines).await;
            }
            let line = format!("GET {prefix}/studies?access_token={}", tokens[0]);
            self.says(self.stage.callers, &line, "").await;
        }
    }

    /// No consent, a second factor, a session that is over, and a demand of the origin server's.
    async fn users_who_have_something_to_do(&mut self) {
        let authority = &self.stage.world.authority;
        let mut canary = |kind| self.stage.canaries.plant(kind);
        let user = authority.user(&canary("user without consent"));
        authority.withhold_consent(&user);
        let guarded = authority.user(&canary("user with one factor"));
        authority.demand_second_factor(&guarded);
        let failing = authority.user(&canary("user who fails"));
        let said = canary("authority's words on a user");
        let refusal = |error: &str, more: &str| {
            Answer::status(
                400,
                "application/json",
                format!(
                    "{{\"error\":\"{error}\",\"error_description\":\"AADSTS50173 {said}\"{more}}}"
                ),
            )
        };
        let mut lines = Vec::new();
        for user in [user, guarded] {
            self.stage.canaries.add("object id", &user.oid);
            lines.push(self.user_shows(&authority.issue_user_token(&user)));
        }
        for lines in lines {
            self.studies_of("/users", &lines).await;
        }
        let more =
            format!(",\"claims\":\"{said}\",\"suberror\":\"{said}\",\"error_codes\":[50173]");
        for answer in [
            refusal("invalid_grant", ""),
            refusal("invalid_grant", &more),
            refusal("interaction_required", ",\"error_codes\":[50076]"),
            refusal(&said, ""),
            Answer::status(200, "application/json", format!("{{\"access_token\":\"{said} \"}}")),
            Answer::status(500, "text/html", said.clone()),
            Answer::Reset,
        ] {
            authority.answer_user(&failing, answer);
            let lines = self.user_shows(&authority.issue_user_token(&failing));
            self.studies_of("/users", &lines).await;
        }
        // What is demanded of a user is the viewer's to know, and nobody else's.
        let demand = self.stage.canaries.plant("demand");
        let claims =
            STANDARD.encode(json!({"access_token": {"acrs": {"value": demand}}}).to_string());
        let reply = format!(
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"\", \
             error=\"insufficient_claims\", claims=\"{claims}\"\r\nContent-Length: 0\r\n\r\n"
        );
        self.stage.recorder.reply_with(Reply::Bytes(reply.into()));
        for (prefix, credential) in self.askers() {
            let (name, value) = credential.unwrap();
            let told = self.stage.answers.len();
            self.studies_of(prefix, &format!("{name}: {value}\r\n")).await;
            self.stage.answers.truncate(told);
        }
        self.stage.recorder.reply_with(Reply::Ok);
    }

    /// What they describe, what comes with it, and what they are told when no token is to be had.
    async fn other_proxies(&mut self) {
        let proxies = self.proxies();
        let mut given = 0;
        for answer in [None, Some(Answer::unavailable()), Some(Answer::Reset)] {
            let fails = answer.is_some();
            if let Some(answer) = answer {
                self.stage.world.authority.answer_with(answer);
                self.stage.reload_with_another_client().await;
            }
            for (prefix, credential) in self.askers().into_iter().chain([("/nowhere", None)]) {
                let mut canary = |kind| self.stage.canaries.plant(kind);
                let shows = credential.map(|(name, value)| format!("{name}: {value}\r\n"));
                let shows = shows.unwrap_or_default();
                let (query, odd) = (canary("described query"), canary("described oddly"));
                let uid = self.stage.canaries.plant_uid();
                for described in [
                    format!(
                        "X-Original-Uri: {prefix}/studies/{uid}/series?PatientName={query}\r\n"
                    ),
                    format!("X-Original-Uri: {prefix}/studies/{uid}/../{odd}\r\n"),
                    format!("X-Original-Uri: https://{odd}{prefix}/studies\r\n"),
                    format!("X-Original-Uri: /{odd}\r\nX-Original-Uri: /{odd}\r\n"),
                    format!("X-Original-Method: {odd}\r\nX-Original-Uri: {prefix}/studies\r\n"),
                ] {
                    let method = if described.contains("-Method") {
                        ""
                    } else {
                        "X-Original-Method: GET\r\n"
                    };
                    let lines = format!("{method}{described}{shows}Cookie: {odd}\r\n");
                    given += usize::from(self.says(proxies, "GET /", &lines).await == 200);
                }
            }
            assert!(given > 0 || fails, "no proxy was given a token");
        }
        self.stage.world.authority.answer_well();
        self.stage.reload_with_another_client().await;
    }

    /// One good credential of each kind.
    fn askers(&mut self) -> Vec<Asker> {
        let caller = self.caller().sign(self.issuer.key());
        let authority = &self.stage.world.authority;
        let user = authority.user(&self.stage.canaries.plant("name of a user"));
        self.stage.canaries.add("object id", &user.oid);
        let user = authority.issue_user_token(&user);
        for token in [&caller, &user] {
            self.stage.shown.add("bearer", token);
            self.stage.shown.add("bearer's signature", token.rsplit('.').next().unwrap());
        }
        let name = self.stage.shown.plant("name beside a password");
        let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")));
        let shows = |prefix, value| (prefix, Some(("authorization", value)));
        vec![
            shows("/dicom-web", format!("Bearer {caller}")),
            shows("/dicom-web", format!("Bearer {}", self.key)),
            shows("/dicom-web", basic(&self.key)),
            shows("/dicom-web", basic(&self.password)),
            ("/dicom-web", Some(("x-api-key", self.key.clone()))),
            shows("/users", format!("Bearer {user}")),
        ]
    }

    /// A token to be, of somebody whom permits are for, with something in each claim.
    fn caller(&mut self) -> Draft {
        let mut shown = |kind| self.stage.shown.plant(kind);
        let draft = self.issuer.user();
        draft
            .with("oid", self.rules.subject.as_str())
            .with("roles", json!([self.rules.role, shown("role")]))
            .with("groups", json!([shown("group")]))
            .with("scp", shown("scope"))
            .with("sub", shown("sub"))
            .with("azp", shown("application"))
            .with("name", shown("name"))
            .with("preferred_username", format!("{}@hospital.example", shown("address")))
            .with("jti", shown("jti"))
    }

    fn user_shows(&mut self, token: &str) -> String {
        self.stage.shown.add("assertion", token);
        self.stage.shown.add("assertion's signature", token.rsplit('.').next().unwrap());
        format!("Authorization: Bearer {token}\r\n")
    }

    async fn studies_of(&mut self, prefix: &str, lines: &str) -> u16 {
        let uid = self.stage.canaries.plant_uid();
        self.says(self.stage.callers, &format!("GET {prefix}/studies/{uid}/series"), lines).await
    }

    /// The status of the answer to this. What is told of it is kept but for the token that other
    /// proxies are to be told.
    async fn says(&mut self, address: SocketAddr, line: &str, lines: &str) -> u16 {
        let mut caller = RawCaller::connect(address).await.unwrap();
        let fields = "Host: localhost\r\nConnection: close\r\n";
        caller.send(format!("{line} HTTP/1.1\r\n{fields}{lines}\r\n")).await.unwrap();
        let heard = caller.read_to_end().await;
        let text = String::from_utf8_lossy(&heard);
        let status = text.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        for line in text.split_inclusive("\r\n") {
            let is_token = line.to_ascii_lowercase().starts_with("authorization: bearer ");
            if !(is_token && address != self.stage.callers && status == 200) {
                self.stage.answers.extend(line.bytes());
            }
        }
        status
    }

    fn proxies(&self) -> SocketAddr {
        let told = self.stage.program.stdout();
        let (_, address) = told.trim_end().rsplit_once(' ').unwrap();
        assert!(told.contains("forward-auth on"), "{told}");
        address.parse().unwrap()
    }
}

fn toml(
    world: &World,
    (issuer, recorder): (&Issuer, &Recorder),
    (rules, format): (&Rules, &str),
) -> Toml {
    let Rules { role, subject } = rules;
    let authority = &world.authority;
    let who =
        format!("\"role:{role}\", \"subject:{subject}\", \"api_key:ward-7\", \"api_key:slicer\"");
    let more = |kind: &str| {
        format!(
            "response_timeout_secs = 0.5\nallow = [\"search\"]\npartitions = [\"radiology\", \
             \"Microsoft.Default\"]\npermits = [{{ to = [{kind}], allow = [\"retrieve\"] }}]\n"
        )
    };
    let callers = format!(
        "callers = {{ api_keys = \"api-keys\", bearer = {{ issuer = \"{}\", audience = \"{}\", \
         algorithms = [\"ES256\"], anchors = \"ca.pem\", keys_refetch_secs = 0.01, \
         keys_timeout_secs = 2 }} }}",
        issuer.issuer(),
        Issuer::AUDIENCE
    );
    let users = format!(
        "[[route]]\nprefix = \"/users\"\norigin = \"{}/v2\"\nscope = \"{}\"\n\
         grant = \"on_behalf_of\"\ncallers = {{ bearer = {{ issuer = \"{}\", audience = \"{}\", \
         jwks_uri = \"{}\", anchors = \"ca.pem\" }} }}\n{}",
        recorder.url(),
        authority.scope(),
        authority.issuer(),
        authority.client_id(),
        authority.jwks_uri(),
        more("\"kind:bearer\"")
    );
    Toml {
        listener: "max_failed_attempts = 100000".into(),
        route: format!("{callers}\n{}", more(&who)),
        more: format!(
            "{users}\n[forward_auth]\naddress = \"127.0.0.1:0\"\ndescribed_by = \"x-original\"\n\
             [log]\nformat = \"{format}\"\nlevel = \"trace\"\n\
             [runtime]\nworkers = 2\nwatch_interval_secs = 0.01\n"
        ),
        ..world.toml(recorder.url() + "/v2")
    }
}
