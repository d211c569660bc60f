#include "broker/api/dispatch.h"
