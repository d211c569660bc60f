// The house rules applied to the tree as it stands.
#include "tests/tidy/layering.h"
#include "tests/tidy/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace penstock::tidy {
namespace {

const std::vector<SourceFile>& tree() {
    static const std::vector<SourceFile> files = read_tree(PENSTOCK_SOURCE_DIR);
    return files;
}

std::string report(const std::vector<Finding>& findings) {
    std::string text;
    for (const auto& finding : findings)
        text +=
            "  " + finding.path + ":" + std::to_string(finding.line) + ": " + finding.what + "\n";
    return text;
}

// The rules' own tests plant offences; every other file is held to the rules.
bool plants_offences(const SourceFile& file) {
    return file.path == "tests/tidy/rules_test.cpp";
}

template <class Rule>
void expect_clean(Rule rule) {
    std::vector<Finding> findings;
    for (const auto& file : tree()) {
        if (plants_offences(file)) continue;
        const auto more = rule(file);
        findings.insert(findings.end(), more.begin(), more.end());
    }
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(House, TheTreeWasRead) {
    const auto sources = std::count_if(tree().begin(), tree().end(), is_cpp);
    EXPECT_GT(sources, 60);
}

TEST(House, IncludesFollowTheTable) {
    std::vector<Finding> findings;
    for (const auto& file : tree()) {
        if (!is_cpp(file)) continue;
        const auto more = check_includes(file);
        findings.insert(findings.end(), more.begin(), more.end());
    }
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(House, FilesHaveAtMost500Lines) {
    expect_clean(check_file_length);
}

TEST(House, LinesHaveAtMost100Columns) {
    expect_clean(check_columns);
}

TEST(House, FunctionsHaveAtMost60Lines) {
    expect_clean(check_function_length);
}

TEST(House, NoBannedWordStands) {
    expect_clean(check_banned_words);
}

TEST(House, NoLoopRunsOverAnUnorderedContainer) {
    expect_clean(check_unordered_loops);
}

TEST(House, HeadersOpenWithWhatTheyAre) {
    expect_clean(check_header_opening);
}

TEST(House, NoTemporaryLivesAcrossACoAwait) {
    expect_clean(check_coroutine_temporaries);
}

TEST(House, NoPathOfAMachineStands) {
    expect_clean(check_machine_paths);
}

TEST(House, LockFilesNameNoRegistry) {
    expect_clean(check_lock_file);
}

TEST(House, EveryRoomHasAReadme) {
    const auto findings = check_room_readmes(tree());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

TEST(House, EveryExampleIsMentioned) {
    const auto findings = check_examples_mentioned(tree());
    EXPECT_TRUE(findings.empty()) << report(findings);
}

}  // namespace
}  // namespace penstock::tidy
