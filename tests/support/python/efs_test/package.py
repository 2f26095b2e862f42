"""The packages of this tree, and other small ones."""
import os
import pathlib
import re
import tempfile

from efs_test.programs import SOURCE, run

UNIT = "amazon-efs-mount-watchdog.service"
# Where the released programs are built, once for all tests: integration.packaging_programs does it.
RELEASE = pathlib.Path(os.environ.get("EFS_RELEASE", SOURCE / "build/package"))
VERSION = re.search(r"^project\(efsmount VERSION ([0-9.]+)", (SOURCE / "CMakeLists.txt").read_text(), re.M).group(1)


def released_programs(folder):
    """What the package holds as programs (the build of `packaging/build.sh programs`), unpacked below `folder`."""
    root = pathlib.Path(folder, "programs")
    run("cmake", "--install", RELEASE, "--component", "programs", env={**os.environ, "DESTDIR": str(root)})
    return sorted(path for path in root.rglob("*") if path.is_file())


def build_package(folder, kind="deb", build=RELEASE, arch="amd64"):
    """The package of the released programs; its path."""
    return pathlib.Path(run(SOURCE / "packaging/build.sh", kind, "--arch", arch, "--build", build, "--output",
                            folder).stdout.strip())


def with_version(package, version, folder):
    """The same package under another version."""
    with tempfile.TemporaryDirectory() as tree:
        run("dpkg-deb", "-R", package, f"{tree}/root")
        control = pathlib.Path(tree, "root/DEBIAN/control")
        control.write_text(re.sub(r"^Version: .*", f"Version: {version}", control.read_text(), flags=re.M))
        out = pathlib.Path(folder, f"efsmount_{version}.deb")
        run("dpkg-deb", "--root-owner-group", "-Znone", "--build", f"{tree}/root", out)
    return out


def small_package(folder, name, control, files, conffiles=()):
    """A package made of {path: (text, mode)}; `control` holds further fields."""
    with tempfile.TemporaryDirectory() as tree:
        root = pathlib.Path(tree, "root")
        for path, (text, mode) in files.items():
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / path[1:]).write_text(text)
            (root / path[1:]).chmod(mode)
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN/control").write_text(
            f"Package: {name}\nArchitecture: all\nMaintainer: nobody <nobody@example.invalid>\n"
            f"Description: stand-in\n{control}")
        if conffiles:
            (root / "DEBIAN/conffiles").write_text("".join(path + "\n" for path in conffiles))
        out = pathlib.Path(folder, f"{name}.deb")
        run("dpkg-deb", "--root-owner-group", "-Znone", "--build", root, out)
    return out


def small_rpm(folder, name, version, files, config=(), more=""):
    """An rpm made of {path: (text, mode)}; `more` holds scriptlets."""
    with tempfile.TemporaryDirectory() as tree:
        root = pathlib.Path(tree, "root")
        for path, (text, mode) in files.items():
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / path[1:]).write_text(text)
            (root / path[1:]).chmod(mode)
        spec = pathlib.Path(tree, "small.spec")
        listed = "\n".join(("%config(noreplace) " if path in config else "") + path for path in files)
        spec.write_text(f"%global __os_install_post %{{nil}}\nName: {name}\nVersion: {version}\nRelease: 1\n"
                        f"Summary: stand-in\nLicense: none\nAutoReqProv: no\n%description\nstand-in\n"
                        f"%install\ncp -a {root}/. %{{buildroot}}/\n{more}\n%files\n{listed}\n")
        run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {tree}/top", "--define", f"_rpmdir {folder}",
            "--define", "_rpmfilename %%{NAME}.rpm", spec)
    return pathlib.Path(folder, f"{name}.rpm")
