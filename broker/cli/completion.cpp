#include "broker/cli/completion.h"

#include <functional>
#include <string_view>

namespace penstock::cli {

namespace {

// `path`: the words below `penstock`, as "/queue/send"; the root's is empty.
using Visit = std::function<void(const std::string& path, const Command& command)>;

void walk(const Command& command, const std::string& path, const Visit& visit) {
    visit(path, command);
    for (const Command& below : command.commands) walk(below, path + "/" + below.name, visit);
}

std::string in_quotes(std::string_view text) {
    std::string out = "'";
    for (const char letter : text) {
        if (letter == '\'') {
            out += "'\\''";
        } else {
            out.push_back(letter);
        }
    }
    return out + "'";
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string out;
    for (const std::string& word : words) {
        if (!out.empty()) out += between;
        out += word;
    }
    return out;
}

std::vector<std::string> names_of(const Command& command) {
    std::vector<std::string> names;
    for (const Command& below : command.commands) names.push_back(below.name);
    for (const Flag& flag : command.flags)
        names.insert(names.end(), flag.names.begin(), flag.names.end());
    return names;
}

// The lines that follow the words already typed down the tree of commands, for bash and zsh.
std::string follow(const Command& root, const std::string& words) {
    std::string out = "  local at='' word\n  for word in " + words + "; do\n";
    out += "    case \"$at/$word\" in\n";
    walk(root, "", [&](const std::string& path, const Command&) {
        if (!path.empty()) out += "      " + path + ") at=" + path + " ;;\n";
    });
    return out + "    esac\n  done\n";
}

// What may follow a flag: `one_of` for a list, `file` for a name in the file system. The root's
// flags may stand behind any command.
using Arm = std::function<std::string(const Flag& flag)>;

std::string after_flags(const Command& root, const std::string& previous, const Arm& arm) {
    std::string out = "  case \"$at " + previous + "\" in\n";
    walk(root, "", [&](const std::string& path, const Command& command) {
        for (const Flag& flag : command.flags) {
            if (flag.value.empty()) continue;
            std::vector<std::string> patterns;
            for (const std::string& name : flag.names)
                patterns.push_back((path.empty() ? "*' " : "'" + path + " ") + name + "'");
            out += "    " + joined(patterns, "|") + ") " + arm(flag) + "; return ;;\n";
        }
    });
    return out + "  esac\n";
}

std::string described(const std::string& name, const std::string& about) {
    std::string plain;
    for (const char letter : name) {
        if (letter == ':') plain += "\\";
        plain.push_back(letter);
    }
    return in_quotes(plain + ":" + about);
}

}  // namespace

std::string bash_completion(const Command& root) {
    std::string out = "# bash completion of penstock: penstock completion bash\n_penstock() {\n";
    out += "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n";
    out += follow(root, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"");
    out += after_flags(root, "$previous", [](const Flag& flag) -> std::string {
        if (names_a_file(flag.value)) return "COMPREPLY=($(compgen -f -- \"$current\"))";
        if (flag.values.empty()) return "COMPREPLY=()";
        return "COMPREPLY=($(compgen -W " + in_quotes(joined(flag.values, " ")) +
               " -- \"$current\"))";
    });
    out +=
        "  local words=" + in_quotes(joined(names_of(Command{{}, {}, root.flags, {}, {}}), " ")) +
        "\n  case \"$at\" in\n";
    walk(root, "", [&](const std::string& path, const Command& command) {
        out += "    " + in_quotes(path) +
               ") words+=" + in_quotes(" " + joined(names_of(command), " ")) + " ;;\n";
    });
    out += "  esac\n";
    out += "  [[ $current == -* ]] || words=$(printf '%s\\n' $words | grep -v '^-')\n";
    out += "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n}\n";
    return out + "complete -o bashdefault -o default -F _penstock penstock\n";
}

std::string zsh_completion(const Command& root) {
    std::string out = "#compdef penstock\n# zsh completion of penstock: penstock completion zsh\n";
    out += "_penstock() {\n  local previous=${words[CURRENT-1]}\n  local -a commands flags\n";
    out += follow(root, "${words[2,CURRENT-1]}");
    out += after_flags(root, "$previous", [](const Flag& flag) -> std::string {
        if (names_a_file(flag.value)) return "_files";
        if (flag.values.empty()) return "_message " + in_quotes(flag.value);
        return "compadd -- " + joined(flag.values, " ");
    });
    const auto described_flags = [](const Command& command) {
        std::string list;
        for (const Flag& flag : command.flags) {
            for (const std::string& name : flag.names) list += " " + described(name, flag.about);
        }
        return list;
    };
    out += "  flags=(" + described_flags(root) + ")\n  case \"$at\" in\n";
    walk(root, "", [&](const std::string& path, const Command& command) {
        out += "    " + in_quotes(path) + ")";
        if (!command.commands.empty()) {
            out += " commands=(";
            for (const Command& below : command.commands)
                out += " " + described(below.name, below.about);
            out += ");";
        }
        if (!path.empty()) out += " flags+=(" + described_flags(command) + ")";
        out += " ;;\n";
    });
    out += "  esac\n  (( $#commands )) && _describe command commands\n";
    out += "  _describe flag flags\n  (( $#commands )) || _files\n}\n";
    return out + "compdef _penstock penstock\n";
}

std::string fish_completion(const Command& root) {
    std::string out = "# fish completion of penstock: penstock completion fish\n";
    out += "function __penstock_at\n  set -l at ''\n";
    out += "  for word in (commandline -opc)[2..-1]\n    switch \"$at/$word\"\n";
    walk(root, "", [&](const std::string& path, const Command&) {
        if (!path.empty()) out += "      case " + path + "\n        set at " + path + "\n";
    });
    out += "    end\n  end\n  test \"$at\" = \"$argv[1]\"\nend\n";
    out += "complete -c penstock -f\n";
    walk(root, "", [&](const std::string& path, const Command& command) {
        const std::string here = " -n \"__penstock_at '" + path + "'\"";
        for (const Command& below : command.commands)
            out += "complete -c penstock" + here + " -a " + below.name + " -d " +
                   in_quotes(below.about) + "\n";
        for (const Flag& flag : command.flags) {
            // Those of the root stand anywhere.
            out += "complete -c penstock" + (path.empty() ? std::string() : here);
            for (const std::string& name : flag.names)
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            if (!flag.value.empty()) out += names_a_file(flag.value) ? " -r -F" : " -x";
            if (!flag.values.empty()) out += " -a " + in_quotes(joined(flag.values, " "));
            out += " -d " + in_quotes(flag.about) + "\n";
        }
    });
    return out;
}

}  // namespace penstock::cli
