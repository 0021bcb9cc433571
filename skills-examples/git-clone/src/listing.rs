//! Files as JSON. Content that is not UTF-8 is encoded as base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use git_client::ObjectId;
use git_client::tree::{self, FileType};
use serde::Serialize;

/// The maximum total content, in bytes. JSON escapes can expand it sixfold, which a task's output
/// limit still allows.
const CONTENT_MAX: usize = 128 << 10;

/// A file of the commit.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct File {
    #[serde(flatten)]
    path: Path,
    /// Six octal digits.
    mode: String,
    #[serde(rename = "type")]
    file_type: &'static str,
    /// The size, or `None` for a submodule.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    /// The blob, or the submodule's commit.
    id: ObjectId,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Path {
    Path(String),
    PathBase64(String),
}

/// The content of a file, or the target of a symbolic link.
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

/// Returns the contents of the files with these paths.
pub(crate) fn contents(files: &[tree::File<'_>], paths: Vec<String>) -> Result<Vec<Content>, far_skill::Error> {
    let mut left = CONTENT_MAX;
    let content = |path: String| {
        let file = files.iter().find(|file| file.path == path.as_bytes());
        let content = file.and_then(|file| file.content).ok_or_else(|| format!("the file {path:?} does not exist"))?;
        left = left.checked_sub(content.len()).ok_or("the requested contents exceed 128 KiB")?;
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
    fn binary_content_is_base64() {
        let listed = serde_json::to_string(&File::from(&file(b"\xff", Some(b"a")))).unwrap();
        let rest = r#""mode":"100644","type":"file","bytes":1,"id":"6dcb09b5b57875f334f61aebed695e2e4193db5e"}"#;
        assert_eq!(listed, format!(r#"{{"path-base64":"/w==",{rest}"#));
        let files = [file(b"a", Some(b"text\0")), file(b"b", Some(b"\xff\xfe"))];
        let both = r#"[{"path":"b","base64":"//4="},{"path":"a","text":"text\u0000"}]"#;
        assert_eq!(shown(&files, &["b", "a"]).unwrap(), both);
    }

    #[test]
    fn requested_contents_are_limited() {
        let large = vec![b'a'; CONTENT_MAX];
        let files = [file(b"a", Some(&large)), file(b"b", Some(b"b")), file(b"submodule", None)];
        assert!(shown(&files, &["a"]).is_ok());
        assert_eq!(shown(&files, &["a", "b"]).unwrap_err().to_string(), "the requested contents exceed 128 KiB");
        for path in ["c", "", "submodule"] {
            assert_eq!(shown(&files, &[path]).unwrap_err().to_string(), format!("the file {path:?} does not exist"));
        }
    }
}
