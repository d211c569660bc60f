// In a server built without the console (-DPENSTOCK_CONSOLE=OFF).
#include "plugins/console/assets.h"

namespace penstock::plugins::console {

const std::vector<Asset>& assets() {
    static const std::vector<Asset> none;
    return none;
}

}  // namespace penstock::plugins::console
