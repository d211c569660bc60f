"""The Debian package on a bare Debian 12: `package_test.py BUILD`.

A bare system is made with debootstrap and started, systemd first, in namespaces of its own. The
package made from BUILD is installed there, serves as its own user, survives a restart, leaves its
data when it is removed and takes everything along when it is purged. Needs root.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
BOOT = pathlib.Path(__file__).with_name("boot_debian.sh")
# The namespaces have a /dev of bind mounts: systemd cannot make another one of device nodes.
DROP_IN = "[Service]\nPrivateDevices=no\n"


def run(*words, patience=600, **more):
    done = subprocess.run(
        list(map(str, words)), capture_output=True, text=True, timeout=patience, **more
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


class PackageTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock-package-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.root = self.folder / "root"
        packages = "systemd,systemd-sysv,dbus,bash-completion,fish,man-db,procps,zsh"
        run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", self.root)
        for name in ("resolv.conf", "apt/apt.conf.d"):
            source, target = pathlib.Path("/etc") / name, self.root / "etc" / name
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy(source, target)

    def boot(self):
        """Starts systemd in namespaces of its own; it dies with this test."""
        words = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net"]
        self.system = subprocess.Popen(
            [*words, "--cgroup", "bash", BOOT, self.root],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(self.stop)
        end = time.monotonic() + 60
        while True:
            children = pathlib.Path(f"/proc/{self.system.pid}/task/{self.system.pid}/children")
            found = children.read_text().split()
            if found and "running" in self.inside("systemctl is-system-running", found[0]):
                self.first = found[0]
                return
            self.assertLess(time.monotonic(), end, "systemd did not come up")
            time.sleep(0.5)

    def stop(self):
        self.system.kill()
        self.system.wait()

    def inside(self, command, first=None):
        """Output of a shell command in the running system; with what it complains about."""
        words = ["nsenter", "-t", first or self.first, "-a", "-r", "-w", "sh", "-c", command]
        return subprocess.run(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
        ).stdout

    def until(self, command, expected, patience=30):
        end = time.monotonic() + patience
        while True:
            said = self.inside(command)
            if re.search(expected, said):
                return said
            self.assertLess(time.monotonic(), end, f"{command}: {said}")
            time.sleep(0.5)

    def client(self, command):
        key = "sed -n 's/^key_{0} = //p' /var/lib/penstock/root.key"
        names = [f"PENSTOCK_KEY_{n.upper()}=$({key.format(n)})" for n in ("id", "secret")]
        return self.inside(f"{' '.join(names)} penstock {command}")

    def test_it_installs_serves_and_goes_without_a_trace(self):
        run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", self.folder / "made")
        package = next((self.folder / "made").glob("penstock_*.deb"))
        shutil.copy(package, self.root / "opt/penstock.deb")
        quiet = "DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install"
        run("chroot", self.root, "sh", "-c", f"apt-get -qq update && {quiet} /opt/penstock.deb")
        drop_in = self.root / "etc/systemd/system/penstock.service.d"
        drop_in.mkdir(parents=True)
        (drop_in / "namespaces.conf").write_text(DROP_IN)
        self.boot()
        self.until("systemctl is-active penstock", r"^active")
        self.assertIn("penstock", self.inside("ps -o user= -C penstock"))
        self.assertRegex(self.inside("stat -c '%a %U' /var/lib/penstock/root.key"), "600 penstock")
        self.assertIn("jobs", self.client("queue create jobs"))
        self.assertRegex(self.client("queue send jobs hello"), r"\d+")
        self.inside("systemctl restart penstock")
        self.until("systemctl is-active penstock", r"^active")
        self.assertIn("hello", self.client("queue receive jobs --wait 5s --ack"))
        self.assertRegex(self.inside("systemd-analyze verify penstock.service 2>&1; echo $?"), r"^0")
        for page in ("1 penstock", "5 penstock.toml", "7 penstock-lua", "8 penstock-recover"):
            self.assertIn("PENSTOCK", self.inside(f"man {page}").upper(), page)
        completed = self.inside(
            "bash -c '. /usr/share/bash-completion/completions/penstock;"
            " COMP_WORDS=(penstock que) COMP_CWORD=1; _penstock; echo ${COMPREPLY[*]}'"
        )
        self.assertEqual(completed, "queue\n")
        self.assertIn("queue", self.inside("fish -c 'complete -C \"penstock que\"'"))
        zsh = "zsh -n /usr/share/zsh/vendor-completions/_penstock"
        self.assertEqual(self.inside(f"{zsh} && echo fine"), "fine\n")
        self.inside("dpkg -i /opt/penstock.deb")  # an upgrade in place
        self.until("systemctl is-active penstock", r"^active")
        self.inside("dpkg -r penstock")
        self.assertIn("root.key", self.inside("ls /var/lib/penstock"))
        self.assertNotRegex(self.inside("systemctl is-active penstock"), r"^active")
        self.inside("dpkg -P penstock")
        left = "ls -d /var/lib/penstock /etc/penstock /usr/lib/penstock /usr/bin/penstock"
        self.assertEqual(self.inside(f"{left} 2>/dev/null; getent passwd penstock"), "")


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
