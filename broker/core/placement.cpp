#include "broker/core/placement.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/core/refusals.h"

#include <algorithm>

namespace penstock::core {

namespace {

constexpr std::uint8_t placement_version = 1;

std::string node_key(model::NodeId node) {
    std::string key = "N";
    Writer(key).key_u64(node.value);
    return key;
}

std::string dropped_key(model::NodeId node) {
    std::string key = "D";
    Writer(key).key_u64(node.value);
    return key;
}

std::string set_key(model::SetId set) {
    std::string key = "S";
    Writer(key).key_u64(set.value);
    return key;
}

void put_ids(Writer& writer, const std::vector<model::NodeId>& nodes) {
    writer.varint(nodes.size());
    for (const model::NodeId node : nodes) writer.varint(node.value);
}

std::vector<model::NodeId> take_ids(Reader& reader) {
    std::vector<model::NodeId> nodes(reader.count(1));
    for (model::NodeId& node : nodes) node.value = reader.varint();
    return nodes;
}

std::string encode(const model::NodeInfo& info) {
    std::string out;
    Writer writer(out);
    writer.u8(placement_version);
    writer.varint(info.node.value);
    writer.bytes(info.peer_address);
    writer.bytes(info.http_address);
    writer.bytes(info.zone);
    writer.boolean(info.leaving);
    return out;
}

model::NodeInfo decode_node(std::string_view bytes) {
    Reader reader(bytes);
    check(reader.u8() == placement_version, "a node's row of another version");
    model::NodeInfo info;
    info.node.value = reader.varint();
    info.peer_address = reader.text();
    info.http_address = reader.text();
    info.zone = reader.text();
    info.leaving = reader.boolean();
    check(reader.done(), "a node's row is malformed");
    return info;
}

std::string encode(const model::SetInfo& info) {
    std::string out;
    Writer writer(out);
    writer.u8(placement_version);
    writer.varint(info.set.value);
    put_ids(writer, info.founders);
    put_ids(writer, info.replicas);
    return out;
}

model::SetInfo decode_set(std::string_view bytes) {
    Reader reader(bytes);
    check(reader.u8() == placement_version, "a set's row of another version");
    model::SetInfo info;
    info.set.value = static_cast<std::uint16_t>(reader.varint());
    info.founders = take_ids(reader);
    info.replicas = take_ids(reader);
    check(reader.done(), "a set's row is malformed");
    return info;
}

bool knows(const model::Rows& rows, model::NodeId node) {
    return rows.get(node_key(node)).has_value();
}

}  // namespace

std::vector<model::NodeInfo> list_nodes(const model::Rows& rows) {
    std::vector<model::NodeInfo> nodes;
    rows.scan("N", "O", [&](std::string_view, std::string_view value) {
        nodes.push_back(decode_node(value));
        return true;
    });
    return nodes;
}

std::vector<model::SetInfo> list_sets(const model::Rows& rows) {
    std::vector<model::SetInfo> sets;
    rows.scan("S", "T", [&](std::string_view, std::string_view value) {
        sets.push_back(decode_set(value));
        return true;
    });
    return sets;
}

std::optional<model::SetInfo> find_set(const model::Rows& rows, model::SetId set) {
    const auto bytes = rows.get(set_key(set));
    if (!bytes) return {};
    return decode_set(*bytes);
}

bool was_dropped(const model::Rows& rows, model::NodeId node) {
    return rows.get(dropped_key(node)).has_value();
}

model::Reply put_node(Turn& turn, const model::PutNode& command) {
    if (command.info.node.value == 0) {
        return refuse(model::Reason::invalid_parameter, "node", "node ids begin at 1");
    }
    if (was_dropped(turn, command.info.node)) {
        return refuse(model::Reason::invalid_parameter,
                      "node",
                      "node " + std::to_string(command.info.node.value) +
                          " was a member before: ids are never given twice");
    }
    const bool fresh = !knows(turn, command.info.node);
    if (fresh && list_nodes(turn).size() >= model::nodes_max) {
        return refuse(model::Reason::invalid_parameter, "node", "a cluster has at most 256 nodes");
    }
    turn.put(node_key(command.info.node), encode(command.info));
    return model::Done{};
}

model::Reply drop_node(Turn& turn, const model::DropNode& command) {
    for (const model::SetInfo& set : list_sets(turn)) {
        const bool holds =
            std::find(set.replicas.begin(), set.replicas.end(), command.node) != set.replicas.end();
        if (!holds) continue;
        return refuse(model::Reason::invalid_parameter,
                      "node",
                      "it still holds a replica of set " + std::to_string(set.set.value));
    }
    turn.erase(node_key(command.node));
    turn.put(dropped_key(command.node), std::string());
    return model::Done{};
}

model::Reply put_set(Turn& turn, const model::PutSet& command) {
    const model::SetInfo& info = command.info;
    const bool data = info.set != model::names_set;
    if (info.replicas.empty() || (data && info.replicas.size() > model::replicas_max)) {
        return refuse(
            model::Reason::invalid_parameter, "replicas", "a data set has 1 to 7 replicas");
    }
    for (const model::NodeId node : info.replicas) {
        if (knows(turn, node)) continue;
        return refuse(model::Reason::invalid_parameter,
                      "replicas",
                      "there is no node " + std::to_string(node.value));
    }
    // Who founded it cannot be told anew.
    const auto known = find_set(turn, info.set);
    model::SetInfo kept = info;
    if (known) kept.founders = known->founders;
    turn.put(set_key(info.set), encode(kept));
    return model::Done{};
}

}  // namespace penstock::core
