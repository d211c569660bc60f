// The entry of every fuzz target. PENSTOCK_SEEDS names a folder: the seeds are written there, each
// also cut, lengthened and with bytes changed, and the program ends.
#include "tests/fuzz/target.h"

#include <cstdlib>
#include <fstream>

namespace {

void write(const std::string& folder, std::size_t number, std::string_view bytes) {
    std::ofstream file(folder + "/seed-" + std::to_string(number), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::vector<std::string> broken(const std::string& whole) {
    std::string flipped = whole;
    std::string zeroed = whole;
    if (!whole.empty()) {
        const std::size_t at = penstock::fuzz::some_cut(whole);
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
        zeroed[whole.size() - 1] = '\0';
    }
    return {whole.substr(0, whole.size() / 2), whole + whole, flipped, zeroed};
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const char* folder = std::getenv("PENSTOCK_SEEDS");
    if (folder == nullptr) return 0;
    std::size_t number = 0;
    for (const std::string& seed : penstock::fuzz::seeds()) {
        write(folder, number++, seed);
        for (const std::string& other : broken(seed)) write(folder, number++, other);
    }
    std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    penstock::fuzz::one_input({reinterpret_cast<const char*>(data), size});
    return 0;
}
