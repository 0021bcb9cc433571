//! Example skills that send requests, by `far run`, to real servers; where there is none to run, to one that answers as it does.
//! What the skill may not see is searched for, in each encoding, in all that is printed and written.

mod deploy_status;
mod git_clone;
mod git_push;
mod registry;
mod slack;

use far_servers::Authority;

use crate::fixture::Far;

/// A skill, its one secret, and the server that it is for.
pub(super) struct Example {
    pub(super) skill: &'static str,
    pub(super) secret: &'static str,
    pub(super) value: &'static str,
    /// The server's name, which leads to loopback here, and its port there.
    pub(super) host: &'static str,
    pub(super) port: u16,
    pub(super) input: &'static str,
}

impl Example {
    /// A run in which the operator permits the secret to be sent here, and the task is granted to send it anywhere on the host.
    pub(super) fn run(&self, authority: &Authority, permitted: &str) -> Far {
        let Self { skill, secret, value, host, port, input } = self;
        let config = format!(
            "[egress]\nnetworks = ['127.0.0.0/8']\nca-file = 'ca.pem'\nhosts = {{ '{host}' = '127.0.0.1:{port}' }}\n\
             [providers.dev]\ntype = 'dotenv'\npath = '.env'\n[secrets.{secret}]\nprovider = 'dev'\n\
             operations = ['seal']\ndestinations = ['{permitted}']\n"
        );
        let far = Far::run(skill, &format!("--grant {secret}:seal@https://{host} --config far.toml"));
        let far = far.args(["--input", input]).file("far.toml", config).file("ca.pem", authority.pem());
        far.env_file(&format!("{}={value}\n", secret.replace('-', "_").to_uppercase()))
    }

    /// The events of a task that sends the secret so often and ends well.
    pub(super) fn sent(&self, times: usize) -> String {
        format!("{}{}{}{}", self.head(), self.used().repeat(times), self.wiped(), finished("completed"))
    }

    /// The events of a task that sends the secret once and then fails.
    pub(super) fn failed(&self) -> String {
        self.failed_after(1)
    }

    /// The same after sending it so often.
    pub(super) fn failed_after(&self, times: usize) -> String {
        format!("{}{}{}{}", self.head(), self.used().repeat(times), self.wiped(), finished("skill-error"))
    }

    fn used(&self) -> String {
        let Self { secret, host, .. } = self;
        let used = |outcome| {
            format!(
                "* secret.used      {secret} version=env-* provider=dev operation=seal destination=https://{host} \
                 outcome={outcome} task=task-*\n"
            )
        };
        format!(
            "{}{}{}* egress.finished  destination=https://{host} outcome=completed status=* sent=yes bytes-sent=* \
             bytes-received=* duration=*us task=task-*\n",
            self.sealed(),
            used("started"),
            used("completed")
        )
    }

    /// The events of a task that tries to send the secret elsewhere, and what is said then.
    pub(super) fn denied(&self) -> String {
        self.denied_after(0)
    }

    /// The same after sending it so often where it may.
    pub(super) fn denied_after(&self, times: usize) -> String {
        let Self { secret, .. } = self;
        format!(
            "{}{}{}* secret.denied    {secret} operation=seal outcome=scope-violation reason=destination task=task-*\n{}{}\
             error: the task was ended: scope violation on '{secret}': the destination was not declared, granted and permitted\n  \
             help: where '{secret}' is sent must be covered by a destination in the skill.json, in the grant (--grant \
             {secret}:seal@DESTINATION) and, with --config, under [secrets.{secret}]\n",
            self.head(),
            self.used().repeat(times),
            self.sealed(),
            self.wiped(),
            finished("scope-violation")
        )
    }

    fn head(&self) -> String {
        let Self { secret, .. } = self;
        format!(
            "* task.admitted    task=task-*\n* task.started     task=task-*\n\
             * secret.requested {secret} provider=dev task=task-*\n\
             * secret.fetched   {secret} version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*\n\
             * secret.injected  {secret} version=env-* provider=dev outcome=completed cache=miss duration=*us task=task-*\n"
        )
    }

    fn sealed(&self) -> String {
        let secret = self.secret;
        format!(
            "* secret.sealed    {secret} version=env-* provider=dev operation=seal outcome=completed duration=*us task=task-*\n"
        )
    }

    fn wiped(&self) -> String {
        format!("* secret.wiped     {} version=env-* provider=dev task=task-*\n", self.secret)
    }
}

fn finished(outcome: &str) -> String {
    format!("* task.finished    outcome={outcome} duration=*us task=task-*\n")
}
