// Which bug is planted in this process: none, until plant() is called. One thread.
#pragma once

#include "broker/base/planted.h"

namespace penstock::planted_bugs {

void plant(Bug bug);

}  // namespace penstock::planted_bugs
