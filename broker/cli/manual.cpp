#include "broker/cli/manual.h"

#include <string_view>

namespace penstock::cli {

namespace {

std::string roff(std::string_view text) {
    std::string out;
    for (const char letter : text) {
        if (letter == '\\') {
            out += "\\e";
        } else if (letter == '-') {
            out += "\\-";
        } else {
            // A line must not begin like a request.
            if ((letter == '.' || letter == '\'') && (out.empty() || out.back() == '\n'))
                out += "\\&";
            out.push_back(letter);
        }
    }
    return out;
}

std::string flag_line(const Flag& flag) {
    std::string out;
    for (const std::string& name : flag.names) {
        if (!out.empty()) out += ", ";
        out += "\\fB" + roff(name) + "\\fR";
    }
    if (!flag.value.empty()) out += " \\fI" + roff(flag.value) + "\\fR";
    return out;
}

void put_flags(std::string& out, const Command& command) {
    for (const Flag& flag : command.flags) {
        if (flag.names == std::vector<std::string>{"--help", "-h"}) continue;
        out += ".TP\n" + flag_line(flag) + "\n" + roff(flag.about);
        for (std::size_t at = 0; at < flag.values.size(); ++at)
            out += (at == 0 ? ": \\fB" : ", \\fB") + roff(flag.values[at]) + "\\fR";
        out += "\n";
    }
}

void put_command(std::string& out, const Command& command, const std::string& path) {
    if (!command.commands.empty()) {
        for (const Command& below : command.commands)
            put_command(out, below, path + " " + below.name);
        return;
    }
    out += ".SS penstock" + roff(path);
    for (const Operand& operand : command.operands) {
        const std::string name = "\\fI" + roff(operand.name) + "\\fR";
        out += operand.required ? " " + name : " [" + name + "]";
    }
    out += "\n" + roff(command.about) + ".\n";
    for (const Operand& operand : command.operands)
        out += ".TP\n\\fI" + roff(operand.name) + "\\fR\n" + roff(operand.about) + "\n";
    put_flags(out, command);
}

}  // namespace

std::string manual_page(const Command& root) {
    std::string out = ".TH PENSTOCK 1 \"\" \"Penstock\" \"Commands\"\n";
    out += ".SH NAME\npenstock \\- queues, topics and push delivery\n";
    out += ".SH SYNOPSIS\n\\fBpenstock\\fR \\fINOUN VERB\\fR [\\fIflags\\fR]\n";
    out +=
        ".SH DESCRIPTION\n"
        "Runs a server (\\fBserve\\fR), looks at its configuration (\\fBconfig\\fR) and asks a "
        "running server. Output is a table on a terminal and plain lines elsewhere, or what "
        "\\fB\\-\\-output\\fR says. Durations are written 90s, 15m, 2h, 3d; sizes 64KiB; times "
        "as RFC 3339 or \\-1h.\n";
    out += ".SH OPTIONS\nThey may stand anywhere.\n";
    put_flags(out, root);
    out += ".SH COMMANDS\n";
    for (const Command& noun : root.commands) put_command(out, noun, " " + noun.name);
    out += ".SH EXIT STATUS\n";
    for (const auto& [code, meaning] : {std::pair("0", "ok"),
                                        {"1", "failure"},
                                        {"2", "usage"},
                                        {"3", "not found"},
                                        {"4", "conflict"},
                                        {"5", "denied"},
                                        {"6", "time-out, or nothing received with --fail-empty"}})
        out += ".TP\n.B " + std::string(code) + "\n" + roff(meaning) + "\n";
    out +=
        ".SH ENVIRONMENT\n.TP\n.B PENSTOCK_SERVER, PENSTOCK_KEY_ID, PENSTOCK_KEY_SECRET, "
        "PENSTOCK_TOKEN\n"
        "The server and the key, where no flag names them.\n";
    out +=
        ".SH SEE ALSO\npenstock.toml(5), penstock\\-worker(7), penstock\\-lua(7), "
        "penstock\\-recover(8), penstock\\-backup(8)\n";
    return out;
}

}  // namespace penstock::cli
