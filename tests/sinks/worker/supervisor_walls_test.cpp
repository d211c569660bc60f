// The walls, probed from inside: what the reported layers promise holds, and what customers'
// programs need still works.
#include "tests/sinks/worker/supervised.h"

#include <map>

namespace penstock::sinks::worker {
namespace {

namespace fs = std::filesystem;

class SupervisorWalls : public testing::Supervised {
  protected:
    void SetUp() override { open(); }

    // "what=outcome" lines of the prober.
    static std::map<std::string, std::string> outcomes(const std::string& text) {
        std::map<std::string, std::string> found;
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            const std::size_t sign = line.rfind('=');
            if (sign != std::string::npos) found[line.substr(0, sign)] = line.substr(sign + 1);
        }
        return found;
    }

    std::map<std::string, std::string> probed(ProcessOrder order) {
        const auto ended = run(std::move(order));
        EXPECT_EQ(ended->end->kind, ProcessEnd::Kind::exited) << ended->end->detail;
        return outcomes(ended->text);
    }

    [[nodiscard]] bool confines_files() const { return has("landlock", "files"); }

    std::string place(const std::string& name) {
        const fs::path made = folder_.parent_path() / (folder_.filename().string() + name);
        fs::create_directory(made);
        ::chmod(made.c_str(), 0777);
        places_.push_back(made);
        return made.string();
    }

    void TearDown() override {
        for (const auto& made : places_) fs::remove_all(made);
    }

