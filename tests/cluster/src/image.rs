//! Images: the one the cluster brings along, and the import of any archive.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use crate::{Layout, command, digest, error::ClusterError, privilege};

/// Pods' sandboxes run it, and tests look at the network with it; see its own usage.
pub const PROBE_IMAGE: &str = "localhost/kivi-cluster/probe:1";

/// Imports archives made by `docker save`, `buildah push docker-archive:` or `oci-archive:`.
pub(crate) fn import(layout: &Layout, archives: &[PathBuf]) -> Result<(), ClusterError> {
    for archive in archives {
        File::open(archive).map_err(ClusterError::io("read the image archive", archive))?;
        command::run(ctr(layout).args(["images", "import"]).arg(archive))?;
    }
    Ok(())
}

/// Makes and imports an image of one static program, unless containerd has one of that name. The program
/// is its entry point.
pub(crate) fn ensure(
    layout: &Layout,
    name: &str,
    program: &Path,
    arguments: &[&str],
) -> Result<(), ClusterError> {
    let known = command::output(ctr(layout).args(["images", "list", "--quiet"]))?;
    if known.lines().any(|known| known == name) {
        return Ok(());
    }
    let folder = tempfile::tempdir().map_err(ClusterError::io("create a folder in", std::env::temp_dir()))?;
    import(layout, &[pack(name, program, arguments, folder.path())?])
}

/// A client of the cluster's containerd, in the namespace that kubelet uses. The socket is root's.
pub(crate) fn ctr(layout: &Layout) -> Command {
    let mut command = privilege::as_root("ctr");
    command.arg("--address").arg(layout.containerd_socket()).args(["--namespace", "k8s.io"]);
    command
}

/// A docker archive of one layer that holds one static program.
fn pack(name: &str, program: &Path, arguments: &[&str], folder: &Path) -> Result<PathBuf, ClusterError> {
    let files = folder.join("files");
    fs::create_dir_all(&files).map_err(ClusterError::io("create", &files))?;
    fs::copy(program, files.join("program")).map_err(ClusterError::io("copy", program))?;
    tar(&files, &folder.join("layer.tar"), &["program"])?;
    let layer = folder.join("layer.tar");
    let layer = fs::read(&layer).map_err(ClusterError::io("read", &layer))?;
    for (name, document) in [("config.json", config(&layer, arguments)), ("manifest.json", manifest(name))] {
        let path = folder.join(name);
        fs::write(&path, document.to_string()).map_err(ClusterError::io("write", &path))?;
    }
    let archive = folder.join("image.tar");
    tar(folder, &archive, &["manifest.json", "config.json", "layer.tar"])?;
    Ok(archive)
}

fn tar(folder: &Path, archive: &Path, names: &[&str]) -> Result<(), ClusterError> {
    let options = ["--create", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];
    let mut command = Command::new("tar");
    command.args(options).arg("--file").arg(archive).arg("--directory").arg(folder).args(names);
    command::run(&mut command)
}

/// The image's configuration (OCI image specification, config.md).
fn config(layer: &[u8], arguments: &[&str]) -> serde_json::Value {
    json!({
        "architecture": architecture(),
        "os": "linux",
        "config": { "Entrypoint": ["/program"], "Cmd": arguments, "User": "65532:65532" },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest::sha256(layer))] },
    })
}

fn manifest(name: &str) -> serde_json::Value {
    json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }])
}

/// This machine's architecture in the words of image configurations.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_the_layer_by_its_digest() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(config(b"", &[])["rootfs"]["diff_ids"][0], empty);
    }

    #[test]
    fn the_archive_holds_the_program_and_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "#!").unwrap();
        let archive = pack("probe:1", &program, &["sleep"], &folder.path().join("image")).unwrap();
        let listing = command::output(Command::new("tar").arg("--list").arg("--file").arg(archive)).unwrap();
        assert_eq!(listing.lines().collect::<Vec<_>>(), ["manifest.json", "config.json", "layer.tar"]);
    }
}
