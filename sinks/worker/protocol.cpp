#include "sinks/worker/protocol.h"
