#include "tests/cli/fixture.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace penstock::testing {

namespace {

using CliSettings = CliFixture;

std::string contexts_path(const TempFolder& folder) {
    return (folder.path() / ".config/penstock/contexts.toml").string();
}

TEST_F(CliSettings, DefaultsAreTheLocalServerAndItsDevKey) {
    run({"queue", "info", "jobs"});
    ASSERT_EQ(targets.size(), 1U);
    EXPECT_EQ(targets[0].server, "http://127.0.0.1:7070");
    EXPECT_EQ(targets[0].key_id, "AKIDpenstockdev");
    EXPECT_EQ(targets[0].key_secret, "penstock-dev-secret");
}

TEST_F(CliSettings, FlagsBeatTheEnvironmentWhichBeatsTheContext) {
    EXPECT_EQ(run({"context",
                   "add",
                   "prod",
                   "--server",
                   "http://prod:1",
                   "--key-id",
                   "AKIDp",
                   "--key-secret",
                   "sp"}),
              0);
    run({"queue", "info", "jobs"});
    EXPECT_EQ(targets.back().server, "http://prod:1");
    EXPECT_EQ(targets.back().key_secret, "sp");
    environment["PENSTOCK_SERVER"] = "http://env:1";
    run({"queue", "info", "jobs"});
    EXPECT_EQ(targets.back().server, "http://env:1");
    EXPECT_EQ(targets.back().key_id, "AKIDp");
    run({"queue", "info", "jobs", "--server", "http://flag:1"});
    EXPECT_EQ(targets.back().server, "http://flag:1");
}

TEST_F(CliSettings, CertificatesToTrustComeFromFlagEnvironmentOrContext) {
    EXPECT_EQ(run({"context", "add", "prod", "--server", "https://prod:1", "--ca", "/etc/ca.pem"}),
              0);
    run({"queue", "info", "jobs"});
    EXPECT_EQ(targets.back().server, "https://prod:1");
    EXPECT_EQ(targets.back().ca_file, "/etc/ca.pem");
    environment["PENSTOCK_CA"] = "/env.pem";
    run({"queue", "info", "jobs"});
    EXPECT_EQ(targets.back().ca_file, "/env.pem");
    run({"queue", "info", "jobs", "--ca", "/flag.pem"});
    EXPECT_EQ(targets.back().ca_file, "/flag.pem");
    EXPECT_EQ(run({"context", "add", "near", "--ca", "ca.pem"}), 0);
    environment.erase("PENSTOCK_CA");
    run({"queue", "info", "jobs", "--context", "near"});
    EXPECT_EQ(targets.back().ca_file, std::filesystem::absolute("ca.pem").string())
        << "a context is used from other folders too";
}

TEST_F(CliSettings, AKeyIdWithoutItsSecretIsAUsageError) {
    EXPECT_EQ(run({"--key-id", "AKIDx", "queue", "info", "jobs"}), 2);
    EXPECT_NE(err.find("go together"), std::string::npos);
    EXPECT_TRUE(targets.empty());
}

TEST_F(CliSettings, ContextsAreKeptPrivateListedWithoutSecretsAndSwitched) {
    EXPECT_EQ(run({"context", "add", "a", "--server", "http://a:1"}), 0);
    EXPECT_EQ(run({"context", "add", "b", "--server", "http://b:1"}), 0);

    struct stat facts {};

    ASSERT_EQ(::stat(contexts_path(folder).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
    EXPECT_EQ(run({"context", "use", "b"}), 0);
    EXPECT_EQ(run({"context", "list"}), 0);
    EXPECT_EQ(out, "a\thttp://a:1\tAKIDpenstockdev\tfalse\nb\thttp://b:1\tAKIDpenstockdev\ttrue\n");
    EXPECT_EQ(run({"context", "use", "c"}), 3);
    EXPECT_EQ(run({"--context", "c", "queue", "list"}), 2);
    EXPECT_EQ(run({"--context", "a", "queue", "info", "jobs"}), 1);
    EXPECT_EQ(targets.back().server, "http://a:1");
}

TEST_F(CliSettings, ADeletedContextIsForgottenAndNoLongerInUse) {
    run({"context", "add", "a", "--server", "http://a:1"});
    run({"context", "add", "b", "--server", "http://b:1"});
    EXPECT_EQ(run({"context", "delete", "a"}), 2) << "asks first";
    EXPECT_EQ(run({"context", "delete", "a", "--yes"}), 0);
    EXPECT_EQ(out, "deleted a\n");
    EXPECT_EQ(run({"context", "list"}), 0);
    EXPECT_EQ(out, "b\thttp://b:1\tAKIDpenstockdev\tfalse\n");
    run({"queue", "info", "jobs"});
    EXPECT_EQ(targets.back().server, "http://127.0.0.1:7070");
    EXPECT_EQ(run({"context", "delete", "a", "--yes"}), 3);
}

TEST_F(CliSettings, ABrokenContextsFileIsAnErrorAndStaysAsItIs) {
    run({"context", "add", "a"});
    {
        std::ofstream file(contexts_path(folder), std::ios::trunc);
        file << "contexts = [\n";
    }
    EXPECT_EQ(run({"context", "add", "b"}), 2);
    EXPECT_NE(err.find("contexts.toml:"), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(contexts_path(folder)), 13U);
}

}  // namespace

}  // namespace penstock::testing
