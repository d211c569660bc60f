#include "broker/storage/rows/row_store.h"
