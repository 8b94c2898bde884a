use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::{is_public, read};

#[test]
fn files_of_two_directories_are_read_too() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = [one.path().join("a"), two.path().join("b")];
    fs::write(&files[0], "one").unwrap();
    let flaw = read(&[&files[0], &files[1]]).unwrap_err();
    assert!(flaw.index == 1 && flaw.what.contains("No such file"), "{flaw:?}");
    fs::write(&files[1], "two").unwrap();
    let snapshot = read(&[&files[0], &files[1]]).unwrap();
    assert_eq!((snapshot.contents.len(), snapshot.places.len()), (2, 2));
    assert!(!format!("{snapshot:?}").contains("one\""));
}

#[test]
fn a_file_beside_a_versioned_directory_is_read_where_it_is() {
    let volume = TempDir::new().unwrap();
    fs::create_dir(volume.path().join("..data")).unwrap();
    fs::write(volume.path().join("token"), "here").unwrap();
    assert!(read(&[&volume.path().join("token")]).is_ok());
}

#[test]
fn only_everybodys_files_are_public() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "x").unwrap();
    for (mode, public) in [
        (0o400, false),
        (0o440, false),
        (0o640, false),
        (0o604, true),
        (0o644, true),
        (0o601, true),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(is_public(&file), public, "{mode:o}");
    }
}
