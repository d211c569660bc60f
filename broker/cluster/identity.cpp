// FOLDER/cluster: a sealed file "PSTKCLST", version 2, of Identity as wire.h codes it.
#include "broker/cluster/identity.h"

#include "broker/base/wire.h"
#include "broker/cluster/sealed_file.h"

#include <utility>

namespace penstock::cluster {

namespace {

constexpr Seal seal{"PSTKCLST",
                    2,
                    "without it the node cannot tell which cluster it belongs to: restore the "
                    "data folder, or remove this node and add a new one"};

}  // namespace

Result<std::optional<Identity>> load_identity(Disk& disk, const std::string& folder) {
    const std::string path = folder + "/cluster";
    const auto body = load_sealed(disk, path, seal);
    if (!body) return body.error();
    if (!*body) return std::optional<Identity>();
    auto identity = wire::decode<Identity>(**body, "identity");
    if (!identity) return unreadable(path, "cannot be read: " + identity.error().detail, seal);
    return std::optional<Identity>(std::move(*identity));
}

Result<void> save_identity(Disk& disk, const std::string& folder, const Identity& identity) {
    return save_sealed(disk, folder, "cluster", seal, wire::encode(identity));
}

}  // namespace penstock::cluster
