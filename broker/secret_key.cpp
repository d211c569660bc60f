#include "broker/secret_key.h"

#include "broker/base/base64.h"
#include "broker/node/data_folder.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace penstock {

namespace {

constexpr std::size_t file_bytes_max = 1'024;

constexpr const char* missing =
    "the nodes of a cluster need one key for secrets: write it into a file with `head -c 32 "
    "/dev/urandom | base64` (or take DATA/secrets.key of the server that became the cluster), put "
    "the file on every node and name it as push.secrets_key";

Result<std::string> read_key(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return error(Errc::io, "cannot read the key for secrets, " + path);
    std::string text(file_bytes_max, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    auto key = decode_base64(text);
    if (key && key->size() == api::KeyBox::key_bytes) return std::move(*key);
    return error(Errc::invalid, path + " is no key for secrets: 32 bytes in base64 are needed");
}

}  // namespace

Result<std::unique_ptr<api::SecretBox>> open_secret_box(const config::ServerConfig& config,
                                                        Random& random) {
    const bool own = config.push.secrets_key.empty();
    const std::string path = own ? config.data + "/secrets.key" : config.push.secrets_key;
    if (own && !config.cluster.name.empty()) {
        return std::make_unique<api::KeyBox>(std::string(), missing);
    }
    std::error_code ignored;
    if (own && !std::filesystem::exists(path, ignored)) {
        const std::string key = random.fill(api::KeyBox::key_bytes);
        auto saved = node::save_secret_file(path, encode_base64(key) + "\n");
        if (!saved) return saved.error();
        return std::make_unique<api::KeyBox>(key);
    }
    auto key = read_key(path);
    if (!key) return key.error();
    return std::make_unique<api::KeyBox>(std::move(*key));
}

}  // namespace penstock
