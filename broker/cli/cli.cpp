#include "broker/cli/cli.h"

#include "broker/base/nearest.h"
#include "broker/cli/account_commands.h"
#include "broker/cli/backup_commands.h"
#include "broker/cli/bench.h"
#include "broker/cli/cluster_commands.h"
#include "broker/cli/completion.h"
#include "broker/cli/context_commands.h"
#include "broker/cli/dead_letter_commands.h"
#include "broker/cli/doctor.h"
#include "broker/cli/function_commands.h"
#include "broker/cli/grammar.h"
#include "broker/cli/key_commands.h"
#include "broker/cli/live_commands.h"
#include "broker/cli/manual.h"
#include "broker/cli/operation_commands.h"
#include "broker/cli/peek_commands.h"
#include "broker/cli/queue_commands.h"
#include "broker/cli/remote_server.h"
#include "broker/cli/session.h"
#include "broker/cli/sink_flags.h"
#include "broker/cli/state/state_commands.h"
#include "broker/cli/subscription_commands.h"
#include "broker/cli/topic_commands.h"
#include "broker/cli/transaction_commands.h"
#include "broker/cli/trial.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>

namespace penstock::cli {

namespace {

// Of a flag, in changed characters: "--visiblity" is one away. Half of its letters at most, as any
// two short words are near each other.
constexpr std::size_t misspelling_max = 3;

constexpr std::array<std::string_view, 21> nouns = {
    "queue", "topic",  "sub",     "fn",     "dlq",     "delivery",   "message",
    "tail",  "listen", "cluster", "key",    "account", "context",    "doctor",
    "bench", "apply",  "diff",    "export", "backup",  "completion", "manual"};

// Subcommands inherit `fallthrough`: the settings may stand before or after the verb.
void add_settings(CLI::App& root, Session& session) {
    root.fallthrough();
    root.require_subcommand(1);
    root.footer(
        "The server itself: penstock serve, config, restore, store, --version.\n"
        "Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 denied,\n"
        "6 time-out, or nothing received with --fail-empty.");
    root.add_option("--server", session.flags.server, "Server, else PENSTOCK_SERVER")
        ->type_name("URL");
    root.add_option("--key-id", session.flags.key_id, "Key, else PENSTOCK_KEY_ID");
    root.add_option("--key-secret", session.flags.key_secret, "Secret, else PENSTOCK_KEY_SECRET");
    root.add_option("--token", session.flags.token, "Of a temporary key, else PENSTOCK_TOKEN");
    root.add_option("--ca", session.flags.ca_file, "Certificates to trust, else PENSTOCK_CA")
        ->type_name("FILE");
    root.add_option("--context", session.flags.context, "Settings by name: penstock context list");
    root.add_option("-o,--output", session.output, "table, json or ndjson")
        ->check(CLI::IsMember({"table", "json", "ndjson"}));
}

// What the grammar is good for beside parsing.
void add_grammar_commands(CLI::App& root, Session& session, std::string& shell) {
    const auto print = [&root, &session](std::string (*made)(const Command&)) {
        session.world().out << made(grammar(root));
        return static_cast<int>(exit_ok);
    };
    CLI::App* completion =
        root.add_subcommand("completion", "Print a script that completes penstock in a shell");
    completion->add_option("SHELL", shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    completion->callback([&session, &shell, print] {
        session.chosen = [&shell, print] {
            return print(shell == "bash"  ? bash_completion
                         : shell == "zsh" ? zsh_completion
                                          : fish_completion);
        };
    });
    CLI::App* manual = root.add_subcommand("manual", "Print the manual page penstock(1)");
    manual->callback([&session, print] {
        session.chosen = [print] {
            return print(manual_page);
        };
    });
}

// What may stand behind a noun, or first.
std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

// How far a line leads into the tree of commands.
struct Reached {
    const CLI::App* app = nullptr;
    std::string words;  // that lead there
    std::string next;   // the first word behind them that is neither command nor flag
};

Reached reached(const CLI::App& root, const std::vector<std::string>& words) {
    Reached so_far{&root, "penstock", {}};
    for (std::size_t at = 0; at < words.size() && so_far.next.empty(); ++at) {
        if (words[at].starts_with('-')) {
            const auto* setting = root.get_option_no_throw(words[at]);
            if (setting != nullptr && setting->get_items_expected_max() > 0) ++at;
            continue;
        }
        const auto commands = commands_of(*so_far.app);
        const auto below =
            std::find_if(commands.begin(), commands.end(), [&](const CLI::App* command) {
                return command->check_name(words[at]);
            });
        if (below == commands.end()) {
            so_far.next = words[at];
        } else {
            so_far.app = *below;
            so_far.words += " " + words[at];
        }
    }
    return so_far;
}

// Where a line names no command: the word that is none, and what might stand there.
std::string no_command(const Reached& there) {
    std::string all;
    for (const CLI::App* command : commands_of(*there.app)) {
        all += (all.empty() ? "" : ", ") + command->get_name();
    }
    const std::string what =
        there.next.empty() ? "'" + there.words + "' wants a command"
                           : "'" + there.words + "' has no command '" + there.next + "'";
    return what + ". It takes one of " + all + ".";
}

// The flags that may stand behind a command: its own, and the settings.
std::vector<std::string> flags_of(const CLI::App& root, const CLI::App& command) {
    std::vector<std::string> flags;
    for (const CLI::App* app : {&command, &root}) {
        for (const CLI::Option* option : app->get_options()) {
            for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
        }
    }
    return flags;
}

// About the first long flag of the line that its command does not have; no text: there is none.
Failure unknown_flag(const CLI::App& root,
                     const Reached& there,
                     const std::vector<std::string>& words) {
    const auto flags = flags_of(root, *there.app);
    const std::vector<std::string_view> known(flags.begin(), flags.end());
    for (const auto& word : words) {
        const std::string flag = word.substr(0, word.find('='));
        if (flag == "--") break;
        if (!flag.starts_with("--") || std::find(flags.begin(), flags.end(), flag) != flags.end())
            continue;
        const auto near = nearest(flag, known, std::min(misspelling_max, (flag.size() - 2) / 2));
        return usage_failure(
            "'" + there.words + "' has no flag " + flag + "." +
                (near.empty() ? std::string() : " Did you mean " + std::string(near) + "?"),
            "'" + there.words + " --help' shows its flags.");
    }
    return {};
}

int parse_failed(const CLI::App& root,
                 const CLI::ParseError& problem,
                 const std::vector<std::string>& words,
                 Session& session) {
    World& world = session.world();
    if (problem.get_exit_code() == 0) {
        root.exit(problem, world.out, world.err);  // --help
        return exit_ok;
    }
    const Reached there = reached(root, words);
    // Only then the parser speaks of commands.
    if (std::string_view(problem.what()).find("subcommand") != std::string_view::npos) {
        world.err << "penstock: " << escaped(no_command(there)) << "\n";
        return exit_usage;
    }
    Failure failure;
    const bool left_over =
        problem.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError);
    if (left_over) failure = unknown_flag(root, there, words);
    if (failure.what.empty()) {
        failure =
            usage_failure(problem.what(),
                          "'penstock --help' and 'penstock NOUN VERB --help' show what there is.");
    }
    return session.fail(failure);
}

// A full disk under `export > FILE` is no success, and what is in the file is not all.
int all_written(Session& session, int exit_code) {
    auto& out = session.world().out;
    out.flush();
    if (out || exit_code != exit_ok) return exit_code;
    Failure failure;
    failure.what = "The output could not be written; what is there of it is not all.";
    failure.next = "What was asked of the server was done all the same.";
    return session.fail(failure);
}

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) continue;
        variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

}  // namespace

