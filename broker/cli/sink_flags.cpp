#include "broker/cli/sink_flags.h"

#include <boost/json/array.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace penstock::cli {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 3> command_flags = {"--exec", "--worker", "--worker-http"};

json::array texts(const std::vector<std::string>& all) {
    json::array list;
    for (const std::string& text : all) list.emplace_back(text);
    return list;
}

std::string absolute(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::absolute(path, ignored).lexically_normal().string();
}

// A program with a slash is meant from where the user stands; a bare name is found by the server.
std::vector<std::string> placed(std::vector<std::string> command) {
    if (command.front().find('/') != std::string::npos) command.front() = absolute(command.front());
    return command;
}

void put_file(json::object& body, const std::string& member, const std::string& path) {
    std::string name = script_file_name(path);
    if (!name.empty()) body[member] = std::move(name);
}

// Whole ones; what is given is never nothing.
std::optional<std::uint64_t> mebibytes(std::optional<std::uint64_t> bytes) {
    if (!bytes) return {};
    return std::max<std::uint64_t>(1, *bytes >> 20);
}

}  // namespace

CutCommand cut_command(std::vector<std::string>& words) {
    CutCommand cut;
    const std::array<std::string, 2> verb = {"sub", "add"};
    if (std::search(words.begin(), words.end(), verb.begin(), verb.end()) == words.end())
        return cut;
    const auto flag = std::find_if(words.begin(), words.end(), [](const std::string& word) {
        return std::find(command_flags.begin(), command_flags.end(), word) != command_flags.end();
    });
    if (flag == words.end()) return cut;
    cut.flag = *flag;
    cut.words.assign(std::next(flag), words.end());
    words.erase(flag, words.end());
    return cut;
}

boost::system::result<std::string, Failure> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (file.is_open() && !file.bad() && !std::filesystem::is_directory(path)) return text;
    const int why = errno;
    return usage_failure("'" + path +
                         "' cannot be read: " + std::strerror(why != 0 ? why : EISDIR));
}

std::string script_file_name(const std::string& path) {
    constexpr std::size_t bytes_max = 59;  // as much of it as Lua shows
    std::string name = std::filesystem::path(path).filename().string();
    const bool plain = std::all_of(
        name.begin(), name.end(), [](char letter) { return letter >= ' ' && letter <= '~'; });
    if (!plain) return {};
    return name.size() > bytes_max ? name.substr(name.size() - bytes_max) : name;
}

void SinkFlags::add_to(CLI::App& verb) {
    verb.add_option("--http", http_, "Push to this URL");
    verb.add_option("--queue", queue_, "Put them into this queue");
    verb.add_option("--runtime", runtime_, "Folder with `bootstrap`: SCF and AWS Lambda runtimes");
    verb.add_option("--lua", lua_, "Lua file with function handle(event, ctx)");
    verb.add_option("--filter-lua", filter_, "Lua file with function filter(event) -> boolean");
    verb.add_option(
        "--transform-lua", transform_, "Lua file with function transform(event) -> body");
    verb.footer(
        "Functions, the rest of the line is their command:\n"
        "  --exec CMD…         one process a message: body on stdin, exit code 0 is done\n"
        "  --worker CMD…       a pool of processes speaking JSON lines\n"
        "  --worker-http CMD…  supervised HTTP servers on $PORT\n"
        "man 7 penstock-worker and penstock-lua tell the rest.");
    add_number(verb, "--processes", processes_, "Functions: processes at a time, 1 to 64");
    add_number(verb, "--window", window_, "Functions: messages in one process, 1 to 256");
    add_milliseconds(verb, "--startup", startup_ms_, "Functions: time until ready (10s)");
    add_bytes(verb, "--memory", memory_bytes_, "Functions: memory (512MiB; Lua 16MiB a state)");
    add_number(verb, "--recycle-after", recycle_after_, "Functions: messages a process lives for");
    add_milliseconds(verb, "--recycle-age", recycle_age_ms_, "Functions: time a process lives for");
    add_bytes(verb,
              "--recycle-memory",
              recycle_memory_bytes_,
              "Functions: resident memory at which a process is replaced");
    add_number(verb, "--crashes", crashes_max_, "Functions: a message that kills so many is dead");
    verb.add_option("--stdin", stdin_, "--exec: body (default) or envelope (JSON)")
        ->check(CLI::IsMember({"body", "envelope"}));
    verb.add_option("--framing", framing_, "--worker: lines (default) or content-length")
        ->check(CLI::IsMember({"lines", "content-length"}));
    verb.add_flag("--ready", ready_, "--worker: wait for its {\"type\":\"ready\"}");
    verb.add_option("--http-allow", http_allow_, "--lua: host that ctx.http may ask, or *")
        ->take_all()
        ->expected(1);
}

