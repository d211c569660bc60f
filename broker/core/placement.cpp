#include "broker/core/placement.h"

#include "broker/base/bytes.h"
#include "broker/base/check.h"
#include "broker/core/refusals.h"

#include <algorithm>

namespace penstock::core {

namespace {

constexpr std::uint8_t placement_version = 1;
constexpr std::string_view balancing_key = "B";

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

std::optional<model::NodeInfo> find_node(const model::Rows& rows, model::NodeId node) {
    const auto bytes = rows.get(node_key(node));
    if (!bytes) return {};
    return decode_node(*bytes);
}

model::Reply no_such_node(model::NodeId node, const char* parameter) {
    return refuse(model::Reason::invalid_parameter,
                  parameter,
                  "there is no node " + std::to_string(node.value));
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

model::RowBatch without_placement() {
    using Kind = model::RowWrite::Kind;
    return {{Kind::erase_range, "N", "O"},
            {Kind::erase_range, "S", "T"},
            {Kind::erase_range, "D", "E"},
            {Kind::erase, std::string(balancing_key), {}}};
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
    const auto known = find_node(turn, command.info.node);
    if (!known && list_nodes(turn).size() >= model::nodes_max) {
        return refuse(model::Reason::invalid_parameter, "node", "a cluster has at most 256 nodes");
    }
    model::NodeInfo kept = command.info;
    kept.leaving = known && known->leaving;
    turn.put(node_key(kept.node), encode(kept));
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
    // A set that was there may be lost: nobody holds it.
    const bool lost = data && info.replicas.empty() && find_set(turn, info.set);
    const bool too_many = data && info.replicas.size() > model::replicas_max;
    if ((info.replicas.empty() && !lost) || too_many) {
        return refuse(
            model::Reason::invalid_parameter, "replicas", "a data set has 1 to 7 replicas");
    }
    for (const model::NodeId node : info.replicas) {
        if (!find_node(turn, node)) return no_such_node(node, "replicas");
    }
    // Who founded it cannot be told anew.
    const auto known = find_set(turn, info.set);
    model::SetInfo kept = info;
    if (known) kept.founders = known->founders;
    turn.put(set_key(info.set), encode(kept));
    return model::Done{};
}

bool is_balancing(const model::Rows& rows) {
    return rows.get(balancing_key).has_value();
}

model::Reply set_balancing(Turn& turn, const model::SetBalancing& command) {
    if (command.on) {
        turn.put(std::string(balancing_key), std::string());
    } else {
        turn.erase(std::string(balancing_key));
    }
    return model::Done{};
}

model::Reply mark_leaving(Turn& turn, const model::MarkLeaving& command) {
    auto info = find_node(turn, command.node);
    if (!info) return no_such_node(command.node, "node");
    info->leaving = command.leaving;
    turn.put(node_key(command.node), encode(*info));
    return model::Done{};
}

model::Reply prefer_leader(Turn& turn, const model::PreferLeader& command) {
    auto info = find_set(turn, command.set);
    if (!info) {
        return refuse(model::Reason::invalid_parameter,
                      "set",
                      "there is no set " + std::to_string(command.set.value));
    }
    const auto found = std::find(info->replicas.begin(), info->replicas.end(), command.node);
    if (found == info->replicas.end()) {
        return refuse(model::Reason::invalid_parameter, "node", "it holds no replica of the set");
    }
    std::rotate(info->replicas.begin(), found, found + 1);
    turn.put(set_key(command.set), encode(*info));
    return model::Done{};
}

}  // namespace penstock::core
