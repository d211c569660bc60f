#include "broker/config/command.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace penstock::config {
namespace {

TEST(ConfigCommand, AGoodFileIsOk) {
    std::ostringstream out;
    std::ostringstream errors;
    const std::string file = std::string(PENSTOCK_SOURCE_DIR) + "/penstock.example.toml";
    EXPECT_EQ(run_command({"check", file}, out, errors), 0);
    EXPECT_EQ(out.str(), file + ": ok\n");
    EXPECT_EQ(errors.str(), "");
}

TEST(ConfigCommand, ABadFileFailsOnStderr) {
    std::ostringstream out;
    std::ostringstream errors;
    EXPECT_EQ(run_command({"check", "missing.toml"}, out, errors), 1);
    EXPECT_EQ(errors.str(), "missing.toml: cannot be read\n");
    errors.str({});
    EXPECT_EQ(run_command({"check", "/"}, out, errors), 1);
    EXPECT_EQ(errors.str(), "/: cannot be read\n");
}

TEST(ConfigCommand, ShowPrintsEveryKeyWithItsOrigin) {
    std::ostringstream out;
    std::ostringstream errors;
    EXPECT_EQ(run_command({"show"}, out, errors), 0);
    EXPECT_NE(out.str().find("log.segment_size = \"64MiB\"  # default\n"), std::string::npos);
    EXPECT_NE(out.str().find("io_threads = 0  # default\n"), std::string::npos);
}

TEST(ConfigCommand, AnythingElseIsUsage) {
    std::ostringstream out;
    std::ostringstream errors;
    EXPECT_EQ(run_command({}, out, errors), 2);
    EXPECT_EQ(run_command({"check"}, out, errors), 2);
    EXPECT_EQ(run_command({"dance"}, out, errors), 2);
}

TEST(ConfigCommand, HelpIsNoFileOfThatNameAndNoMistake) {
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"--help"}, {"check", "--help"}, {"show", "-h"}}) {
        std::ostringstream out;
        std::ostringstream errors;
        EXPECT_EQ(run_command(words, out, errors), 0) << words.front();
        EXPECT_NE(out.str().find("config check FILE"), std::string::npos);
        EXPECT_EQ(errors.str(), "");
    }
}

}  // namespace
}  // namespace penstock::config
