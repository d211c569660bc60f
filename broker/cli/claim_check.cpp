#include "broker/cli/claim_check.h"

#include "broker/api/signature.h"
#include "broker/cli/http_link.h"
#include "broker/cli/object_upload.h"

#include <boost/json.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace penstock::cli {

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct Stored {
    std::string url;
    std::uint64_t bytes = 0;
    std::string sha256;
};

Failure cannot(const std::string& what, const fs::path& path) {
    return usage_failure(what + " " + path.string() + ": " + std::strerror(errno));
}

// Makes a file, or the names in a folder, outlast a power cut.
bool synced(const fs::path& path, int flags) {
    const int handle = ::open(path.c_str(), flags | O_CLOEXEC);
    if (handle < 0) return false;
    const bool done = ::fsync(handle) == 0;
    ::close(handle);
    return done;
}

// Empty when it cannot be read.
std::string sha256_of_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    api::Sha256 digest;
    std::string piece(std::size_t{1} << 20U, '\0');
    while (in) {
        in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
        digest.update(std::string_view(piece).substr(0, static_cast<std::size_t>(in.gcount())));
    }
    return in.eof() ? digest.hex() : std::string();
}

boost::system::result<std::string, Failure> read_file(const std::string& path) {
    std::error_code failed;
    const auto bytes = fs::file_size(path, failed);
    if (failed) {
        errno = failed.value();
        return cannot("Cannot read", path);
    }
    if (bytes > upload_bytes_max) {
        return usage_failure(path + " is larger than a URL takes (256 MiB).",
                             "Give a folder that sender and receiver share as --store.");
    }
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in || text.size() != bytes) return cannot("Cannot read", path);
    return text;
}

boost::system::result<Stored, Failure> store_in_folder(const Attachment& attachment) {
    std::error_code failed;
    const fs::path folder = fs::absolute(attachment.store, failed);
    if (failed || !fs::is_directory(folder, failed)) {
        return usage_failure("There is no folder " + attachment.store + " to store the file in.");
    }
    const fs::path own = folder / (".attach-" + std::to_string(::getpid()));
    // Hashed is what was copied: the file may change under our hands.
    if (!fs::copy_file(attachment.file, own, fs::copy_options::overwrite_existing, failed)) {
        errno = failed.value();
        return cannot("Cannot copy " + attachment.file + " to", folder);
    }
    Stored stored;
    stored.bytes = fs::file_size(own, failed);
    stored.sha256 = sha256_of_file(own);
    const fs::path place =
        folder / (stored.sha256 + "-" + fs::path(attachment.file).filename().string());
    const bool kept = !stored.sha256.empty() && synced(own, O_RDONLY);
    if (kept) fs::rename(own, place, failed);
    if (!kept || failed || !synced(folder, O_RDONLY | O_DIRECTORY)) {
        const Failure failure = cannot("Cannot store the file in", folder);
        fs::remove(own, failed);
        return failure;
    }
    stored.url = "file://" + encoded_path(place.string());
    return stored;
}

boost::system::result<Stored, Failure> store_at_url(Session& session,
                                                    const Attachment& attachment) {
    auto content = read_file(attachment.file);
    if (!content) return content.error();
    Stored stored;
    stored.bytes = content->size();
    stored.sha256 = api::sha256_hex(*content);
    stored.url = attachment.store;
    if (!stored.url.ends_with('/')) stored.url.push_back('/');
    stored.url += encoded_path(stored.sha256 + "-" + fs::path(attachment.file).filename().string());
    HttpLink link(session.world().clock);
    if (const auto opened = link.open({}); !opened) {
        return failure_of(opened.error(), attachment.store);
    }
    auto upload = object_upload(session.world(), stored.url, stored.sha256, std::move(*content));
    if (!upload) return upload.error();
    const auto answer = link.fetch(std::move(*upload));
    if (!answer) return failure_of(answer.error(), attachment.store);
    if (answer->status < 200 || answer->status > 299) {
        return Failure{exit_failure,
                       "The store answered " + std::to_string(answer->status) + " to the upload.",
                       {},
                       "No message was sent."};
    }
    return stored;
}

}  // namespace

void Attachment::add_to(CLI::App& verb) {
    CLI::Option* attach = verb.add_option(
        "--attach", file, "Store this file and send where it is, in place of a body");
    verb.add_option("--store", store, "For --attach: a folder, or the URL of an S3 bucket")
        ->needs(attach);
}

boost::system::result<std::string, Failure> check_in(Session& session,
                                                     const Attachment& attachment) {
    if (attachment.store.empty()) {
        return usage_failure("--attach needs --store.",
                             "Give a folder that the receiver reads too, or the URL of a bucket.");
    }
    const bool url =
        attachment.store.starts_with("http://") || attachment.store.starts_with("https://");
    const auto stored = url ? store_at_url(session, attachment) : store_in_folder(attachment);
    if (!stored) return stored.error();
    json::object claim{{"url", stored->url},
                       {"name", fs::path(attachment.file).filename().string()},
                       {"bytes", stored->bytes},
                       {"sha256", stored->sha256}};
    return json::serialize(json::object{{"claim_check", std::move(claim)}});
}

}  // namespace penstock::cli
