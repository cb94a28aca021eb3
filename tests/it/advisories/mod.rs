//! What brought others an advisory: each class of it, and the test that holds it off here.
//!
//! The classes are those in which published holes of reverse proxies and authenticating gateways fall.
//! Where a test elsewhere proves a class, it is named and not repeated.
//!
//! | class | what went wrong elsewhere | proof |
//! | --- | --- | --- |
//! | 1 | forwarding headers of callers steer decisions | [`judgement::forwarding_headers_steer_nothing`], `wire::fields::callers_do_not_speak_for_the_gateway` |
//! | 2 | what is judged is not what is sent | [`judgement::every_spelling_of_a_path_is_judged_as_it_is_sent`], `wire::targets`, `wire::http2`, `transaction::tests` |
//! | 3 | names in other spellings (`X_Forwarded_User`) | `wire::fields::a_name_with_an_underscore_is_refused`, `wire::framing::a_head_that_could_be_read_in_two_ways_is_no_head` |
//! | 4 | `Connection` names our own headers away | `wire::fields::connection_names_away_fields_on_all_its_lines_but_none_of_ours` |
//! | 5 | who looks like a health check is let in | [`judgement::health_is_a_matter_of_listener_and_path`] |
//! | 6 | what looks like proof is taken for it | [`proof::what_looks_like_proof_opens_nothing_and_nothing_is_asked_before_it_is_judged`], `callers::bearer::answers::a_token_that_is_there_proves_nothing_by_being_there` |
//! | 7 | a token for something else counts | `callers::bearer::refused`, `callers::bearer::fetches`, `callers::bearer::bound::a_bound_token_is_no_bearer_token` |
//! | 8 | names that people choose say who they are | [`proof::nobody_is_known_by_a_name_that_people_choose`], `callers::certificates::only_wanted_names_open_a_route`, `callers::bearer::refused::claims_have_to_say_what_is_configured` |
//! | 9 | one signature for two inputs | nothing is signed but JWTs, whose form is one: `credentials::certificates` |
//! | 15 | odd input crashes | [`odd::odd_messages_crash_nothing`], `wire::methods`, `wire::hosts`, `wire::framing`, `isolate::tests` |
//! | 16 | strangers choose how much work is done | [`odd::numbers_of_strangers_cost_nothing`], `wire::expectations::a_head_has_a_size_that_the_operator_sets`, `tokens::answers::what_is_no_token_reaches_neither_caller_nor_origin_server`, `links::codings`, `callers::bearer::refused::what_is_no_token_is_malformed`, `callers::bearer::keys::forged_names_of_keys_cost_one_fetch_however_many`, `callers::keys::guesses` |
//! | 17 | secrets are shown | `secrecy`, `credentials::told`, `program::dumps`, `admin::it_knows_three_paths_and_two_methods` |
//! | 18 | callers choose the server | [`deputies::callers_choose_no_server`], `tokens::discovery`, `config`: `managed_identity::tests::no_stranger_is_asked_for_tokens` |
//! | 19 | a redirection takes the token along | [`deputies::redirections_are_not_followed`], `tokens::sent::a_redirection_is_a_failure_and_carries_the_secret_nowhere` |
//! | 20 | requests share state | [`deputies::requests_share_nothing`], `life::under_load`, `routes::two_hundred_routes_each_with_a_scope_of_its_own_work` |
//! | 21 | a user gets the token of another | `on_behalf_of::users::another_token_of_the_same_user_is_another_proof`, `on_behalf_of::many::no_request_of_a_crowd_carries_anothers_token`, `token::user::tests` |
//! | 22 | what was allowed once stays allowed | [`proof::leave_ends_with_what_gave_it`], `callers::bearer::memory::a_remembered_token_ends_when_it_ends`, `callers::bearer::keys::a_key_taken_back_counts_no_more_though_nobody_called`, `callers::certificates::a_certificate_that_ends_meanwhile_opens_nothing_more`, `callers::keys::a_key_comes_and_goes_while_the_gateway_runs`, `token::user::tests::no_token_is_served_past_its_assertions_end_or_renewed_for_it` |
//! | 23 | something is sent before the decision | [`proof::what_looks_like_proof_opens_nothing_and_nothing_is_asked_before_it_is_judged`], `callers::bearer::answers::who_is_not_let_in_sends_no_body`, the oracle of `wire`; `http::expect`, `cors::changes::a_stranger_s_form_costs_no_byte_of_its_body` |
//! | 24 | OPTIONS passes by | `cors::preflights::a_preflight_reaches_neither_origin_server_nor_authority` |
//! | 25 | of two the last one wins | [`proof::of_two_credentials_neither_counts`], `wire::hosts`, `wire::framing::a_length_is_one_number`, `wire::http2`, `forward_auth::description::tests::only_one_sound_description_describes`, `config`: `problems::a_key_that_stands_twice_is_told` |
//! | 26 | the default is no protection | `http::trust`, `tokens::outage::an_authority_of_another_ca_is_asked_nothing`, `config`: `places::plain_http_is_for_loopback_or_has_to_be_said`, `places::anyone_on_a_public_address_has_to_be_said_twice`, `problems::what_is_dangerous_is_told_at_each_start` |
//! | 27 | own pages run what strangers wrote | [`words::nothing_of_a_request_is_in_an_answer_of_ours`], `http::answers::what_a_browser_would_run_is_no_page_of_ours` |
//! | 28 | a failure is told as another | `tokens::aadsts`, `tokens::refused`, `tokens::outage`, `admin::metrics::it_blames_the_guilty` |
//! | 29 | a token is used past its end | `token::slot::tests::a_token_near_its_end_is_sent_no_more`, `tokens::outage::an_outage_is_unnoticed_until_the_token_ends` |
//!
//! Classes 10 to 14 (cookies, sign-out, fixation, login, return addresses) are of sessions, which this
//! gateway does not have.

mod deputies;
mod judgement;
mod odd;
mod proof;
mod words;
