// penstock-lua: the Lua worker. Reads its command line, arms the processor time watch and runs one
// mode; everything else is in the room.
#include "broker/base/clock.h"
#include "lua/budget.h"
#include "lua/command_line.h"
#include "lua/cpu_watch.h"
#include "lua/dry_run.h"
#include "lua/global_names.h"
#include "lua/serve.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

namespace penstock::lua {
namespace {

constexpr int exit_refused = 1;
constexpr int exit_usage = 2;

int fail(const std::string& what) {
    std::cerr << "penstock-lua: " << what << "\n";
    return exit_refused;
}

Result<std::string> file_text(const std::string& path) {
    if (path.empty()) return std::string();
    std::ifstream file(path, std::ios::binary);
    if (!file) return error(Errc::io, path + " cannot be read");
    return std::string(std::istreambuf_iterator<char>(file), {});
}

// A file without the option --role is what its functions say.
std::string role_of(const CommandLine& line, const std::string& code) {
    if (!line.role.empty()) return line.role;
    std::string role = "handler";
    for (const GlobalUse& use : global_uses(code, line.file)) {
        if (!use.write) continue;
        if (use.name == "handle" || use.name == "handle_batch") return "handler";
        if (use.name == "filter" || use.name == "transform") role = use.name;
    }
    return role;
}

std::string base_name(const std::string& path) {
    return path.substr(path.find_last_of('/') + 1);
}

int check(const CommandLine& line, const Clock& clock) {
    const auto code = file_text(line.file);
    if (!code) return fail(code.error().detail);
    const CheckReport report =
        check_script({role_of(line, *code), 1, *code, base_name(line.file)}, line.limits, clock);
    for (const std::string& finding : report.lines) std::cout << finding << "\n";
    return report.failed ? exit_refused : EXIT_SUCCESS;
}

int test(const CommandLine& line, const Clock& clock) {
    const auto code = file_text(line.file);
    if (!code) return fail(code.error().detail);
    const auto event = file_text(line.event);
    if (!event) return fail(event.error().detail);
    const auto kv = file_text(line.kv);
    if (!kv) return fail(kv.error().detail);
    const auto http = file_text(line.http);
    if (!http) return fail(http.error().detail);
    const auto report = test_script({role_of(line, *code), 1, *code, base_name(line.file)},
                                    *event,
                                    {*kv, *http},
                                    line.limits,
                                    clock);
    if (!report) return fail(report.error().detail);
    std::cout << report->json << "\n";
    return report->accepted ? EXIT_SUCCESS : exit_refused;
}

int run(const std::vector<std::string>& arguments) {
    const auto line = read_command_line(arguments);
    if (!line) {
        std::cerr << "penstock-lua: " << line.error().detail << "\n" << usage;
        return exit_usage;
    }
    if (line->mode == CommandLine::Mode::help) {
        std::cout << usage;
        return EXIT_SUCCESS;
    }
    ::signal(SIGPIPE, SIG_IGN);
    const auto armed = CpuWatch::arm(&budget_hook);
    if (!armed) return fail(armed.error().detail);
    const SystemClock clock;
    if (line->mode == CommandLine::Mode::check) return check(*line, clock);
    if (line->mode == CommandLine::Mode::test) return test(*line, clock);
    const auto served = serve(STDIN_FILENO, STDOUT_FILENO, line->limits, clock);
    return served ? EXIT_SUCCESS : fail(served.error().detail);
}

}  // namespace
}  // namespace penstock::lua

int main(int count, char** values) {
    return penstock::lua::run({values + 1, values + count});
}
