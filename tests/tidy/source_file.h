// SourceFile: one file of the tree as the house rules see it, and the tree itself. Values; read
// once at the start of the test, used by one thread. A tree that cannot be read is a failed test.
#pragma once

#include <string>
#include <vector>

namespace penstock::tidy {

struct SourceFile {
    std::string path;                // from the root, with '/': "broker/base/log.h"
    std::vector<std::string> lines;  // as they stand
    std::vector<std::string> code;   // C++ only: comments and literals' contents blanked out
};

struct Finding {
    std::string path;
    std::size_t line;  // from 1; 0: the file as a whole
    std::string what;
};

// A file made from text, for the rules' own tests.
SourceFile source_file(std::string path, const std::string& text);

// Every text file of the project, sorted by path: build folders and what git ignores left out.
std::vector<SourceFile> read_tree(const std::string& root);

bool is_cpp(const SourceFile& file);
bool is_header(const SourceFile& file);

// In a room of the product (broker, dispatcher, lua, plugins, sinks), not in its tests or examples.
bool in_product(const SourceFile& file);
bool starts_with(const std::string& text, const std::string& prefix);

}  // namespace penstock::tidy
