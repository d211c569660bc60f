// What a command line says when it was mistyped, goes to the wrong place, or cannot say anything.
#include "broker/cli/failure.h"
#include "tests/cli/fixture.h"

#include <string>
#include <utility>
#include <vector>

namespace penstock::testing {

namespace {

using CliMistakes = CliFixture;

TEST_F(CliMistakes, AMisspeltFlagIsAnsweredWithTheOneThatIsNear) {
    EXPECT_EQ(run({"queue", "create", "jobs", "--visiblity", "31s"}), 2);
    EXPECT_EQ(err,
              "penstock: 'penstock queue create' has no flag --visiblity. Did you mean "
              "--visibility?\n  'penstock queue create --help' shows its flags.\n");
    EXPECT_EQ(run({"queue", "list", "--sever=http://a:1"}), 2);
    EXPECT_NE(err.find("Did you mean --server?"), std::string::npos) << err;
    EXPECT_TRUE(targets.empty());
}

TEST_F(CliMistakes, AFlagThatIsLikeNoneIsNotGuessedAt) {
    EXPECT_EQ(run({"queue", "create", "jobs", "--colourful"}), 2);
    EXPECT_EQ(err.find("Did you mean"), std::string::npos) << err;
    EXPECT_NE(err.find("has no flag --colourful."), std::string::npos) << err;
    EXPECT_EQ(run({"queue", "create", "jobs", "--foo"}), 2);
    EXPECT_EQ(err.find("Did you mean"), std::string::npos) << "--ca is as near as any: " << err;
}

TEST_F(CliMistakes, AWordTooManyIsNamedAsBefore) {
    EXPECT_EQ(run({"queue", "info", "jobs", "more"}), 2);
    EXPECT_NE(err.find("not expected: more"), std::string::npos) << err;
}

// `penstock export > FILE` on a full disk.
TEST_F(CliMistakes, WhatCouldNotBePrintedIsAFailure) {
    broker.answer_with<api::ListQueues>({});
    EXPECT_EQ(run({"queue", "list"}), 0);
    unwritable = true;
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"queue", "list"}, {"--help"}, {"manual"}}) {
        EXPECT_EQ(run(words), 1) << words.front();
        EXPECT_NE(err.find("could not be written"), std::string::npos) << words.front();
    }
    broker.refuse<api::GetQueue>(model::Reason::queue_not_found);
    EXPECT_EQ(run({"queue", "info", "none"}), 3) << "the first thing that went wrong is told";
}

TEST_F(CliMistakes, ARefusedKeyIsAMatterOfTheFlagsNotOfAHeader) {
    EXPECT_EQ(run({"--key-id", "AKIDnone", "--key-secret", "x", "queue", "list"}), 5);
    EXPECT_NE(err.find("PENSTOCK_KEY_ID"), std::string::npos) << err;
    EXPECT_EQ(err.find("Authorization"), std::string::npos) << err;
}

TEST_F(CliMistakes, ATokenWithoutItsKeyIsNotPassedOver) {
    EXPECT_EQ(run({"--token", "sealed", "queue", "list"}), 2);
    EXPECT_NE(err.find("--key-id"), std::string::npos) << err;
    EXPECT_TRUE(targets.empty());
}

TEST_F(CliMistakes, CertificatesThatCannotBeReadAreNotTheAddressesFaultOfABenchEither) {
    EXPECT_EQ(run({"--server", "https://127.0.0.1:1", "--ca", "/no/such.pem", "bench", "send"}), 2);
    EXPECT_NE(err.find("The certificates to trust"), std::string::npos) << err;
}

TEST_F(CliMistakes, AServerThatIsAwayIsNamedOnce) {
    unreachable = true;
    EXPECT_EQ(run({"queue", "list"}), 1);
    EXPECT_EQ(err.substr(0, err.find('\n')),
              "penstock: The server at http://127.0.0.1:7070 does not answer: refused");
}

TEST(CliFailure, APathThatTheServerDoesNotHaveIsNoNameThatIsNotThere) {
    using cli::failure_of;
    for (const char* body : {R"({"status":404,"code":"route_not_found","detail":"no"})",
                             R"({"status":404,"detail":"Nothing lives at this path."})",
                             "<html>"}) {
        EXPECT_EQ(failure_of(404U, body).exit_code, cli::exit_failure) << body;
        EXPECT_NE(failure_of(404U, body).next, "") << body;
    }
    EXPECT_EQ(failure_of(404U, R"({"status":404,"code":"queue_not_found"})").exit_code,
              cli::exit_not_found);
}

TEST(CliFailure, CertificatesThatCannotBeReadAreNotTheAddressesFault) {
    const auto failure =
        cli::failure_of(Error{Errc::io, "CA file /no: No such file"}, "https://a:1");
    EXPECT_EQ(failure.exit_code, cli::exit_usage);
    EXPECT_NE(failure.next.find("--ca"), std::string::npos) << failure.next;
}

}  // namespace

}  // namespace penstock::testing
