// The configuration, from a file, the environment and flags, and the quantities in it: whatever
// loads is shown as text that loads to the same.
#include "broker/config/load.h"
#include "broker/config/peer_list.h"
#include "broker/config/quantity.h"
#include "tests/fuzz/target.h"

#include <sys/mman.h>
#include <unistd.h>

namespace penstock::fuzz {
namespace {

// A file of the process's own, in memory; gone with it.
class File {
  public:
    explicit File(std::string_view text) : descriptor_(::memfd_create("fuzz", 0)) {
        check(::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
              "written");
    }

    ~File() { ::close(descriptor_); }

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] std::string path() const {
        return "/proc/self/fd/" + std::to_string(descriptor_);
    }

  private:
    int descriptor_;
};

void take_file(std::string_view text) {
    const File file(text);
    config::Sources sources;
    sources.file = file.path();
    const auto loaded = config::load(sources);
    if (!loaded) {
        check(!loaded.error().detail.empty(), "a mistake has a line");
        return;
    }
    const std::string shown = config::show(*loaded);
    const File second(shown);
    config::Sources again;
    again.file = second.path();
    const auto reloaded = config::load(again);
    check(static_cast<bool>(reloaded), "what is shown loads");
    check(reloaded->config.listen == loaded->config.listen, "and says the same");
    check(reloaded->config.cluster.peers == loaded->config.cluster.peers, "of peers as well");
}

void take_quantities(std::string_view text) {
    if (const auto ms = config::parse_duration_ms(text)) {
        check(config::parse_duration_ms(config::format_duration_ms(*ms)) == ms, "a duration");
    }
    if (const auto bytes = config::parse_size_bytes(text)) {
        check(config::parse_size_bytes(config::format_size_bytes(*bytes)) == bytes, "a size");
    }
    (void)config::parse_address(std::string(text));
    if (const auto peers = config::parse_peers(text)) {
        check(config::parse_peers(config::format_peers(*peers)) == peers, "peers");
    }
}

}  // namespace

void one_input(std::string_view bytes) {
    switch (take_choice(bytes, 3)) {
        case 0:
            return take_file(bytes);
        case 1:
            return take_quantities(bytes);
        default: {
            config::Sources sources;
            const auto equals = std::min(bytes.find('='), bytes.size());
            const std::string value(bytes.substr(std::min(equals + 1, bytes.size())));
            sources.environment["PENSTOCK_" + std::string(bytes.substr(0, equals))] = value;
            sources.flags = {{"listen", value}};
            (void)config::load(sources);
        }
    }
}

std::vector<std::string> seeds() {
    return {
        chosen(0, "listen = \"127.0.0.1:1\"\ndev = true\n[log]\nsegment_size = \"8MiB\"\n"),
        chosen(0, "[cluster]\nname = \"c\"\nnode_id = 1\npeers = [{id = 2, address = \"a:1\"}]\n"),
        chosen(0, "[push]\nallow_private = 1\n"),
        chosen(0, "listen = [[[[[[[[[[["),
        chosen(0, "a.b.c = 1979-05-27T07:32:00Z\n\"\\u0000\" = nan\n"),
        chosen(1, "1h30m"),
        chosen(1, "64KiB"),
        chosen(1, "99999999999999999999d"),
        chosen(1, "[::1]:7070"),
        chosen(1, "2=10.0.0.2:7072,3=10.0.0.3:7072"),
        chosen(2, "LOG_SEGMENT_SIZE=64MiB"),
        chosen(2, "CLUSTER_PEERS=2=a:1,2=b:2")};
}

}  // namespace penstock::fuzz
