// Each rule is shown one offence and one neighbour that is right, so that no rule can sleep.
#include "tests/tidy/rules.h"

#include "tests/tidy/layering.h"

#include <gtest/gtest.h>

#include <string>

namespace penstock::tidy {
namespace {

using Rule = std::vector<Finding> (*)(const SourceFile&);

std::size_t findings(Rule rule, const std::string& path, const std::string& text) {
    return rule(source_file(path, text)).size();
}

std::string repeated(const std::string& line, int times) {
    std::string text;
    for (int count = 0; count < times; ++count) text += line;
    return text;
}

TEST(Layering, AnArrowThatPointsBackIsFound) {
    EXPECT_EQ(findings(check_includes, "broker/base/a.h", "#include \"broker/model/ids.h\"\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/model/a.h", "#include \"broker/base/ids.h\"\n"), 0U);
    EXPECT_EQ(findings(check_includes, "broker/core/a.h", "#include \"broker/base/clock.h\"\n"),
              1U);
    EXPECT_EQ(findings(check_includes, "broker/core/a.h", "#include \"broker/base/hash.h\"\n"), 0U);
    EXPECT_EQ(findings(check_includes, "dispatcher/a.cpp", "#include \"sinks/sink.h\"\n"), 0U);
    EXPECT_EQ(findings(check_includes, "dispatcher/a.cpp", "#include \"sinks/http/request.h\"\n"),
              1U);
    EXPECT_EQ(
        findings(
            check_includes, "plugins/native/a.cpp", "#include \"plugins/cmq_http/errors.h\"\n"),
        1U);
    EXPECT_EQ(findings(check_includes, "sinks/all.cpp", "#include \"sinks/http/http_sink.h\"\n"),
              0U);
}

TEST(Layering, TheEnginesCInterfaceIsSeenByItsRoomOnly) {
    const std::string line = "#include \"broker/replication/etcd_raft/etcd_raft.h\"\n";
    EXPECT_EQ(findings(check_includes, "broker/replication/raft_log.cpp", line), 1U);
    EXPECT_EQ(findings(check_includes, "broker/assembly.cpp", line), 1U);
    EXPECT_EQ(findings(check_includes, "tests/replication/a_test.cpp", line), 1U);
    EXPECT_EQ(findings(check_includes, "broker/replication/etcd_raft/a.cpp", line), 0U);
}

TEST(Layering, AFolderOutsideTheTableIsFound) {
    EXPECT_EQ(findings(check_includes, "broker/utils/a.h", "#include \"broker/base/ids.h\"\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/node/a.h", "#include \"node.h\"\n"), 1U);
}

TEST(Layering, AThirdPartyHeaderOutsideItsRoomIsFound) {
    EXPECT_EQ(findings(check_includes, "broker/node/a.cpp", "#include <rocksdb/db.h>\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/storage/rows/a.cpp", "#include <rocksdb/db.h>\n"),
              0U);
    EXPECT_EQ(findings(check_includes, "broker/model/a.h", "#include <boost/json.hpp>\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/core/a.h", "#include <boost/asio/post.hpp>\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/node/a.cpp", "#include <toml++/toml.h>\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/base/disk.cpp", "#include <spdlog/spdlog.h>\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/base/log.cpp", "#include <spdlog/spdlog.h>\n"), 0U);
    EXPECT_EQ(findings(check_includes, "broker/node/a.cpp", "#include <nlohmann/json.hpp>\n"), 1U);
}

TEST(Layering, TheDeterministicRoomsSeeNoClockAndNoThread) {
    EXPECT_EQ(findings(check_includes, "broker/core/a.cpp", "#include <thread>\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/core/a.cpp", "#include <chrono>\n"), 1U);
    EXPECT_EQ(findings(check_includes, "broker/core/a.cpp", "#include <map>\n"), 0U);
    EXPECT_EQ(findings(check_includes, "broker/node/a.cpp", "#include <thread>\n"), 0U);
}

TEST(Rules, AFileOver500LinesIsFound) {
    EXPECT_EQ(findings(check_file_length, "broker/a.cpp", repeated("int a;\n", 501)), 1U);
    EXPECT_EQ(findings(check_file_length, "broker/a.cpp", repeated("int a;\n", 500)), 0U);
}

TEST(Rules, ALineOver100ColumnsIsFound) {
    EXPECT_EQ(findings(check_columns, "broker/a.cpp", repeated("a", 101) + "\n"), 1U);
    EXPECT_EQ(findings(check_columns, "broker/a.cpp", repeated("a", 100) + "\n"), 0U);
    EXPECT_EQ(findings(check_columns, "broker/a.cpp", "// " + repeated("\xC3\xA9", 97) + "\n"), 0U);
}

TEST(Rules, AFunctionOver60LinesIsFound) {
    const std::string body = repeated("    step();\n", 59);
    EXPECT_EQ(findings(check_function_length, "a.cpp", "void run() {\n" + body + "}\n"), 1U);
    EXPECT_EQ(findings(check_function_length, "a.cpp", "void run() {\n" + body.substr(12) + "}\n"),
              0U);
    EXPECT_EQ(findings(check_function_length,
                       "a.h",
                       "class Turbine {\n  public:\n    explicit Turbine(int a)\n"
                       "        : a_{a} {\n" +
                           body + "    }\n};\n"),
              1U);
    EXPECT_EQ(findings(check_function_length,
                       "a.cpp",
                       "namespace house {\nvoid a() {}\n" + repeated("void run();\n", 90) + "}\n"),
              0U);
}

TEST(Rules, BannedWordsAreFoundInCodeButNotInComments) {
    const char* product = "broker/node/a.cpp";
    EXPECT_EQ(findings(check_banned_words, product, "auto* a = new Turbine(1);\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, product, "// a new message\n"), 0U);
    EXPECT_EQ(findings(check_banned_words, product, "auto a = \"new Turbine\";\n"), 0U);
    EXPECT_EQ(findings(check_banned_words, product, "delete turbine;\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, product, "Turbine(const Turbine&) = delete;\n"), 0U);
    EXPECT_EQ(findings(check_banned_words, product, "co_spawn(io, run(), asio::detached);\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, product, "std::mutex lock;\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, product, "boost::beast::iequals(a, b);\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, product, "volatile int a;\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, product, "auto n = std::chrono::system_clock::now();\n"),
              1U);
    EXPECT_EQ(findings(check_banned_words, "broker/base/clock.cpp", "system_clock::now();\n"), 0U);
    EXPECT_EQ(findings(check_banned_words, "tests/core/a.cpp", "sleep_for(1s);\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, "tests/end_to_end/a.cpp", "sleep_for(1s);\n"), 0U);
    EXPECT_EQ(findings(check_banned_words, "broker/core/a.cpp", "double share = 0;\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, "broker/a.h", "using namespace std;\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, "broker/a.cpp", "catch (...) {}\n"), 1U);
    EXPECT_EQ(findings(check_banned_words, "README.md", std::string("TO") + "DO: later\n"), 1U);
}

TEST(Rules, ALoopOverAnUnorderedContainerIsFound) {
    const std::string member = "std::unordered_map<std::string, std::vector<int>> places_;\n";
    EXPECT_EQ(findings(check_unordered_loops, "a.cpp", member + "for (auto& a : places_) {\n"), 1U);
    EXPECT_EQ(findings(check_unordered_loops, "a.cpp", member + "for (auto& a : ordered_) {\n"),
              0U);
}

TEST(Rules, AHeaderWithoutAnOpeningOrGuardIsFound) {
    EXPECT_EQ(findings(check_header_opening, "a.h", "#pragma once\n"), 1U);
    EXPECT_EQ(findings(check_header_opening, "a.h", "// What it is.\nint a();\n"), 1U);
    EXPECT_EQ(findings(check_header_opening, "a.h", "// What it is.\n#pragma once\n"), 0U);
}

TEST(Rules, ATemporaryInAnExpressionWithCoAwaitIsFound) {
    const Rule rule = check_coroutine_temporaries;
    EXPECT_EQ(findings(rule, "a.cpp", "co_await api.submit(Publish{topic, body});\n"), 1U);
    EXPECT_EQ(findings(rule, "a.cpp", "co_await api.submit({.topic = topic});\n"), 1U);
    EXPECT_EQ(findings(rule, "a.cpp", "co_await submit(\n    Publish{topic,\n            a});\n"),
              1U);
    EXPECT_EQ(findings(rule, "a.cpp", "co_await run([&](int a) { return a; });\n"), 1U);
    EXPECT_EQ(findings(rule, "a.cpp", "co_await api.submit(std::move(command));\n"), 0U);
    EXPECT_EQ(findings(rule, "a.cpp", "auto row = rows[at](co_await next());\n"), 0U);
    EXPECT_EQ(findings(rule, "a.cpp", "if (co_await next()) {\n    Publish a{topic};\n}\n"), 0U);
    EXPECT_EQ(findings(rule, "a.cpp", "co_return co_await next(token);\n"), 0U);
}

TEST(Rules, PathsOfAMachineAndHostsOfARegistryAreFound) {
    const std::string path = std::string("see /ho") + "me/someone/a\n";
    EXPECT_EQ(findings(check_machine_paths, "README.md", path), 1U);
    EXPECT_EQ(findings(check_machine_paths, "README.md", "see examples/home/a\n"), 0U);
    const std::string line = "  \"resolved\": \"https://registry.example/a.tgz\",\n";
    EXPECT_EQ(findings(check_lock_file, "tests/a/package-lock.json", line), 1U);
    EXPECT_EQ(findings(check_lock_file, "tests/a/package.json", line), 0U);
}

TEST(Rules, ARoomWithoutReadmeAndAnUnmentionedExampleAreFound) {
    std::vector<SourceFile> tree{source_file("broker/base/a.h", ""),
                                 source_file("examples/first.sh", ""),
                                 source_file("examples/events/one.json", "")};
    EXPECT_EQ(check_room_readmes(tree).size(), 1U);
    EXPECT_EQ(check_examples_mentioned(tree).size(), 2U);
    tree.push_back(source_file("broker/base/README.md", ""));
    tree.push_back(source_file("README.md", "Run examples/first.sh on examples/events/.\n"));
    EXPECT_EQ(check_room_readmes(tree).size(), 0U);
    EXPECT_EQ(check_examples_mentioned(tree).size(), 0U);
}

}  // namespace
}  // namespace penstock::tidy
