//! Files as JSON, in which there is only text: what is none goes in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git_client::ObjectId;
use git_client::tree::{self, FileType};
use serde::Serialize;

/// How much is shown, in bytes. As JSON it can be six times as much, which is within what a task may answer.
const SHOWN: usize = 128 << 10;

/// A file of the commit.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct File {
    #[serde(flatten)]
    path: Path,
    /// Six octal digits.
    mode: String,
    #[serde(rename = "type")]
    file_type: &'static str,
    /// How long it is; nobody knows of a submodule.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// Its blob, or the submodule's commit.
    id: ObjectId,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Path {
    Path(String),
    PathBase64(String),
}

/// What is in a file: of a symbolic link, its target.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Content {
    path: String,
    #[serde(flatten)]
    bytes: Bytes,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Bytes {
    Text(String),
    Base64(String),
}

impl From<&tree::File<'_>> for File {
    fn from(file: &tree::File<'_>) -> Self {
        let file_type = match file.mode.file_type() {
            FileType::File => "file",
            FileType::Executable => "executable",
            FileType::Symlink => "symlink",
            FileType::Submodule => "submodule",
            FileType::Folder => "folder",
        };
        let path = text(&file.path).map_or_else(|| Path::PathBase64(STANDARD.encode(&file.path)), Path::Path);
        let bytes = file.content.map(<[u8]>::len);
        Self { path, mode: file.mode.to_string(), file_type, bytes, id: file.id }
    }
}

/// What is in the files of these paths.
pub(crate) fn contents(files: &[tree::File<'_>], paths: Vec<String>) -> Result<Vec<Content>, far_skill::Error> {
    let mut left = SHOWN;
    let content = |path: String| {
        let file = files.iter().find(|file| file.path == path.as_bytes());
        let content = file.and_then(|file| file.content).ok_or_else(|| format!("there is no file {path:?}"))?;
        left = left.checked_sub(content.len()).ok_or("more is to be shown than 128 KiB")?;
        let bytes = text(content).map_or_else(|| Bytes::Base64(STANDARD.encode(content)), Bytes::Text);
        Ok(Content { path, bytes })
    };
    paths.into_iter().map(content).collect()
}

fn text(bytes: &[u8]) -> Option<String> {
    str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use git_client::tree::Mode;

    use super::*;

    fn file<'a>(path: &[u8], content: Option<&'a [u8]>) -> tree::File<'a> {
        let id = ObjectId::from_hex(b"6dcb09b5b57875f334f61aebed695e2e4193db5e").unwrap();
        tree::File { path: path.to_vec(), mode: Mode::FILE, id, content }
    }

    fn shown(files: &[tree::File<'_>], paths: &[&str]) -> Result<String, far_skill::Error> {
        let contents = contents(files, paths.iter().map(|path| (*path).to_owned()).collect())?;
        Ok(serde_json::to_string(&contents).unwrap())
    }

    #[test]
    fn what_is_no_text_is_in_base64() {
        let listed = serde_json::to_string(&File::from(&file(b"\xff", Some(b"a")))).unwrap();
        let rest = r#""mode":"100644","type":"file","bytes":1,"id":"6dcb09b5b57875f334f61aebed695e2e4193db5e"}"#;
        assert_eq!(listed, format!(r#"{{"path-base64":"/w==",{rest}"#));
        let files = [file(b"a", Some(b"text\0")), file(b"b", Some(b"\xff\xfe"))];
        let both = r#"[{"path":"b","base64":"//4="},{"path":"a","text":"text\u0000"}]"#;
        assert_eq!(shown(&files, &["b", "a"]).unwrap(), both);
    }

    #[test]
    fn no_more_is_shown_than_may_be() {
        let large = vec![b'a'; SHOWN];
        let files = [file(b"a", Some(&large)), file(b"b", Some(b"b")), file(b"submodule", None)];
        assert!(shown(&files, &["a"]).is_ok());
        assert_eq!(shown(&files, &["a", "b"]).unwrap_err().to_string(), "more is to be shown than 128 KiB");
        for path in ["c", "", "submodule"] {
            assert_eq!(shown(&files, &[path]).unwrap_err().to_string(), format!("there is no file {path:?}"));
        }
    }
}
