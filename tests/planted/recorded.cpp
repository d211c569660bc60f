#include "tests/planted/recorded.h"

namespace penstock::planted_bugs {

const std::vector<Recorded>& recorded() {
    static const std::vector<Recorded> bugs{
        {K2, "raft", 1},      {K3, "raft", 1},      {K4, "node", 1},      {K5, "node", 1},
        {K6, "node", 2},      {K7, "node", 1},      {K8, "cluster", 7},   {K10, "raft", 2},
        {K11, "raft", 1},     {K12, "cluster", 5},  {K13, "history", 4},  {K14, "outbox", 17},
        {K15, "outbox", 1},   {K16, "node", 1},     {K17, "history", 70}, {K18, "outbox", 1},
        {K19, "node", 1},     {K20, "damage", 2},   {K21, "damage", 1},   {K22, "cluster", 8},
        {K23, "cluster", 31}, {K24, "raft", 147},   {K25, "raft", 12},    {K26, "cluster", 1},
        {K27, "raft", 1},     {K28, "history", 1},  {K29, "node", 1},     {K30, "node", 5},
        {K31, "raft", 8},     {K32, "raft", 1},     {K33, "raft", 2},     {K34, "node", 1},
        {K35, "raft", 1},     {K36, "cluster", 344}, {K37, "history", 1},  {K38, "history", 1},
        {K39, "history", 1},
    };
    return bugs;
}

}  // namespace penstock::planted_bugs
