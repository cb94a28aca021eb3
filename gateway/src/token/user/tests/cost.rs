//! What users' tokens cost, in memory and in time. Figures, which say little of a build without
//! optimizations: `cargo test -p dicom-gateway --release --lib cost -- --ignored --nocapture`

use http::HeaderValue;

use super::*;

#[tokio::test]
#[ignore = "takes a minute; run by hand"]
async fn a_million_questions_stay_within_the_bound() {
    let tokens = Arc::new(UserTokens::new(Handle::current(), BOUND));
    let before = resident();
    let mut most = 0;
    for number in 0..1_000_000 {
        put(&tokens, number).await;
        if number % 1000 == 0 {
            most = most.max(resident() - before);
        }
    }
    let usage = tokens.usage();
    let each = (resident() - before) / usize::try_from(usage.entries).unwrap();
    println!("{usage:?}, {} KiB resident at most, {each} bytes each", most >> 10);
    assert!(usage.bytes <= BOUND);
    assert!(most < usize::try_from(BOUND * 3 / 2).unwrap(), "{most} bytes");
}

#[tokio::test]
#[ignore = "a figure"]
async fn a_hit_among_a_hundred_thousand() {
    let authority = Authority::start(|asked| token_of(&asked.user)).await;
    let users = authority.users(Exchange::JwtBearer);
    users.tokens.limit(1 << 30);
    for number in 0..100_000 {
        put(&users.tokens, number).await;
    }
    let ann = assertion("ann");
    users.of(&ann, None).token().await.unwrap();
    for _ in 0..5 {
        let began = Instant::now();
        for _ in 0..100_000 {
            std::hint::black_box(users.of(&ann, None).token().await.unwrap());
        }
        println!("{} ns", began.elapsed().as_nanos() / 100_000);
    }
    assert_eq!(users.tokens.usage().entries, 100_001);
}

/// A user's token of a usual size, under a key of its own.
async fn put(tokens: &Arc<UserTokens>, number: u64) {
    let request = TokenRequest { client: 0, scope: "scope".to_owned() };
    let purpose = Arc::new(Purpose { request, exchange: Exchange::JwtBearer });
    let assertion = Assertion::new(Arc::new(number.to_string().into()), SystemTime::now()).sha256();
    let key = Key { purpose, tenant: Some(Uuid::nil()), assertion };
    let ends_at = Instant::now() + Duration::from_secs(3600);
    let entry = tokens.cache.entry(&key, ends_at);
    let asking = || Given { tokens: tokens.clone(), key, entry: entry.clone(), ends_at };
    entry.token(asking).await.unwrap();
}

/// An acquisition that asks nobody.
struct Given {
    tokens: Arc<UserTokens>,
    key: Key,
    entry: Arc<Succession>,
    ends_at: Instant,
}

impl Acquire for Given {
    fn runtime(&self) -> &Handle {
        &self.tokens.runtime
    }

    async fn ask(&self, _: Option<&Claims>) -> Result<AccessToken, Failure> {
        let value = HeaderValue::from_maybe_shared(bytes::Bytes::from(vec![b'a'; TOKEN])).unwrap();
        Ok(AccessToken::new(value, Duration::from_secs(3600), None, 20, Instant::now()))
    }

    fn ended(&self, _: &Ending) {
        self.tokens.cache.weigh(self.key.clone(), &self.entry, self.ends_at);
    }
}

/// The memory that this process takes, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

const BOUND: u64 = 64 << 20;

/// What Entra's are like.
const TOKEN: usize = 1700;
