#include "broker/config/toml_file.h"

#include <toml++/toml.h>

#include <fstream>
#include <sstream>

namespace penstock::config {

namespace {

Setting to_setting(std::string name, const toml::node& node) {
    const std::size_t line = node.source().begin.line;
    if (const auto* text = node.as_string())
        return {std::move(name), Setting::Written::text, text->get(), line};
    if (const auto* number = node.as_integer())
        return {std::move(name), Setting::Written::count, std::to_string(number->get()), line};
    if (const auto* flag = node.as_boolean())
        return {std::move(name), Setting::Written::flag, flag->get() ? "true" : "false", line};
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
    if (!in) return error(Errc::not_found, path + ": cannot be read");
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
