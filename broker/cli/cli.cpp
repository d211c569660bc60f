#include "broker/model/message.h"
