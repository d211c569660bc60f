#include "broker/storage/log/log_store.h"
