// Reads a history and says what is wrong with it: `nemesis_check FILE`. Exit 0: nothing; 1: the
// findings, one a line; 2: it cannot be read.
#include "tests/nemesis/conservation.h"
#include "tests/nemesis/intervals.h"
#include "tests/nemesis/linearizability.h"

#include <fstream>
#include <iostream>
#include <iterator>

int main(int count, char** words) {
    using namespace penstock::nemesis;
    std::ifstream file(count == 2 ? words[1] : "");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto history = read_history(text);
    if (text.empty() || !history) {
        std::cerr << (history ? "an empty history" : history.error().detail) << "\n";
        return 2;
    }
    std::size_t findings = 0;
    for (const auto& check : {check_conservation, check_intervals, check_linearizability}) {
        for (const Finding& finding : check(*history)) {
            std::cout << finding.rule << ": " << finding.what << "\n";
            ++findings;
        }
    }
    if (findings > 0) return 1;
    std::cout << history->operations.size() << " operations, nothing wrong\n";
    return 0;
}
