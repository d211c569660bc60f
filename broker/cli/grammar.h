// Grammar: the command line as data, read off the parser that runs it, so that completion and the
// manual page never tell of something else. Values; any thread.
#pragma once

#include <CLI/App.hpp>

#include <string>
#include <vector>

namespace penstock::cli {

struct Flag {
    std::vector<std::string> names;   // "--output", "-o"
    std::string value;                // what follows it, as "SIZE"; empty: nothing does
    std::vector<std::string> values;  // all it may be; empty: anything
    std::string about;
};

struct Operand {
    std::string name;
    std::string about;
    bool required = false;
};

struct Command {
    std::string name;
    std::string about;
    std::vector<Flag> flags;  // its own; those of the root may stand anywhere
    std::vector<Operand> operands;
    std::vector<Command> commands;  // below it
};

// What `root` parses, and the commands of the server, which it does not.
Command grammar(const CLI::App& root);

// Whether a value of this kind names a file or a folder.
bool names_a_file(const std::string& value);

}  // namespace penstock::cli
