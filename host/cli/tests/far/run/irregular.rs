//! Skills that are not regular files are refused at once by their file type.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use crate::fixture::Far;

/// Longer than a refusal takes, shorter than any wait.
const SOON: Duration = Duration::from_secs(20);

/// Every command that reads a skill.
const COMMANDS: [&str; 4] = ["run SKILL", "inspect SKILL", "diff SKILL SKILL", "embed SKILL skill.json"];

fn far(words: &str, skill: &str) -> Far {
    Far::new().words(&words.replace("SKILL", skill)).file("skill.json", "{}")
}

#[test]
fn irregular_skill_is_refused() {
    for command in COMMANDS {
        let refused = |far: Far, skill: &str, is: &str| {
            let error = format!(
                "error: the skill '{skill}' is {is}, not a regular file\n  help: write the content to a file, and pass that file\n"
            );
            let ran = far.stderr(error).code(2);
            assert!(ran.duration < SOON, "{command} {skill}: {:?}", ran.duration);
        };
        refused(far(command, "pipe").pipe("pipe"), "pipe", "a pipe");
        refused(far(command, "link").pipe("pipe").link("link", "pipe"), "link", "a pipe");
        refused(far(command, "folder").folder("folder"), "folder", "a folder");
        refused(far(command, "/dev/zero"), "/dev/zero", "a device");
        refused(far(command, "/dev/tty0"), "/dev/tty0", "a device");
        let socket = far(command, "socket");
        let _listening = UnixListener::bind(socket.path("socket")).unwrap();
        refused(socket, "socket", "a socket");
    }
}

#[test]
fn unreadable_skill_is_refused() {
    let unread = |skill: &str, cause: &str| {
        let error = format!(
            "error: cannot read the skill '{skill}'\n  cause: {cause}\n  help: check that the file exists and is readable\n"
        );
        far("run SKILL", skill).link("loop", "loop").stderr(error).code(2);
    };
    unread("absent", "No such file or directory (os error 2)");
    unread("loop", "Too many levels of symbolic links (os error 40)");
}

#[test]
fn endless_kernel_file_is_refused() {
    // Regular files of the kernel whose readers may block.
    for file in ["/proc/kmsg", "/sys/kernel/tracing/trace_pipe", "/proc/self/mem"] {
        let output = far("inspect SKILL", file).command().output().unwrap();
        assert!(matches!(output.status.code(), Some(2 | 3)), "{file}: {output:?}");
    }
}

#[test]
fn audit_pipe_is_refused() {
    let error = "error: the audit file 'pipe' is a pipe, not a regular file\n  help: write the content to a file, and pass that file\n";
    Far::new().words("audit verify pipe").pipe("pipe").stderr(error).code(2);
}
