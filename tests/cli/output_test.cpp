#include "broker/cli/output.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <sstream>

namespace penstock::cli {

namespace {

const Columns columns = {{"NAME", "name"}, {"TO", "http.url|queue.name"}, {"KEPT", "retention"}};

boost::json::array items() {
    return boost::json::parse(R"([{"name":"a","http":{"url":"http://x"},"retention":86400},
                                  {"name":"größer","queue":{"name":"q\n\u001b[2J"},
                                   "retention":90}])")
        .as_array();
}

std::string printed(Format format) {
    std::ostringstream out;
    print_items(out, format, items(), columns);
    return out.str();
}

TEST(CliOutput, ATableIsAlignedByCharacters) {
    EXPECT_EQ(printed(Format::table),
              "NAME    TO          KEPT\n"
              "a       http://x    1d\n"
              "größer  q\\n\\x1b[2J  90s\n");
}

TEST(CliOutput, LinesAreTabSeparatedAndHaveNoHeader) {
    EXPECT_EQ(printed(Format::lines), "a\thttp://x\t1d\ngrößer\tq\\n\\x1b[2J\t90s\n");
}

TEST(CliOutput, JsonIsOneArrayAndNdjsonOneObjectALine) {
    EXPECT_EQ(printed(Format::ndjson),
              "{\"name\":\"a\",\"http\":{\"url\":\"http://x\"},\"retention\":86400}\n"
              "{\"name\":\"größer\",\"queue\":{\"name\":\"q\\n\\u001b[2J\"},\"retention\":90}\n");
    EXPECT_EQ(printed(Format::json).front(), '[');
}

TEST(CliOutput, AnEmptyListIsAHeaderOnATerminalAndNothingElsewhere) {
    std::ostringstream table;
    print_items(table, Format::table, {}, columns);
    EXPECT_EQ(table.str(), "NAME  TO  KEPT\n");
    std::ostringstream lines;
    print_items(lines, Format::lines, {}, columns);
    EXPECT_EQ(lines.str(), "");
}

TEST(CliOutput, FractionsAreWrittenAsPeopleDo) {
    boost::json::object item;
    item["a"] = 0.0;
    item["b"] = 12.5;
    std::ostringstream lines;
    print_object(lines, Format::lines, item);
    EXPECT_EQ(lines.str(), "a\t0\nb\t12.5\n");
}

TEST(CliOutput, LongCellsAreCutOnATerminalOnly) {
    boost::json::array one;
    boost::json::object item;
    item["name"] = std::string(200, 'x');
    one.emplace_back(item);
    std::ostringstream table;
    print_items(table, Format::table, one, {{"NAME", "name"}});
    EXPECT_EQ(table.str(), "NAME\n" + std::string(71, 'x') + "…\n");
    std::ostringstream lines;
    print_items(lines, Format::lines, one, {{"NAME", "name"}});
    EXPECT_EQ(lines.str(), std::string(200, 'x') + "\n");
}

TEST(CliOutput, AnObjectShowsItsFieldsWithUnits) {
    std::ostringstream out;
    print_object(out,
                 Format::lines,
                 boost::json::parse(R"({"name":"jobs","retention":345600,"max_size":65536,
                                        "dead_letter":null,"tags":["a","b"],
                                        "poll":0,"messages":{"visible":3},
                                        "retry":{"steps":[
                                            {"min_ms":10000,"max_ms":20000,"times":3},
                                            {"min_ms":500,"max_ms":500,"times":1}]}})")
                     .as_object());
    EXPECT_EQ(out.str(),
              "name\tjobs\nretention\t4d\nmax_size\t64KiB\ndead_letter\tnone\ntags\ta,b\n"
              "poll\t0s\nmessages.visible\t3\nretry.steps\t10s-20s x3,500ms\n");
}

}  // namespace

}  // namespace penstock::cli
