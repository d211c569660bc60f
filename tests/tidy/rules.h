// The house rules a machine can check, one function a rule. Pure: a file in, findings out, so that
// each rule is tested on a planted offence. Heuristics by line and brace, not a parser: they rely
// on the tree being formatted by .clang-format.
#pragma once

#include "tests/tidy/source_file.h"

#include <vector>

namespace penstock::tidy {

std::vector<Finding> check_file_length(const SourceFile& file);  // at most 500 lines
std::vector<Finding> check_columns(const SourceFile& file);      // at most 100 columns
std::vector<Finding> check_function_length(
    const SourceFile& file);  // at most 60, bare case labels aside
std::vector<Finding> check_banned_words(const SourceFile& file);
std::vector<Finding> check_unordered_loops(const SourceFile& file);
std::vector<Finding> check_header_opening(const SourceFile& file);
std::vector<Finding> check_machine_paths(const SourceFile& file);
std::vector<Finding> check_lock_file(const SourceFile& file);

// No brace-made struct and no capturing lambda in an expression with co_await: g++ 12 destroys such
// temporaries twice.
std::vector<Finding> check_coroutine_temporaries(const SourceFile& file);

// Rules about the tree as a whole.
std::vector<Finding> check_room_readmes(const std::vector<SourceFile>& tree);
std::vector<Finding> check_examples_mentioned(const std::vector<SourceFile>& tree);

}  // namespace penstock::tidy
