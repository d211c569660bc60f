#include "broker/cli/cluster_certs.h"

#include "broker/cli/certificate.h"
#include "broker/model/peer_name.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

namespace penstock::cli {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t day_s = 86'400;
constexpr std::int64_t authority_days = 3'650;

// Certificates begin a day ago: a node whose clock is behind accepts them at once.
constexpr std::int64_t head_start_s = day_s;

struct File {
    std::string path;
    std::string text;
};

Failure failure(std::string what, std::string next = {}, int exit_code = exit_failure) {
    Failure made;
    made.exit_code = exit_code;
    made.what = std::move(what);
    made.next = std::move(next);
    return made;
}

std::string common_name_of(const std::string& cluster) {
    return "penstock cluster " + cluster;
}

std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

bool exists(const std::string& path) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(path, ignored));
}

// Written whole and with its own right mode, or not at all.
std::optional<Failure> write(const File& file) {
    const int handle = ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (handle < 0) return failure(file.path + " cannot be made: " + std::strerror(errno) + ".");
    const auto size = static_cast<ssize_t>(file.text.size());
    const bool written =
        ::write(handle, file.text.data(), file.text.size()) == size && ::fsync(handle) == 0;
    const int why = errno;
    ::close(handle);
    if (written) return std::nullopt;
    ::unlink(file.path.c_str());
    return failure(file.path + " cannot be written: " + std::strerror(why) + ".");
}

// One order at work.
class Making {
  public:
    explicit Making(const CertificateOrder& order) : order_(order) {}

    std::optional<Failure> run(CertificatesMade& made) {
        if (auto refused = refuse_existing()) return refused;
        if (auto failed = find_authority(made)) return failed;
        if (auto failed = make_nodes()) return failed;
        std::error_code problem;
        const bool new_folder = fs::create_directories(order_.folder, problem);
        if (problem) return failure(order_.folder + " cannot be made: " + problem.message() + ".");
        if (new_folder) fs::permissions(order_.folder, fs::perms::owner_all, problem);
        for (const File& file : files_) {
            if (auto failed = write(file)) return failed;
            made.files.push_back(file.path);
        }
        return std::nullopt;
    }

  private:
    [[nodiscard]] std::string path(const std::string& name) const {
        return (fs::path(order_.folder) / name).string();
    }

    [[nodiscard]] std::string node_path(model::NodeId node, const std::string& ending) const {
        return path("node-" + std::to_string(node.value) + ending);
    }

    [[nodiscard]] Certificate::Life life(std::int64_t days) const {
        return {order_.now_s - head_start_s, order_.now_s + days * day_s};
    }

    std::optional<Failure> refuse_existing() {
        for (const auto node : order_.nodes) {
            for (const char* ending : {".pem", ".key"}) {
                const std::string file = node_path(node, ending);
                if (exists(file))
                    return failure(file + " is there already; nothing was made.",
                                   "Take it away first if it is to be made anew.",
                                   exit_conflict);
            }
        }
        if (exists(path("ca.pem")) == exists(path("ca.key"))) return std::nullopt;
        return failure("Of ca.pem and ca.key in " + order_.folder + " one is missing.",
                       "Both are needed to add a node. Without ca.key a new cluster's worth of "
                       "certificates must be made, in another folder.",
                       exit_conflict);
    }

    std::optional<Failure> find_authority(CertificatesMade& made) {
        if (!exists(path("ca.pem"))) return make_authority(made);
        auto found = Certificate::from_pem(read(path("ca.pem")), read(path("ca.key")));
        if (!found) return failure(order_.folder + ": " + found.error().detail + ".");
        authority_.emplace(std::move(found.value()));
        const std::string name = authority_->common_name();
        if (name != common_name_of(order_.cluster))
            return failure("The authority in " + order_.folder + " is that of '" + name + "'.",
                           "Is it the right folder, and the right --name?",
                           exit_conflict);
        if (authority_->ends_after(life(days()).to_s)) return std::nullopt;
        return failure("The authority in " + order_.folder + " ends before the certificates would.",
                       "Ask for fewer --days.",
                       exit_conflict);
    }

    [[nodiscard]] std::int64_t days() const { return static_cast<std::int64_t>(order_.days); }

    std::optional<Failure> make_authority(CertificatesMade& made) {
        const std::int64_t ca_days = std::max(authority_days, days() + 1);
        auto fresh = Certificate::authority(common_name_of(order_.cluster), life(ca_days));
        if (!fresh) return failure(fresh.error().detail + ".");
        authority_.emplace(std::move(fresh.value()));
        files_.push_back({path("ca.pem"), authority_->certificate_pem()});
        files_.push_back({path("ca.key"), authority_->key_pem()});
        made.authority = true;
        return std::nullopt;
    }

    std::optional<Failure> make_nodes() {
        for (const auto node : order_.nodes) {
            const auto signed_one =
                authority_->sign_node(model::peer_name(node, order_.cluster), life(days()));
            if (!signed_one) return failure(signed_one.error().detail + ".");
            files_.push_back({node_path(node, ".pem"), signed_one.value().certificate_pem()});
            files_.push_back({node_path(node, ".key"), signed_one.value().key_pem()});
        }
        return std::nullopt;
    }

    const CertificateOrder& order_;
    std::optional<Certificate> authority_;
    std::vector<File> files_;
};

}  // namespace

boost::system::result<CertificatesMade, Failure> make_certificates(const CertificateOrder& order) {
    CertificatesMade made;
    if (auto failed = Making(order).run(made)) return *failed;
    return made;
}

std::vector<model::NodeId> parse_nodes(const std::string& text) {
    std::vector<model::NodeId> nodes;
    std::string_view rest = text;
    while (true) {
        const auto comma = rest.find(',');
        const auto number = model::parse_decimal(rest.substr(0, comma));
        if (!number || *number == 0) return {};
        const model::NodeId node{*number};
        if (std::find(nodes.begin(), nodes.end(), node) != nodes.end()) return {};
        nodes.push_back(node);
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    if (nodes.size() > certificate_nodes_max) return {};
    return nodes;
}

}  // namespace penstock::cli
