#include "broker/api/data_keys.h"

#include "broker/base/check.h"
#include "broker/base/log.h"

#include <boost/asio/post.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <array>
#include <utility>

namespace penstock::api {

namespace {

constexpr std::size_t fingerprint_bytes = 8;

std::string fingerprint_of(std::string_view key) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    const int done =
        ::EVP_Digest(key.data(), key.size(), digest.data(), &length, ::EVP_sha256(), nullptr);
    check(done == 1 && length >= fingerprint_bytes, "OpenSSL refuses SHA-256");
    return {reinterpret_cast<const char*>(digest.data()), fingerprint_bytes};
}

// Whose key it is, to the key service.
std::string context_of(const std::string& account, model::ObjectNo object) {
    return "penstock:" + account + ":" + std::to_string(object.value);
}

Error unavailable(std::string detail) {
    return error(Errc::unavailable, std::move(detail));
}

}  // namespace

bool DataKeys::is_due(const Current& current) const {
    return clock_.steady_us() >= current.until_us->load();
}

DataKeyPtr DataKeys::current(model::ObjectNo object) {
    const ShardPtr shard = shards_[shard_of(object)].load();
    if (!shard) return nullptr;
    const auto found = shard->current.find(object);
    if (found == shard->current.end()) return nullptr;
    const Current& current = found->second;
    std::int64_t until_us = current.until_us->load();
    const std::int64_t now_us = clock_.steady_us();
    if (now_us >= until_us &&
        current.until_us->compare_exchange_strong(until_us, now_us + renewal_pause_us)) {
        do_work(
            [this, object, account = current.key->account()] { return make_now(object, account); },
            [object](const Result<DataKeyPtr>& made) {
                if (made) return;
                log_line(LogLevel::warn,
                         "encryption",
                         "event=key_not_renewed object=" + std::to_string(object.value) +
                             " detail=" + made.error().detail);
            });
    }
    return current.key;
}

void DataKeys::make(model::ObjectNo object, Done done, std::string account) {
    auto job = [this, object, account = std::move(account)]() -> Result<DataKeyPtr> {
        // Somebody else may have waited for the same.
        const ShardPtr shard = shards_[shard_of(object)].load();
        if (shard) {
            const auto found = shard->current.find(object);
            if (found != shard->current.end() && !is_due(found->second)) return found->second.key;
        }
        return make_now(object, account);
    };
    do_work(std::move(job), std::move(done));
}

DataKeyPtr DataKeys::known(const model::Seal& seal) const {
    const ShardPtr shard = shards_[shard_of(seal.object)].load();
    if (!shard) return nullptr;
    const auto found = shard->known.find(seal.wrapped_key);
    return found == shard->known.end() ? nullptr : found->second;
}

void DataKeys::obtain(const model::Seal& seal, Done done) {
    auto job = [this, seal]() -> Result<DataKeyPtr> {
        if (auto key = known(seal)) return key;
        return obtain_now(seal);
    };
    do_work(std::move(job), std::move(done));
}

void DataKeys::do_work(std::function<Result<DataKeyPtr>()> job, Done done) {
    if (waiting_.fetch_add(1) >= waiting_max) {
        --waiting_;
        boost::asio::post(work_, [done = std::move(done)] {
            done(unavailable("too many requests wait for the key service"));
        });
        return;
    }
    boost::asio::post(work_, [this, job = std::move(job), done = std::move(done)] {
        auto key = stopping_ ? Result<DataKeyPtr>(unavailable("the server stops")) : job();
        --waiting_;
        done(std::move(key));
    });
}

Result<std::string> DataKeys::ask(const std::function<Result<std::string>()>& question,
                                  Blame blame) {
    if (clock_.steady_us() < failed_until_us_) return unavailable(failure_);
    auto answer = question();
    if (answer || answer.error().code == Errc::damaged) return answer;
    ++failures_;
    // One key that it does not open, or no more, says nothing of the others.
    if (blame == Blame::service || answer.error().code == Errc::timeout) {
        failed_until_us_ = clock_.steady_us() + pause_us;
    }
    failure_ = "the key service does not answer as it should: " + answer.error().detail;
    log_line(LogLevel::error, "encryption", "event=key_service_failed detail=" + failure_);
    return unavailable(failure_);
}