boost::system::result<json::object, Failure> SinkFlags::function(
    std::optional<std::uint64_t> batch) const {
    json::object function;
    if (!command_.flag.empty()) {
        if (command_.words.empty()) {
            return usage_failure(command_.flag + " needs a command.",
                                 "The rest of the line is the command: " + command_.flag +
                                     " ./handle.sh --its-own-flags");
        }
        function["command"] = texts(placed(command_.words));
        function["cwd"] = std::filesystem::current_path().string();
    } else if (!runtime_.empty()) {
        function["folder"] = absolute(runtime_);
    } else {
        auto code = read_file(lua_);
        if (!code) return code.error();
        function["code"] = std::move(*code);
        put_file(function, "file", lua_);
    }
    put(function, "processes", processes_);
    put(function, "window", window_);
    if (is_runtime()) put(function, "batch", batch);
    put(function, "startup_ms", startup_ms_);
    put(function, "memory_mib", mebibytes(memory_bytes_));
    put(function, "recycle_after", recycle_after_);
    put(function, "recycle_age_ms", recycle_age_ms_);
    put(function, "recycle_memory_mib", mebibytes(recycle_memory_bytes_));
    put(function, "crashes_max", crashes_max_);
    if (!stdin_.empty()) function["stdin"] = stdin_;
    if (!framing_.empty()) function["framing"] = framing_;
    if (ready_) function["ready_line"] = true;
    if (!http_allow_.empty()) function["http_allow"] = texts(http_allow_);
    return function;
}

std::vector<std::pair<std::string, std::string>> SinkFlags::scripts() const {
    std::vector<std::pair<std::string, std::string>> given = {
        {"handler", lua_}, {"filter", filter_}, {"transform", transform_}};
    std::erase_if(given, [](const auto& script) { return script.second.empty(); });
    return given;
}

boost::system::result<json::object, Failure> SinkFlags::sink(
    std::optional<std::uint64_t> batch) const {
    const std::array<bool, 5> given = {
        !http_.empty(), !queue_.empty(), !runtime_.empty(), !lua_.empty(), !command_.flag.empty()};
    if (std::count(given.begin(), given.end(), true) != 1) {
        return usage_failure("A subscription goes to one place.",
                             "Give one of --http URL, --queue QUEUE, --lua FILE, --runtime DIR, or "
                             "last --exec CMD…, --worker CMD…, --worker-http CMD….");
    }
    json::object body;
    if (!http_.empty()) {
        json::object http;
        http["url"] = http_;
        body["http"] = std::move(http);
    } else if (!queue_.empty()) {
        json::object queue;
        queue["name"] = queue_;
        body["queue"] = std::move(queue);
    } else {
        auto made = function(batch);
        if (!made) return made.error();
        std::string name = !lua_.empty() ? "lua" : "runtime";
        if (!command_.flag.empty()) name = command_.flag.substr(2);
        if (name == "worker-http") name = "worker_http";
        body[name] = std::move(*made);
    }
    for (const auto& [stage, file] : {std::pair{"filter", filter_}, {"transform", transform_}}) {
        if (file.empty()) continue;
        auto code = read_file(file);
        if (!code) return code.error();
        body[std::string(stage) + "_lua"] = std::move(*code);
        put_file(body, std::string(stage) + "_file", file);
    }
    return body;
}

}  // namespace penstock::cli
