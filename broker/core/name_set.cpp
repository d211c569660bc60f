#include "broker/core/state_machine.h"