Result<DataKeyPtr> DataKeys::make_now(model::ObjectNo object, const std::string& account) {
    std::string secret = random_.fill(aes_key_bytes);
    auto wrapped =
        ask([&] { return service_.wrap(secret, context_of(account, object)); }, Blame::service);
    if (!wrapped) {
        ::OPENSSL_cleanse(secret.data(), secret.size());
        return wrapped.error();
    }
    const bool fits = !wrapped->empty() &&
                      wrapped->size() <= model::wrapped_key_bytes_max - fingerprint_bytes &&
                      wrapped->find(secret) == std::string::npos;
    if (!fits) {
        ::OPENSSL_cleanse(secret.data(), secret.size());
        return unavailable("the key service gives back no wrapped key");
    }
    const std::string kept = fingerprint_of(secret) + *wrapped;
    auto key = std::make_shared<const DataKey>(
        std::move(secret), kept, static_cast<std::uint64_t>(clock_.wall_ms()), account);
    ++made_;
    remember(object, key, true);
    return key;
}

Result<DataKeyPtr> DataKeys::obtain_now(const model::Seal& seal) {
    const std::string_view kept = seal.wrapped_key;
    if (kept.size() <= fingerprint_bytes) {
        return error(Errc::damaged, "a sealed body names no key that could be had here");
    }
    const auto refused = refused_.find(kept);
    if (refused != refused_.end() && clock_.steady_us() < refused->second.until_us) {
        return unavailable(refused->second.why);
    }
    auto secret = ask(
        [&] {
            return service_.unwrap(kept.substr(fingerprint_bytes),
                                   context_of(seal.account, seal.object));
        },
        Blame::key);
    if (!secret) {
        if (secret.error().code == Errc::damaged) return secret.error();
        if (refused_.size() >= keys_per_shard_max) refused_.clear();
        refused_[seal.wrapped_key] = {clock_.steady_us() + pause_us, secret.error().detail};
        return secret.error();
    }
    const bool same = secret->size() == aes_key_bytes &&
                      fingerprint_of(*secret) == kept.substr(0, fingerprint_bytes);
    if (!same) {
        ::OPENSSL_cleanse(secret->data(), secret->size());
        return unavailable("the key service gives another key than the body was sealed with");
    }
    auto key = std::make_shared<const DataKey>(
        std::move(*secret), seal.wrapped_key, seal.key_version, seal.account);
    ++unwrapped_;
    remember(seal.object, key, false);
    return key;
}

// On the thread of `work`: nobody else changes a shard.
void DataKeys::remember(model::ObjectNo object, DataKeyPtr key, bool is_current) {
    std::atomic<ShardPtr>& place = shards_[shard_of(object)];
    const ShardPtr before = place.load();
    auto after = before ? std::make_shared<Shard>(*before) : std::make_shared<Shard>();
    if (after->known.size() >= keys_per_shard_max) after->known.clear();
    after->known[key->wrapped()] = key;
    if (is_current) {
        if (after->current.size() >= keys_per_shard_max) after->current.clear();
        const std::int64_t until_us = clock_.steady_us() + options_.rotate_us;
        after->current[object] = {std::move(key),
                                  std::make_shared<std::atomic<std::int64_t>>(until_us)};
    }
    place.store(std::move(after));
}

void DataKeys::rotate(std::function<void(Result<void>)> done) {
    boost::asio::post(work_, [this, done = std::move(done)] {
        if (auto renewed = service_.renew(); !renewed) return done(renewed);
        failed_until_us_ = 0;
        for (std::atomic<ShardPtr>& place : shards_) {
            const ShardPtr before = place.load();
            if (!before) continue;
            // They go on sealing until theirs is made: a service that is down stops nobody.
            for (const auto& [object, current] : before->current) *current.until_us = 0;
        }
        done({});
    });
}

void DataKeys::stop() {
    stopping_ = true;
    service_.stop();
}

}  // namespace penstock::api
