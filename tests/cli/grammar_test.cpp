// What is made of the grammar: completion and the manual page, through the command line itself.
#include "broker/cli/grammar.h"

#include "tests/cli/fixture.h"

#include <gmock/gmock.h>

namespace penstock::testing {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Grammar : public CliFixture {};

TEST_F(Grammar, EveryShellGetsAScriptOfAllCommandsAndFlags) {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        EXPECT_EQ(run({"completion", shell}), 0) << err;
        for (const char* word : {"/queue/send",
                                 "/sub/add",
                                 "/cluster/recover",
                                 "/serve",
                                 "transform-lua",
                                 "listen-peer",
                                 "listen-tcp",
                                 "content-length"}) {
            EXPECT_THAT(out, HasSubstr(word)) << shell;
        }
    }
}

TEST_F(Grammar, AShellThatIsNotKnownIsAUsageError) {
    EXPECT_EQ(run({"completion", "tcsh"}), 2);
    EXPECT_EQ(run({"completion"}), 2);
}

TEST_F(Grammar, TheManualPageTellsOfEveryCommandAndOfThoseOfTheServer) {
    EXPECT_EQ(run({"manual"}), 0);
    for (const char* line : {".SS penstock serve",
                             ".SS penstock queue create \\fINAME\\fR",
                             ".SS penstock sub add \\fITOPIC\\fR \\fINAME\\fR",
                             ".SS penstock cluster recover",
                             ".SS penstock config check \\fIFILE\\fR",
                             "\\fB\\-\\-visibility\\fR \\fIDURATION\\fR",
                             ".B 6\n"}) {
        EXPECT_THAT(out, HasSubstr(line));
    }
    EXPECT_THAT(out, Not(HasSubstr("--")));  // a hyphen of roff is \-
}

TEST_F(Grammar, TheHelpOfTheCompletionNamesTheShells) {
    EXPECT_EQ(run({"completion", "--help"}), 0);
    EXPECT_THAT(out, HasSubstr("bash"));
}

TEST_F(Grammar, AWordThatIsNoCommandIsNamedWithThoseThatAre) {
    EXPECT_EQ(run({"que", "list"}), 2);
    EXPECT_NE(err.find("'penstock' has no command 'que'. It takes one of "), std::string::npos);
    EXPECT_NE(err.find("queue, "), std::string::npos) << err;
    EXPECT_EQ(run({"--server", "http://x", "queue", "--yes", "maek", "jobs"}), 2);
    EXPECT_NE(err.find("'penstock queue' has no command 'maek'. It takes one of create, "),
              std::string::npos)
        << err;
    EXPECT_EQ(run({"queue"}), 2);
    EXPECT_NE(err.find("'penstock queue' wants a command."), std::string::npos) << err;
}

}  // namespace

}  // namespace penstock::testing
