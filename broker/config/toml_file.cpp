#include "broker/config/toml_file.h"

#include "broker/config/peer_list.h"
#include "broker/config/toml_library.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace penstock::config {

namespace {

// Nothing unless every element is a table of exactly an id and an address.
std::optional<std::string> to_peers(const toml::array& list) {
    std::vector<ClusterPeer> peers;
    for (const auto& node : list) {
        const auto* peer = node.as_table();
        if (peer == nullptr || peer->size() != 2) return std::nullopt;
        const auto* id = (*peer)["id"].as_integer();
        const auto* address = (*peer)["address"].as_string();
        if (id == nullptr || id->get() < 0 || address == nullptr) return std::nullopt;
        peers.push_back({static_cast<std::uint64_t>(id->get()), address->get()});
    }
    return format_peers(peers);
}

Setting to_setting(std::string name, const toml::node& node) {
    const std::size_t line = node.source().begin.line;
    if (const auto* text = node.as_string())
        return {std::move(name), Setting::Written::text, text->get(), line};
    if (const auto* number = node.as_integer())
        return {std::move(name), Setting::Written::count, std::to_string(number->get()), line};
    if (const auto* flag = node.as_boolean())
        return {std::move(name), Setting::Written::flag, flag->get() ? "true" : "false", line};
    const auto* list = node.as_array();
    const auto peers = list == nullptr ? std::nullopt : to_peers(*list);
    if (peers) return {std::move(name), Setting::Written::peers, *peers, line};
    return {std::move(name), Setting::Written::other, {}, line};
}

void flatten(const toml::table& table, const std::string& prefix, std::vector<Setting>& out) {
    for (const auto& [key, node] : table) {
        std::string name = prefix + std::string(key.str());
        const auto* nested = node.as_table();
        if (nested == nullptr) {
            out.push_back(to_setting(std::move(name), node));
        } else {
            flatten(*nested, name + ".", out);
        }
    }
}

}  // namespace

Result<std::vector<Setting>> read_toml_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    // A folder can be opened, and nothing is read from it: that is no empty file.
    std::error_code ignored;
    if (!in || std::filesystem::is_directory(path, ignored))
        return error(Errc::not_found, path + ": cannot be read");
    std::vector<Setting> settings;
    try {
        flatten(toml::parse(text.str()), "", settings);
    } catch (const toml::parse_error& problem) {
        return error(Errc::invalid,
                     path + ":" + std::to_string(problem.source().begin.line) + ": " +
                         std::string(problem.description()));
    }
    return settings;
}

}  // namespace penstock::config