    std::vector<fs::path> places_;
};

TEST_F(SupervisorWalls, CustomersProgramsCannotTraceMountLoadOrEnterNamespaces) {
    if (layer("seccomp") != "on") return;
    for (const auto profile : {SandboxProfile::standard, SandboxProfile::strict}) {
        if (profile == SandboxProfile::strict && layer("namespaces") != "on") continue;
        const auto found = probed(probe("calls", profile));
        for (const char* call :
             {"ptrace",      "mount",     "umount",      "unshare", "setns",
              "clone_user",  "clone_net", "chroot",      "bpf",     "perf",
              "userfaultfd", "io_uring",  "keyctl",      "add_key", "process_vm_readv",
              "pidfd_getfd", "kexec",     "init_module", "reboot",  "sethostname",
              "tiocsti",     "packet"})
            EXPECT_EQ(found.at(call), "EPERM") << call << " in " << to_text(profile);
        EXPECT_EQ(found.at("clone3"), "ENOSYS");
        EXPECT_NE(found.at("setuid"), "ok");
        EXPECT_EQ(found.at("setgroups"), "EPERM");
        EXPECT_NE(found.at("mknod"), "ok");
    }
}

TEST_F(SupervisorWalls, AFunctionHasAUserOfItsOwnAndNoGroups) {
    ProcessOrder order = probe("identity");
    const auto found = probed(order);
    order.function = 8;
    const auto other = probed(order);
    if (as_root()) {
        EXPECT_EQ(found.at("user"), "60007");
        EXPECT_EQ(found.at("group"), "60007");
        EXPECT_EQ(found.at("groups"), "0");
        EXPECT_EQ(other.at("user"), "60008");
    } else {
        EXPECT_EQ(found.at("user"), std::to_string(::getuid()));
    }
}

TEST_F(SupervisorWalls, UsersThatMeanNobodyAreNeverAFunctions) {
    if (!as_root()) return;
    ProcessOrder order = probe("identity");
    order.function = 5'533;
    EXPECT_EQ(probed(order).at("user"), "65533");
    order.function = 5'534;
    EXPECT_EQ(probed(order).at("user"), "65536");
}

TEST_F(SupervisorWalls, EveryProcessDiesWithTheSupervisorAndLeadsItsOwnSession) {
    for (const auto profile :
         {SandboxProfile::none, SandboxProfile::standard, SandboxProfile::strict}) {
        if (profile == SandboxProfile::strict && layer("namespaces") != "on") continue;
        const auto found = probed(probe("identity", profile));
        EXPECT_EQ(found.at("death_signal"), "9") << to_text(profile);
        EXPECT_EQ(found.at("session"), "1") << to_text(profile);
        EXPECT_EQ(found.at("core"), "0") << to_text(profile);
        const bool walled = profile != SandboxProfile::none;
        EXPECT_EQ(found.at("no_new_privs"), walled ? "1" : "0");
        const bool filtered = walled && layer("seccomp") == "on";
        EXPECT_EQ(found.at("seccomp"), filtered ? "2" : "0");
    }
}

TEST_F(SupervisorWalls, StrictHasProcessNumbersOfItsOwn) {
    if (layer("namespaces") != "on") return;
    EXPECT_EQ(probed(probe("identity", SandboxProfile::strict)).at("process"), "2");
}

TEST_F(SupervisorWalls, FilesOutsideTheFoldersGivenCannotBeTouched) {
    const std::string closed = place("_closed");
    const std::string readable = place("_readable");
    const std::string writable = place("_writable");
    for (const auto profile : {SandboxProfile::standard, SandboxProfile::strict}) {
        if (profile == SandboxProfile::strict && layer("namespaces") != "on") continue;
        if (profile == SandboxProfile::standard && !confines_files()) continue;
        ProcessOrder order = probe("paths", profile);
        order.readable = {readable};
        order.writable = {writable};
        const std::vector<std::string> paths{
            closed, readable, writable, folder_.string(), "/tmp", "/dev/null", "/etc"};
        order.command.insert(order.command.end(), paths.begin(), paths.end());
        const auto found = probed(order);
        EXPECT_NE(found.at("read " + closed), "ok");
        EXPECT_NE(found.at("write " + closed), "ok");
        EXPECT_EQ(found.at("read " + readable), "ok");
        EXPECT_NE(found.at("write " + readable), "ok");
        EXPECT_EQ(found.at("read " + writable), "ok");
        EXPECT_EQ(found.at("write " + writable), "ok") << to_text(profile);
        EXPECT_EQ(found.at("read " + folder_.string()), "ok");
        EXPECT_NE(found.at("write " + folder_.string()), "ok");
        EXPECT_EQ(found.at("write /tmp"), "ok");
        EXPECT_EQ(found.at("write /dev/null"), "ok");
        EXPECT_NE(found.at("write /etc"), "ok");
        EXPECT_TRUE(fs::exists(fs::path(writable) / "new_file"));
        fs::remove(fs::path(writable) / "new_file");
        // Landlock refuses with EACCES what the user alone would be allowed (both are 0777).
        if (confines_files() && profile == SandboxProfile::standard) {
            EXPECT_EQ(found.at("write " + closed), "EACCES");
        }
        fs::remove("/tmp/new_file");
    }
}

TEST_F(SupervisorWalls, TheTmpOfAStrictProcessIsPrivate) {
    if (layer("namespaces") != "on") return;
    ProcessOrder order = shell("echo x > /tmp/penstock_private && ls /tmp");
    order.profile = SandboxProfile::strict;
    EXPECT_EQ(run(order)->text, "penstock_private\n");
    EXPECT_FALSE(fs::exists("/tmp/penstock_private"));
}

TEST_F(SupervisorWalls, AStrictProcessHasALoopbackOfItsOwnAndNoOtherNetwork) {
    if (layer("namespaces") != "on") return;
    const auto found = probed(probe("loopback", SandboxProfile::strict));
    EXPECT_EQ(found.at("bind"), "ok");
    EXPECT_EQ(found.at("listen"), "ok");
    ProcessOrder order =
        shell("cat /proc/net/dev | tail -n +3 | wc -l; ls /proc | grep -c '^[0-9]'");
    order.profile = SandboxProfile::strict;
    const std::string text = run(order)->text;
    EXPECT_EQ(text.substr(0, 2), "1\n");
    EXPECT_LT(std::stoi(text.substr(2)), 8);
}

TEST_F(SupervisorWalls, AFolderThatIsMissingIsNamed) {
    if (!confines_files()) return;
    ProcessOrder order = shell("true");
    order.writable = {folder_.string() + "/absent"};
    const auto ended = run(order);
    EXPECT_EQ(ended->end->kind, ProcessEnd::Kind::not_started);
    EXPECT_EQ(ended->end->detail,
              "a folder given to the function cannot be opened: " + folder_.string() +
                  "/absent: No such file or directory: create or correct it");
}

TEST_F(SupervisorWalls, WhatOnlyComputesHasNoFilesNoSocketsAndNoChildren) {
    if (layer("seccomp") != "on") return;
    for (const auto profile : {SandboxProfile::standard, SandboxProfile::strict}) {
        if (profile == SandboxProfile::strict && layer("namespaces") != "on") continue;
        ProcessOrder order = probe("computing", profile);
        order.only_computes = true;
        const auto found = probed(order);
        for (const char* what :
             {"inet", "inet6", "unix", "fork", "kill_self", "write_file", "ptrace", "chmod"})
            EXPECT_EQ(found.at(what), "EPERM") << what;
        if (confines_files()) {
            EXPECT_EQ(found.at("read_passwd"), "EACCES");
            EXPECT_EQ(found.at("read_proc"), "EACCES");
            EXPECT_EQ(found.at("exec"), "EACCES");
        }
        EXPECT_EQ(found.at("memory"), "ok");
        EXPECT_EQ(found.at("clock"), "ok");
    }
}

TEST_F(SupervisorWalls, AProgramOfOursRunsFromAFolderThatOnlyTheServerMayEnter) {
    if (!as_root()) return;
    const fs::path closed = place("_closed");
    ::chmod(closed.c_str(), 0700);
    fs::copy_file(PENSTOCK_PROBER, closed / "prober");
    ProcessOrder order = probe("identity");
    order.command.front() = (closed / "prober").string();
    order.only_computes = true;
    order.folder = "/";
    EXPECT_EQ(probed(order).at("user"), "60007");
    order.only_computes = false;
    const auto refused = run(order);
    EXPECT_EQ(refused->end->kind, ProcessEnd::Kind::not_started);
    EXPECT_EQ(refused->end->detail,
              "user 60007 may not run " + order.command.front() +
                  ": allow it (chmod o+rx) on the file and every folder above");
}

TEST_F(SupervisorWalls, AFunctionCannotKillItsSupervisor) {
    if (!as_root() && !has("landlock", "signals")) return;
    EXPECT_EQ(probed(probe("kill_parent")).at("kill_parent"), "EPERM");
    EXPECT_TRUE(link_->available());
}

TEST_F(SupervisorWalls, OpenFilesAndFileSizesAreLimited) {
    ProcessOrder order = probe("many_files");
    order.limits.open_files = 40;
    EXPECT_EQ(run(order)->text, "opened=37 EMFILE\n");
    order = probe("large_file");
    const std::string writable = place("_writable");
    order.writable = {writable};
    order.command.push_back(writable + "/large");
    order.limits.file_bytes = 100'000;
    EXPECT_EQ(run(order)->text, "written=100000 EFBIG\n");
    EXPECT_EQ(fs::file_size(writable + "/large"), 100'000U);
}

TEST_F(SupervisorWalls, FewerSharesOfTheProcessorAreSetWhereCgroupsHaveThem) {
    if (!has("cgroup", "v1: ") || !has("cgroup", "cpu")) return;
    ProcessOrder order = shell(
        "p=$(sed -n 's/^[0-9]*:cpu\\(,[^:]*\\)\\{0,1\\}://p' /proc/self/cgroup); cat "
        "/sys/fs/cgroup/cpu$p/cpu.shares");
    order.limits.cpu_shares = 128;
    EXPECT_EQ(run(order)->text, "128\n");
}

TEST_F(SupervisorWalls, OrdinaryProgramsRunInEachProfile) {
    for (const auto profile :
         {SandboxProfile::none, SandboxProfile::standard, SandboxProfile::strict}) {
        if (profile == SandboxProfile::strict && layer("namespaces") != "on") continue;
        ProcessOrder order = order_for({"/usr/bin/python3",
                                        "-c",
                                        "import threading, subprocess, tempfile, json\n"
                                        "t = threading.Thread(target=lambda: None)\n"
                                        "t.start(); t.join()\n"
                                        "tempfile.TemporaryFile().write(b'x')\n"
                                        "print(subprocess.check_output(['echo', 'hello']))"});
        order.profile = profile;
        EXPECT_EQ(run(order)->text, "b'hello\\n'\n") << to_text(profile);
    }
}

}  // namespace
}  // namespace penstock::sinks::worker
