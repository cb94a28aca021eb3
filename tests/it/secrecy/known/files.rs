//! What operators and issuers do wrong while callers are there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gateway_tests::Program;
use gateway_tests::issuer::{Issuer, Said, SigningKey};
use gateway_tests::program::Signal;

use super::Cast;

impl Cast<'_> {
    /// Keys of issuers that are none, and files of keys that are open, broken or not where they should be.
    pub(super) async fn issuers_and_files_that_are_wrong(&mut self) {
        let canary = self.stage.canaries.plant("issuer's words");
        self.issuer.say_of_keys(Said::Text(canary));
        let stranger = self.caller().sign(&SigningKey::es256("new"));
        self.studies_of("/dicom-web", &format!("Authorization: Bearer {stranger}\r\n")).await;
        self.stage.program.wait_for_line("no keys of callers' issuer came").await;
        self.issuer.say_of_keys(Said::Sound);

        let file = self.stage.world.scratch.path().join("api-keys");
        let good = fs::read_to_string(&file).unwrap();
        let odd = self.stage.canaries.plant("line of the file of keys");
        for (text, mode) in [
            (format!("{good}ward-8 {}\n", self.key), 0o600),
            (format!("{good}{odd} sha256:{odd}\n"), 0o600),
            (format!("{good}{odd}\n"), 0o600),
            (format!("# {odd}\n"), 0o644),
            (good.clone(), 0o646),
        ] {
            let unused = "new key material cannot be used";
            let before = self.stage.program.stderr().matches(unused).count();
            self.put(&file, &text, mode);
            self.stage.program.wait_for_lines(unused, before + 1).await;
            self.checks().await;
        }
        self.put(&file, &good, 0o600);

        let right = self.stage.toml.text();
        let bearer = format!("audience = \"{}\"", Issuer::AUDIENCE);
        for (old, new) in [
            ("api_keys = \"api-keys\"", format!("api_keys = \"{}\"", self.key)),
            ("api_keys = \"api-keys\"", format!("api_keys = [\"{}\"]", self.key)),
            ("api_keys = \"api-keys\"", format!("key = \"{}\"", self.key)),
            (&*bearer, format!("token = \"{}\"", self.key)),
            ("\"api_key:ward-7\"", format!("\"{}\"", self.key)),
            ("\"api_key:ward-7\"", format!("\"api_key:{}\"", self.key)),
            ("\"api_key:ward-7\"", format!("\"key:{}\"", self.key)),
        ] {
            let wrong = right.replace(old, &new);
            assert_ne!(wrong, right, "{old}");
            self.stage.world.scratch.file("gateway.toml", wrong);
            let refused = "the configuration is refused";
            let before = self.stage.program.stderr().matches(refused).count();
            self.stage.program.signal(Signal::HUP);
            self.stage.program.wait_for_lines(refused, before + 1).await;
            self.checks().await;
        }
        self.stage.world.scratch.file("gateway.toml", right);
    }

    /// In one step: half a file would be told of as well.
    fn put(&self, file: &Path, text: &str, mode: u32) {
        let new = self.stage.world.scratch.file("new", text);
        fs::set_permissions(&new, Permissions::from_mode(mode)).unwrap();
        fs::rename(new, file).unwrap();
    }

    /// What the file's own command says of a configuration that is refused.
    async fn checks(&mut self) {
        let path = self.stage.world.scratch.path().join("gateway.toml");
        let checked = Program::run(&["check".as_ref(), path.as_os_str()], &[]).await;
        assert_eq!(checked.code, Some(78), "{}{}", checked.stdout, checked.stderr);
        self.stage.answers.extend((checked.stdout + &checked.stderr).into_bytes());
    }
}
