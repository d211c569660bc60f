#include "broker/replication/local_log.h"