bool is_client_command(std::string_view noun) {
    return std::find(nouns.begin(), nouns.end(), noun) != nouns.end();
}

int run(const std::vector<std::string>& words, World& world) {
    Session session(world);
    std::vector<std::string> own = words;
    const CutCommand command = cut_command(own);
    CLI::App root("Penstock: queues, topics and push delivery", "penstock");
    add_settings(root, session);
    QueueCommands queues(session);
    TopicCommands topics(session);
    SubscriptionCommands subscriptions(session, command);
    FunctionCommands functions(session);
    PeekCommands peeking(session);
    TransactionCommands transactions(session);
    DeadLetterCommands dead_letters(session);
    OperationCommands operations(session);
    Trial trial(session);
    LiveCommands live(session);
    ClusterCommands clusters(session);
    KeyCommands keys(session);
    AccountCommands accounts(session);
    ContextCommands contexts(session);
    StateCommands state(session);
    Doctor doctor(session);
    BackupCommands backups(session);
    Bench bench(session);
    queues.add_to(root);
    topics.add_to(root);
    subscriptions.add_to(root);
    functions.add_to(root);
    peeking.add_to(root);
    transactions.add_to(root);
    dead_letters.add_to(root);
    operations.add_to(root);
    trial.add_to(root);
    live.add_to(root);
    clusters.add_to(root);
    keys.add_to(root);
    accounts.add_to(root);
    contexts.add_to(root);
    state.add_to(root);
    doctor.add_to(root);
    backups.add_to(root);
    bench.add_to(root);
    std::string shell;
    add_grammar_commands(root, session, shell);
    try {
        // CLI11 takes the words from the back.
        root.parse(std::vector<std::string>(own.rbegin(), own.rend()));
    } catch (const CLI::ParseError& problem) {
        return all_written(session, parse_failed(root, problem, own, session));
    }
    return all_written(session,
                       session.chosen ? session.chosen() : static_cast<int>(exit_usage));
}

int run_cli(const std::vector<std::string>& words) {
    const SystemClock clock;
    World world{std::cin,
                std::cout,
                std::cerr,
                clock,
                ::isatty(STDIN_FILENO) == 1,
                ::isatty(STDOUT_FILENO) == 1,
                process_environment(),
                [&clock](const Target& target) {
                    return connect(target, clock);
                }};
    return run(words, world);
}

}  // namespace penstock::cli
