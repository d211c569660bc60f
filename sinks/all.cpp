#include "sinks/sink.h"
