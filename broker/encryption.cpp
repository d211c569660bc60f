#include "broker/encryption.h"

#include "broker/base/log.h"
#include "broker/base/thread_name.h"
#include "broker/key_command.h"
#include "broker/key_file.h"

#include <boost/asio/post.hpp>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace penstock {

namespace {

constexpr std::int64_t us_per_ms = 1'000;

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

// Neither a core dump nor another process of the same user sees keys and what messages hold.
Result<void> hide_memory() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) == 0 && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
        return {};
    return error(Errc::io,
                 "core dumps cannot be turned off: " + std::generic_category().message(errno));
}

Result<std::unique_ptr<api::KeyService>> open_service(const config::EncryptionConfig& config) {
    if (!config.command.empty()) {
        return std::unique_ptr<api::KeyService>(
            std::make_unique<KeyCommand>(words_of(config.command)));
    }
    if (config.key_file.empty()) return std::unique_ptr<api::KeyService>();
    auto file = KeyFile::open(config.key_file);
    if (!file) return file.error();
    return std::unique_ptr<api::KeyService>(std::move(*file));
}

}  // namespace

Encryption::Encryption(std::unique_ptr<api::KeyService> service,
                       bool seals,
                       std::int64_t rotate_us,
                       const Clock& clock,
                       Random& random)
    : service_(std::move(service)), seals_(seals) {
    if (!service_) return;
    keys_.emplace(
        *service_, clock, random, work_.get_executor(), api::DataKeys::Options{rotate_us});
    boost::asio::post(work_, [] { name_thread("penstock-keys"); });
}

Encryption::~Encryption() {
    stop();
}

Result<std::unique_ptr<Encryption>> Encryption::open(const config::ServerConfig& config,
                                                     const Clock& clock,
                                                     Random& random) {
    auto service = open_service(config.encryption);
    if (!service) return service.error();
    if (*service) {
        if (auto hidden = hide_memory(); !hidden) return hidden.error();
        if (!api::protect_data_keys()) {
            log_line(LogLevel::info,
                     "encryption",
                     "event=keys_not_locked detail=data keys may be written to swap space: the "
                     "process may lock less than 4 MiB of memory (ulimit -l)");
        }
    }
    return std::make_unique<Encryption>(
        std::move(*service),
        config.encryption.mode == "on",
        static_cast<std::int64_t>(config.encryption.rotate_ms) * us_per_ms,
        clock,
        random);
}

void Encryption::rotate() {
    if (!keys_) return;
    keys_->rotate([](const Result<void>& done) {
        if (done) return log_line(LogLevel::info, "encryption", "event=rotated");
        log_line(LogLevel::error, "encryption", "event=not_rotated detail=" + done.error().detail);
    });
}

void Encryption::measure(model::Metrics& metrics) const {
    if (!keys_) return;
    const api::DataKeys::Figures figures = keys_->figures();
    metrics.counter("penstock_encryption_keys_made",
                    "Data keys of queues and topics that were made.",
                    figures.made);
    metrics.counter("penstock_encryption_keys_unwrapped",
                    "Data keys that the key service unwrapped to open bodies.",
                    figures.unwrapped);
    metrics.counter("penstock_encryption_key_service_failures",
                    "Questions that the key service did not answer as it should.",
                    figures.failures);
}

void Encryption::stop() {
    if (keys_) keys_->stop();
    work_.join();
}

}  // namespace penstock
