//! What a network backend answers when its server goes wrong, each fault by itself, and that the next call is well again; and how
//! often it asks a server that holds its answer.

use std::time::Duration;

use far_core::VersionSelector;
use far_core::provider::SecretProvider;
use far_servers::Failure;
use far_servers::fault::{Fault, Proxy};
use futures_util::future::join_all;

use super::backend::{Backend, Vault};
use super::checks::told;
use super::{Row, row};

/// What goes wrong in a row, and what is answered.
fn cases() -> Vec<(&'static str, Vec<Fault>, &'static str)> {
    vec![
        ("fault.sealed", vec![Fault::sealed()], "sealed; then one-1"),
        ("fault.hidden-404", vec![Fault::hidden()], "not-found; then one-1"),
        ("fault.429-once", vec![Fault::limited(1)], "one-1; then one-1"),
        ("fault.429-for-long", vec![Fault::limited(60)], "throttled; then throttled"),
        ("fault.500-once", vec![Fault::broken(500)], "one-1; then one-1"),
        ("fault.502-for-long", vec![Fault::broken(502); 5], "unavailable; then one-1"),
        ("fault.silent-once", vec![Fault::Silent], "one-1; then one-1"),
        ("fault.cut-once", vec![Fault::Cut], "one-1; then one-1"),
        ("fault.endless", vec![Fault::Endless], "too-large; then one-1"),
        ("fault.malformed", vec![Fault::Malformed], "invalid; then one-1"),
        ("fault.same-answer-again", vec![Fault::Pass, Fault::Again], "one-1; then one-1"),
    ]
}

pub(super) async fn all(vault: &Vault, tell: &mut impl FnMut(&Row)) -> Result<(), Failure> {
    vault.put("one", "one-1");
    for (id, faults, expected) in cases() {
        let proxy = Proxy::start(vault.server.socket())?;
        tell(&row(vault, id, expected, answered(vault, &proxy, faults)).await);
    }
    let proxy = Proxy::start(vault.server.socket())?;
    let expected = "1000 values, the server was asked once";
    tell(&row(vault, "one-flight", expected, one_flight(vault, &proxy)).await);
    Ok(())
}

/// A thousand callers, while the server holds its answer.
async fn one_flight(vault: &Vault, proxy: &Proxy) -> String {
    let (provider, one) = (vault.provider_at(&proxy.address()), vault.reference("one"));
    let get = || async { told(provider.get_secret(&one, &VersionSelector::Current).await) };
    // It has logged in.
    get().await;
    let before = vault.asked("one");
    proxy.next([Fault::Held(Duration::from_secs(1))]);
    let answers = join_all((0..1000).map(|_| get())).await;
    let right = answers.iter().filter(|answer| *answer == "one-1").count();
    let times = match vault.asked("one") - before {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    format!("{right} values, the server was asked {times}")
}

async fn answered(vault: &Vault, proxy: &Proxy, faults: Vec<Fault>) -> String {
    let (provider, one) = (vault.provider_at(&proxy.address()), vault.reference("one"));
    let get = || async { told(provider.get_secret(&one, &VersionSelector::Current).await) };
    // It has logged in, and the fault is for what is asked.
    if get().await != "one-1" {
        return "nothing without a fault".to_owned();
    }
    proxy.next(faults);
    let first = get().await;
    if first == "not-found" {
        // That is remembered for two seconds.
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    format!("{first}; then {}", get().await)
}
