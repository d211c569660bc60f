#include "broker/cli/cli.h"

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

constexpr std::array<std::string_view, 21> nouns = {
    "queue", "topic",  "sub",     "fn",     "dlq",     "delivery",   "message",
    "tail",  "listen", "cluster", "key",    "account", "context",    "doctor",
    "bench", "apply",  "diff",    "export", "backup",  "completion", "manual"};

// Subcommands inherit `fallthrough`: the settings may stand before or after the verb.
void add_settings(CLI::App& root, Session& session) {
    root.fallthrough();
    root.require_subcommand(1);
    root.footer(
        "The server itself: penstock serve, penstock config.\n"
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

// Where a line names no command: the word that is none, and what might stand there.
std::string no_command(const CLI::App& root, const std::vector<std::string>& words) {
    const CLI::App* app = &root;
    std::string so_far = "penstock";
    std::string wrong;
    for (std::size_t at = 0; at < words.size() && wrong.empty(); ++at) {
        if (words[at].starts_with('-')) {
            const auto* setting = root.get_option_no_throw(words[at]);
            if (setting != nullptr && setting->get_items_expected_max() > 0) ++at;
            continue;
        }
        const auto commands = commands_of(*app);
        const auto below =
            std::find_if(commands.begin(), commands.end(), [&](const CLI::App* command) {
                return command->check_name(words[at]);
            });
        if (below == commands.end()) {
            wrong = words[at];
        } else {
            app = *below;
            so_far += " " + words[at];
        }
    }
    std::string all;
    for (const CLI::App* command : commands_of(*app)) {
        all += (all.empty() ? "" : ", ") + command->get_name();
    }
    const std::string what = wrong.empty() ? "'" + so_far + "' wants a command"
                                           : "'" + so_far + "' has no command '" + wrong + "'";
    return what + ". It takes one of " + all + ".";
}

int parse_failed(const CLI::App& root,
                 const CLI::ParseError& problem,
                 const std::vector<std::string>& words,
                 World& world) {
    if (problem.get_exit_code() == 0) {
        root.exit(problem, world.out, world.err);  // --help
        return exit_ok;
    }
    // Only then the parser speaks of commands.
    if (std::string_view(problem.what()).find("subcommand") != std::string_view::npos) {
        world.err << "penstock: " << escaped(no_command(root, words)) << "\n";
        return exit_usage;
    }
    world.err << "penstock: " << escaped(problem.what()) << "\n"
              << "  'penstock --help' and 'penstock NOUN VERB --help' show what there is.\n";
    return exit_usage;
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
        return parse_failed(root, problem, own, world);
    }
    return session.chosen ? session.chosen() : static_cast<int>(exit_usage);
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
